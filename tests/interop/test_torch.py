"""Networks to PyTorch and back: the same outputs and gradients, or a sentence that names all at fault."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import models, nn
from tinynet.errors import ConversionError, InputError
from tinynet.interop import frameworks, from_torch, layouts, to_torch
from tinynet.interop.torch_plan import from_torch_names, pairs, plan

from .networks import SHAPES, everything, images, mobile, no_dropout, randomised, upstream, values

live = pytest.mark.skipif(frameworks.missing("torch") is not None, reason=str(frameworks.missing("torch")))
CLOSE = 1e3 * np.finfo(np.float64).eps  # the sums of these networks are short


def their_values(module, pictures):
    """As `values` of a module of PyTorch, images in our layout; gradients by PyTorch's names."""
    import torch

    x = torch.tensor(layouts.images_to_torch(pictures), requires_grad=True)
    y = module(x)
    y.backward(torch.tensor(upstream(tuple(y.shape))))
    grads = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    return y.detach().numpy(), layouts.images_from_torch(x.grad.numpy()), grads


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= CLOSE * max(1.0, np.abs(theirs).max())


def assert_same(ours, theirs):
    """Outputs, gradients of images, gradients of parameters in order."""
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        assert_close(one, other)
    for one, other in zip(ours[2].values(), theirs[2].values(), strict=True):
        assert_close(one, other)


@live
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("network", [everything, mobile])
def test_a_network_computes_the_same_in_pytorch(network, shape, training):
    model = no_dropout(randomised(network(shape))).train(training)
    module = to_torch(model, shape)
    ours = values(model, images(shape), upstream)
    output, grad, grads = their_values(module, images(shape))
    parts = plan(model, shape)
    assert_same(ours, (output, grad, from_torch_names(parts, grads)))
    state = from_torch_names(parts, {name: array.numpy() for name, array in module.state_dict().items()})
    for name, array in model.state_dict().items():  # running statistics moved alike
        assert_close(array, state[name])


@live
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("network", [everything, mobile])
def test_there_and_back_is_the_same_network(network, shape):
    model = no_dropout(randomised(network(shape)))
    again = from_torch(to_torch(model, shape), shape)
    assert again.input_shape == shape and again[0].weight.dtype == np.float64
    ours, theirs = values(model, images(shape), upstream), values(again, images(shape), upstream)
    assert_same(ours, theirs)
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(one, other)


@live
def test_a_network_of_the_zoo_knows_its_input_shape_and_keeps_mode_and_frozen_weights():
    model = models.build("mobilenet-28", width=0.25).eval()
    model[0].weight.requires_grad = False
    module = to_torch(model)
    assert not module.training and not module[0].weight.requires_grad and module[3].weight.requires_grad
    again = from_torch(module)
    assert not again.training and not again[4].training and not again[0].weight.requires_grad
    assert [type(layer) for layer in again] == [type(layer) for layer in model]
    assert model[9].padding == "same" and again[9].padding == ((0, 1), (0, 1))


@live
def test_conversions_draw_no_random_numbers():
    import torch

    model = mobile()
    torch.manual_seed(1)
    tn.seed(1)
    expected = torch.rand(3), tn.random.stream("init").random(3)
    torch.manual_seed(1)
    tn.seed(1)
    from_torch(to_torch(model, (8, 8, 3)))
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(tn.random.stream("init").random(3), expected[1])


def torchvision_style():
    """Blocks within blocks, a strided convolution padded on both sides, a mean, a classifier."""
    from collections import OrderedDict

    from torch import nn as theirs

    def block(inputs, outputs, **options):
        bias = options.pop("bias", False)
        return theirs.Sequential(
            theirs.Conv2d(inputs, outputs, 3, padding=1, bias=bias, **options),
            theirs.BatchNorm2d(outputs),
            theirs.ReLU6(inplace=True),
        )

    features = theirs.Sequential(block(3, 4, stride=2), block(4, 8, groups=4), theirs.Identity())
    pool = theirs.Sequential(theirs.MaxPool2d(3, 2, 1), theirs.AdaptiveAvgPool2d((1, 1)))
    classifier = theirs.Sequential(theirs.Flatten(), theirs.Dropout(0.0), theirs.Linear(8, 5))
    return theirs.Sequential(OrderedDict(features=features, pool=pool, classifier=classifier))


def convolutional_head():
    """Unpooled pixels into dense layers with a batch norm between; then an average and a 1x1 convolution."""
    from torch import nn as theirs

    return theirs.Sequential(
        theirs.ZeroPad2d((1, 0, 2, 1)),
        theirs.Conv2d(3, 6, (2, 3), padding=(0, 1)),
        theirs.Tanh(),
        theirs.AvgPool2d(2, ceil_mode=True),
        theirs.Conv2d(6, 6, 1),
        theirs.AdaptiveAvgPool2d(1),
        theirs.BatchNorm2d(6),
        theirs.Conv2d(6, 4, 1),
        theirs.Softmax(dim=1),
        theirs.Flatten(),
    )


def flattened():
    """Flatten, then batch norm and a dense layer of its rows."""
    from torch import nn as theirs

    return theirs.Sequential(
        theirs.Conv2d(3, 4, 3, padding="same"),
        theirs.Sigmoid(),
        theirs.AvgPool2d(3, 2, 1, count_include_pad=False),
        theirs.Flatten(),
        theirs.BatchNorm1d(4 * 5 * 6),
        theirs.Linear(4 * 5 * 6, 3),
        theirs.Softmax(dim=-1),
    )


@live
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("network", [torchvision_style, convolutional_head, flattened])
def test_a_module_of_pytorch_computes_the_same_here(network, training):
    import torch

    torch.manual_seed(0)
    module = network().double().train(training)
    for name, parameter in module.named_parameters():
        parameter.data += 0.1 * torch.rand_like(parameter)  # no gamma of one, no beta of zero
        assert parameter.requires_grad, name
    model = from_torch(module, (9, 11, 3))
    assert_same_network(model, module)


def assert_same_network(model, module):
    ours = values(model, images((9, 11, 3)), upstream)
    output, grad, grads = their_values(module, images((9, 11, 3)))
    assert_close(ours[0], output)
    assert_close(ours[1], grad)
    groups = {}
    for name, array in grads.items():
        owner, _, attribute = name.rpartition(".")
        groups.setdefault(owner, {})[attribute] = array
    parts = [part for part in plan(model, (9, 11, 3)) if part.arrays]
    compared = 0
    for part, group in zip(parts, groups.values(), strict=True):
        for attribute, layout in part.arrays.items():
            if f"{part.name}.{attribute}" in ours[2]:
                expected = layout.from_torch(group[layouts.TORCH_NAMES[attribute]])
                assert_close(ours[2][f"{part.name}.{attribute}"], expected)
                compared += 1
    assert compared == len(grads) == len(ours[2])


@live
def test_everything_that_cannot_be_converted_is_named_in_one_error():
    from torch import nn as theirs

    module = theirs.Sequential(
        theirs.Conv2d(4, 8, 3, groups=2),
        theirs.GELU(),
        theirs.Sequential(theirs.Conv2d(8, 8, 3, dilation=2), theirs.AvgPool2d(2, padding=1)),
        theirs.BatchNorm2d(8, momentum=None),
        theirs.Dropout(1.0),
        theirs.ZeroPad2d(1),
        theirs.MaxPool2d(2),
        theirs.AdaptiveAvgPool2d(7),
        theirs.Linear(8, 2).half(),
    )
    with pytest.raises(ConversionError) as refused:
        from_torch(module)
    sentence = str(refused.value)
    for part in (
        "0 Conv2d: groups=2 of 4 channels",
        "1 GELU: there is no such layer here",
        "2.0 Conv2d: dilation=(2, 2)",
        "2.1 AvgPool2d: it counts its padding",
        "3 BatchNorm2d: momentum=None",
        "4 Dropout: rate expects",
        "6 MaxPool2d: it follows a padding with 0",
        "7 AdaptiveAvgPool2d: its windows depend on the size of the images: give input_shape",
        "8 Linear: its arrays are of float16",
    ):
        assert part in sentence
    assert sentence.count(";") == 9  # one of them within the list of known layers


@live
@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda t: t.Sequential(t.Conv2d(1, 2, 3), t.Flatten()), "the end: it is a flattened image"),
        (lambda t: t.Sequential(t.Flatten(), t.Linear(12, 2)), "unknown channels: give input_shape"),
        (lambda t: t.Sequential(t.Conv2d(1, 2, 3).half()), r"of float16: write module\.float\(\) first"),
        (lambda t: t.Sequential(t.Conv2d(1, 2, 3, padding_mode="reflect")), "'reflect', but we"),
        (lambda t: t.Sequential(t.Conv2d(1, 2, 3), t.ZeroPad2d(1)), "the end: it ends in a padding"),
        (lambda t: t.Sequential(*[t.Linear(2, 2)] * 2), "1 Linear: it comes twice"),
        (lambda t: t.Sequential(t.Softmax(dim=-1)), "dim=-1, but ours is over.*give input_shape"),
        (lambda t: t.TransformerEncoderLayer(8, 2), "cannot be seen: write it as a torch.nn.Sequential"),
    ],
)
def test_what_would_compute_something_else_is_refused(build, sentence):
    import torch

    with pytest.raises(ConversionError, match=sentence):
        from_torch(build(torch.nn))


@live
def test_a_single_module_is_a_network_of_one_layer():
    import torch

    model = from_torch(torch.nn.Linear(3, 2))
    assert len(model) == 1 and model[0].weight.shape == (3, 2)
    with pytest.raises(InputError, match="expects a torch.nn.Module, got dict"):
        from_torch({})


@live
def test_a_batch_norm_without_weights_stays_without():
    import torch

    model = from_torch(torch.nn.Sequential(torch.nn.BatchNorm2d(3, affine=False)))
    assert not model[0].gamma.requires_grad and not model[0].beta.requires_grad


# Without PyTorch


def test_a_missing_pytorch_is_a_sentence(monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)
    for function in (lambda: to_torch(mobile(), (8, 8, 3)), lambda: from_torch(None)):
        with pytest.raises(InputError, match="PyTorch is not installed: pip install torch"):
            function()


def test_names_are_those_of_the_layers():
    names = [names.torch for names in pairs(plan(everything(), SHAPES["even"]))]
    assert names[:3] == ["0.convolution.weight", "0.convolution.bias", "1.weight"]
    assert "3.0.convolution.weight" in names and "6.depthwise.weight" in names and "11.bias" in names


def test_everything_that_pytorch_lacks_is_named_in_one_error():
    class Own(nn.Module):
        pass

    model = nn.Sequential(
        nn.BatchNorm(3),
        Own(),
        nn.DepthwiseConv2D(3, kernel_size=3, stride=2, padding="same"),
        nn.AvgPool2D(2, padding=((0, 1), (0, 1))),
    )
    with pytest.raises(ConversionError) as refused:
        to_torch(model)
    sentence = str(refused.value)
    for part in (
        "layers.0 BatchNorm(3): it is another layer there for images than for rows: give input_shape",
        "layers.1 Own(): there is no such layer there",
        'padding "same" with a stride depends on the size of the images: give input_shape',
        "what its padding is there depends on the size",
    ):
        assert part in sentence
    with pytest.raises(InputError, match="to_torch expects a Sequential, got Dense"):
        to_torch(nn.Dense(2, 2))


def test_a_network_that_ends_in_a_flattened_image_is_refused():
    with pytest.raises(ConversionError, match="it ends in a flattened image"):
        plan(nn.Sequential(nn.Conv2D(1, 2, kernel_size=3), nn.Flatten()))
    assert plan(nn.Sequential(nn.Conv2D(1, 2, kernel_size=3), nn.Flatten()), (3, 3, 1))  # of one pixel


def test_arrays_come_back_from_the_other_layout():
    rng = np.random.default_rng(0)
    for layer, channels in (
        (nn.Conv2D(2, 3, kernel_size=(2, 4)), 1),
        (nn.DepthwiseConv2D(3, kernel_size=2, depth_multiplier=2), 1),
        (nn.DepthwiseConv2D(3, kernel_size=2), 1),
        (nn.PointwiseConv2D(2, 3), 1),
        (nn.Dense(12, 5), 3),
        (nn.BatchNorm(6), 2),
    ):
        for layout in layouts.of(layer, channels).values():
            array = rng.random(layout.shape)
            there = layout.to_torch(array)
            assert there.shape == layout.torch_shape
            np.testing.assert_array_equal(layout.from_torch(there), array)
    with pytest.raises(ConversionError, match="12 features, which cannot be the pixels of an image with 5"):
        layouts.of(nn.Dense(12, 5), 5)

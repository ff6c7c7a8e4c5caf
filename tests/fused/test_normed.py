"""Chains of convolution, batch norm and ReLU: equal to the layers one by one, forward and backward."""

import contextlib

import numba
import numpy as np
import pytest

import tinynet as tn
from tests.again import FOUR_THREADS, WITHOUT_COMPILER, run_again
from tinynet import fused, nn
from tinynet.errors import GradientError, InputError
from tinynet.kernels import threads


def normed(convolution, channels, activation=nn.ReLU):
    return [convolution, nn.BatchNorm(channels), activation()]


def depthwise(channels, **options):
    return normed(nn.DepthwiseConv2D(channels, 3, bias=False, **options), channels)


def pointwise(inputs, outputs, activation=nn.ReLU):
    return normed(nn.PointwiseConv2D(inputs, outputs, bias=False), outputs, activation)


def standard(inputs, outputs, size=3, **options):
    return normed(nn.Conv2D(inputs, outputs, size, bias=False, **options), outputs)


CHAINS = {  # layers, shape of the images
    "pointwise": (lambda: pointwise(5, 7), (3, 5, 6, 5)),
    "one pixel": (lambda: pointwise(3, 4), (5, 1, 1, 3)),
    "relu6": (lambda: pointwise(5, 7, nn.ReLU6), (3, 5, 6, 5)),
    "depthwise same": (lambda: depthwise(5, padding="same"), (3, 5, 6, 5)),
    "depthwise valid": (lambda: depthwise(3), (2, 5, 4, 3)),
    "depthwise uneven": (lambda: depthwise(3, padding=((2, 0), (1, 2))), (2, 5, 4, 3)),
    "depthwise one row": (lambda: depthwise(3, padding="same"), (4, 1, 4, 3)),
    "depthwise two rows": (lambda: depthwise(3, padding="same"), (4, 2, 4, 3)),
    "depthwise one row left of three": (lambda: depthwise(3), (4, 3, 4, 3)),
    "stride 2 one row": (lambda: depthwise(3, stride=2, padding="same"), (4, 1, 4, 3)),
    "stride 2 three rows of output": (lambda: depthwise(3, stride=2, padding="same"), (3, 6, 4, 3)),
    "stride 2 same odd": (lambda: depthwise(5, stride=2, padding="same"), (3, 5, 7, 5)),
    "stride 2 same even": (lambda: depthwise(8, stride=2, padding="same"), (3, 6, 8, 8)),
    "stride 2 valid, a row and a column left over": (lambda: depthwise(5, stride=2), (3, 6, 8, 5)),
    "stride 2, as large as before": (
        lambda: [*pointwise(3, 3), *depthwise(3, stride=2, padding=((0, 4), (0, 4)))],
        (4, 3, 3, 3),
    ),
    "stride 2 around": (lambda: depthwise(5, stride=2, padding=1), (1, 7, 6, 5)),
    "standard": (lambda: standard(1, 6, padding="same"), (3, 6, 5, 1)),
    "standard stride 2": (lambda: standard(3, 8, stride=2, padding="same"), (2, 7, 6, 3)),
    "standard 5x5": (lambda: standard(2, 4, size=5), (2, 8, 7, 2)),
    "whole": (
        lambda: [
            *standard(3, 8, stride=2, padding="same"),
            *depthwise(8, padding="same"),
            *pointwise(8, 33, nn.ReLU6),
            *depthwise(33, stride=2, padding="same"),
            *pointwise(33, 4),
        ],
        (5, 13, 12, 3),
    ),
    "many images": (lambda: [*depthwise(3, padding="same"), *pointwise(3, 3)], (67, 4, 3, 3)),
}
ROUNDING = {np.float64: 4096, np.float32: 32}  # units of the dtype's rounding, of an array's largest number


def filled(layers, dtype):
    """A network with all its parameters away from the values they start with."""
    model = nn.Sequential(*layers).astype(dtype)
    rng = np.random.default_rng(3)
    for parameter in model.parameters():
        with parameter._writing() as array:
            array += 0.2 * rng.standard_normal(array.shape).astype(dtype)
    return model


def outcome(model, x, together=True):
    """All that a step of training leaves behind: the output, the gradients, the running statistics."""
    model.zero_grad()
    before = model.state_dict()
    x = tn.Tensor(x, requires_grad=True)
    with contextlib.nullcontext() if together else fused.disabled():
        y = model(x)
    assert (y._creator.name.startswith("ConvNormReLU")) == together
    y.backward(np.random.default_rng(5).standard_normal(y.shape).astype(y.dtype))
    found = {"output": y.numpy(), "images": x.grad, **dict(model.named_buffers())}
    found.update((name, parameter.grad) for name, parameter in model.named_parameters())
    model.load_state_dict(before)
    return found


def images(shape, dtype=np.float64):
    return np.random.default_rng(4).standard_normal(shape).astype(dtype)


def assert_close(got, want, tolerance):
    assert got.keys() == want.keys()
    for name in want:
        scale = np.abs(want[name]).max() + 1
        np.testing.assert_allclose(got[name], want[name], rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_equals_its_layers_one_by_one(chain, dtype):
    layers, shape = CHAINS[chain]
    model = filled(layers(), dtype)
    x = images(shape, dtype)
    got = outcome(model, x)
    exact = outcome(model.astype(np.float64), x.astype(np.float64), together=False)
    assert_close(got, exact, ROUNDING[dtype] * np.finfo(dtype).eps)


def test_the_gradient_is_the_slope():
    model = filled([*standard(2, 3, padding="same"), *depthwise(3, stride=2), *pointwise(3, 2)], np.float64)
    parameters = model.parameters()

    def apply(x, *arrays):
        for parameter, array in zip(parameters, arrays, strict=True):
            parameter.data = array.numpy()
        return fused.normed.ConvNormReLU(step._links(x))(x, *arrays)

    ((_, _, step),) = fused.plan.runs(model, model.layers)
    tn.gradcheck(apply, images((2, 7, 6, 2)), *[parameter.numpy() for parameter in parameters])


@pytest.mark.parametrize("chain", ["whole", "many images"])
def test_any_number_of_threads_gives_the_same_bits(chain):
    layers, shape = CHAINS[chain]
    model, x = filled(layers(), np.float32), images(shape, np.float32)
    found = []
    before = threads.num_threads()
    try:
        for count in [n for n in (1, 2, 4) if n <= numba.config.NUMBA_NUM_THREADS]:
            threads.set_num_threads(count)
            found.append(outcome(model, x))
    finally:
        threads.set_num_threads(before)
    for other in found[1:]:
        assert all(np.array_equal(other[name], found[0][name]) for name in found[0])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS >= 4, reason="four threads were tested above")
def test_four_threads_give_the_same_bits_also_on_a_small_machine():
    run_again(__file__, FOUR_THREADS, select="same_bits")


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="there is one thread only")
@pytest.mark.parametrize(("forward", "backward"), [(1, 2), (2, 1)])
def test_between_forward_and_backward_the_number_of_threads_may_change(forward, backward):
    layers, shape = CHAINS["whole"]
    model, x = filled(layers(), np.float32), images(shape, np.float32)
    model(x).sum().backward()
    want = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    before = threads.num_threads()
    try:
        threads.set_num_threads(forward)
        y = model(x).sum()
        threads.set_num_threads(backward)
        y.backward()
    finally:
        threads.set_num_threads(before)
    assert all(map(np.array_equal, [parameter.grad for parameter in model.parameters()], want))


def test_a_large_mean_costs_no_accuracy():
    layers, shape = CHAINS["pointwise"]
    model = filled(layers(), np.float32)
    x = images(shape, np.float32) + 300
    exact = outcome(filled(layers(), np.float64), x.astype(np.float64), together=False)
    ours, simple = outcome(model, x), outcome(model, x, together=False)

    def distance(found):
        return np.abs(found["output"] - exact["output"]).max()

    assert distance(ours) <= 3 * distance(simple)


def test_a_nan_reaches_the_output():
    layers, shape = CHAINS["depthwise same"]
    x = images(shape, np.float32)
    x[0, 2, 2, 1] = np.nan
    y = filled(layers(), np.float32)(x).numpy()
    assert np.isnan(y[..., 1]).all()  # a channel's statistics are of all images
    assert not np.isnan(y[..., [0, 2, 3, 4]]).any()


def test_frozen_parameters_get_no_gradient_and_the_others_theirs():
    layers, shape = CHAINS["whole"]
    model, x = filled(layers(), np.float64), images(shape)
    want = outcome(model, x, together=False)
    frozen = [name for name, _ in model.named_parameters()][1::2]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name not in frozen
    got = outcome(model, x)
    assert all(got.pop(name) is None for name in frozen)
    assert_close(got, {name: want[name] for name in got}, 1e-12)


def test_images_that_need_no_gradient_get_none():
    layers, shape = CHAINS["standard"]
    model, x = filled(layers(), np.float64), images(shape)
    model(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_without_gradients_training_statistics_still_move():
    layers, shape = CHAINS["pointwise"]
    model = filled(layers(), np.float64)
    with tn.no_grad():
        y = model(images(shape))
    assert not y.requires_grad
    assert np.abs(model[1].running_mean).max() > 0


def runs(layers):
    model = nn.Sequential(*layers)
    return [(run.first, run.last) for run in fused.plan.runs(model, model.layers) if run.together]


def test_a_whole_mobilenet_is_one_chain():
    model = tn.models.build("mobilenet", width=0.25, resolution=32)
    assert runs(list(model)) == [(0, 81)]


@pytest.mark.parametrize(
    "unfit",
    [
        nn.PointwiseConv2D(4, 4),  # a bias
        nn.DepthwiseConv2D(4, 5, bias=False, padding="same"),
    ],
)
def test_an_unfit_group_ends_a_chain_and_the_next_begins_behind_it(unfit):
    chain, another = (pointwise(4, 4) + depthwise(4, padding="same") for _ in range(2))
    layers = [*chain, *normed(unfit, 4), *another]
    assert runs(layers) == [(0, 6), (9, 15)]
    model, x = filled(layers, np.float64), images((2, 8, 7, 4))
    got, want = outcome(model, x), outcome(model, x, together=False)
    assert_close(got, want, ROUNDING[np.float64] * np.finfo(np.float64).eps)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.PointwiseConv2D(3, 4), nn.BatchNorm(4), nn.ReLU()],  # a bias
        [nn.PointwiseConv2D(3, 4, bias=False), nn.BatchNorm(4)],
        [nn.PointwiseConv2D(3, 4, bias=False), nn.BatchNorm(4).eval(), nn.ReLU()],
        [nn.DepthwiseConv2D(4, 5, bias=False), nn.BatchNorm(4), nn.ReLU()],
        [nn.DepthwiseConv2D(4, 3, stride=3, bias=False), nn.BatchNorm(4), nn.ReLU()],
        [nn.DepthwiseConv2D(4, 3, depth_multiplier=2, bias=False), nn.BatchNorm(8), nn.ReLU()],
        [nn.Conv2D(4, 4, 3, stride=(1, 2), bias=False), nn.BatchNorm(4), nn.ReLU()],
        [nn.Conv2D(8, 4, 3, bias=False), nn.BatchNorm(4), nn.ReLU()],
    ],
)
def test_what_is_not_known_runs_layer_by_layer(layers):
    model = filled(layers, np.float64)
    channels = model[0].weight.shape[2 if model[0].weight.ndim > 2 else 0]
    x = images((2, 8, 7, channels))
    assert not model(x)._creator.name.startswith("ConvNormReLU")


@pytest.mark.parametrize("shape", [(2, 5, 6, 4), (0, 5, 6, 5), (5, 6, 5), (1, 1, 1, 5)])
def test_wrong_images_meet_the_layers_own_sentence(shape):
    model = nn.Sequential(*pointwise(5, 7))
    sentences = []
    for context in (contextlib.nullcontext(), fused.disabled()):
        with context, pytest.raises(InputError) as error:
            model(np.ones(shape, np.float32))
        sentences.append(str(error.value))
    assert sentences[0] == sentences[1]


def test_parameters_of_another_shape_meet_the_layers_own_sentence():
    model = nn.Sequential(*pointwise(3, 4))
    for channels in (2, 200_000):
        model[1].gamma = nn.Parameter(np.ones(channels, np.float32))
        with pytest.raises(InputError, match="gamma"):
            model(images((2, 5, 5, 3), np.float32))


def test_a_weight_changed_between_forward_and_backward_is_noticed():
    layers, shape = CHAINS["whole"]
    model = filled(layers(), np.float32)
    y = model(images(shape, np.float32)).sum()
    model[3].weight.data[0, 0, 0] += 1
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_a_chain_equals_its_layers_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER, select="one_by_one and float64 and not many")

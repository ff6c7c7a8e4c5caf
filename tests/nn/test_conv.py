import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import InputError

from .checks import check_layer, images

PADDINGS = ["valid", "same", 1, ((0, 1), (2, 0))]


def loops(x, weight, bias, stride, pads):
    """Convolution by its definition, weight (KH, KW, C, O), in float64."""
    x = np.pad(x.astype(np.float64), ((0, 0), *pads, (0, 0)))
    kh, kw, _, channels = weight.shape
    height = (x.shape[1] - kh) // stride + 1
    width = (x.shape[2] - kw) // stride + 1
    y = np.zeros((len(x), height, width, channels))
    for i in range(height):
        for j in range(width):
            window = x[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, i, j] = np.einsum("npqc,pqco->no", window, weight)
    return y + bias


@pytest.mark.parametrize("stride", [1, 2])
def test_conv_is_its_definition(stride):
    tn.seed(0)
    layer = nn.Conv2D(3, 5, kernel_size=(3, 2), stride=stride, padding=((1, 0), (0, 2)))
    x = images(2, 7, 6, 3)
    expected = loops(x.numpy(), layer.weight.numpy(), layer.bias.numpy(), stride, ((1, 0), (0, 2)))
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_depthwise_is_a_convolution_with_a_block_diagonal_weight():
    tn.seed(0)
    layer = nn.DepthwiseConv2D(3, kernel_size=3, depth_multiplier=2)
    weight = np.zeros((3, 3, 3, 6))
    for channel in range(3):
        for m in range(2):
            weight[:, :, channel, channel * 2 + m] = layer.weight.numpy()[:, :, channel, m]
    x = images(2, 6, 6, 3)
    expected = loops(x.numpy(), weight, layer.bias.numpy(), 1, ((0, 0), (0, 0)))
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_depthwise_weight_has_a_fourth_axis_only_with_a_multiplier():
    assert nn.DepthwiseConv2D(4, 3).weight.shape == (3, 3, 4)
    assert nn.DepthwiseConv2D(4, 3, depth_multiplier=2).weight.shape == (3, 3, 4, 2)


def test_pointwise_is_one_matrix_for_every_pixel():
    tn.seed(0)
    layer = nn.PointwiseConv2D(3, 4)
    x = images(2, 3, 5, 3)
    expected = x.numpy().astype(np.float64) @ layer.weight.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_separable_is_a_convolution_whose_weight_is_a_product():
    tn.seed(0)
    layer = nn.SeparableConv2D(3, 4, kernel_size=3, stride=2, padding=1)
    depthwise, pointwise = layer.depthwise.weight.numpy(), layer.pointwise.weight.numpy()
    weight = depthwise[:, :, :, None] * pointwise[None, None]
    x = images(2, 7, 7, 3)
    expected = loops(x.numpy(), weight, layer.pointwise.bias.numpy(), 2, ((1, 1), (1, 1)))
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_separable_has_one_bias():
    layer = nn.SeparableConv2D(3, 4, kernel_size=3)
    assert [name for name, _ in layer.named_parameters()] == [
        "depthwise.weight",
        "pointwise.weight",
        "pointwise.bias",
    ]


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Conv2D(2, 3, 3, bias=False),
        lambda: nn.DepthwiseConv2D(2, 3, bias=False),
        lambda: nn.PointwiseConv2D(2, 3, bias=False),
        lambda: nn.SeparableConv2D(2, 3, 3, bias=False),
    ],
)
def test_without_bias_there_is_no_such_parameter(build):
    layer = build()
    assert not any(name.endswith("bias") for name, _ in layer.named_parameters())
    assert not layer(tn.Tensor(np.zeros((1, 4, 4, 2), np.float32))).numpy().any()


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients(stride, padding):
    check_layer(nn.Conv2D(2, 3, 3, stride, padding), 2, 5, 4, 2)
    check_layer(nn.DepthwiseConv2D(2, 3, stride, padding), 2, 5, 4, 2)
    check_layer(nn.DepthwiseConv2D(2, 3, stride, padding, depth_multiplier=2), 1, 5, 4, 2)
    check_layer(nn.SeparableConv2D(2, 3, 3, stride, padding), 2, 5, 4, 2)


def test_gradients_of_pointwise():
    check_layer(nn.PointwiseConv2D(2, 3), 2, 3, 2, 2)
    check_layer(nn.PointwiseConv2D(2, 3, bias=False), 1, 1, 1, 2)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("stride", [1, 2, (1, 2)])
@pytest.mark.parametrize(
    "build",
    [
        lambda *options: nn.Conv2D(2, 3, (3, 2), *options),
        lambda *options: nn.DepthwiseConv2D(2, (3, 2), *options, depth_multiplier=3),
        lambda *options: nn.SeparableConv2D(2, 3, (3, 2), *options),
    ],
)
def test_static_shape_is_the_real_one(build, stride, padding):
    layer = build(stride, padding)
    assert layer(images(2, 9, 7, 2)).shape == (2, *layer.output_shape((9, 7, 2)))


def test_multiply_adds_are_products_per_image():
    assert nn.Conv2D(3, 8, 3, stride=2, padding="same").multiply_adds((8, 8, 3)) == 16 * 27 * 8
    assert nn.DepthwiseConv2D(4, 3, padding="same").multiply_adds((8, 8, 4)) == 64 * 9 * 4
    assert nn.DepthwiseConv2D(4, 3, depth_multiplier=2).multiply_adds((8, 8, 4)) == 36 * 9 * 8
    assert nn.PointwiseConv2D(4, 6).multiply_adds((8, 8, 4)) == 64 * 24
    assert nn.SeparableConv2D(4, 6, 3).multiply_adds((8, 8, 4)) == 36 * (9 * 4 + 24)


@pytest.mark.parametrize(
    "layer, text",
    [
        (nn.Conv2D(1, 32, 3), "Conv2D(1, 32, kernel_size=3)"),
        (
            nn.Conv2D(1, 8, (3, 5), (2, 2), "same", bias=False),
            "Conv2D(1, 8, kernel_size=(3, 5), stride=2, padding='same', bias=False)",
        ),
        (
            nn.DepthwiseConv2D(8, 3, padding=((0, 1), (0, 1)), depth_multiplier=2),
            "DepthwiseConv2D(8, kernel_size=3, padding=((0, 1), (0, 1)), depth_multiplier=2)",
        ),
        (
            nn.DepthwiseConv2D(8, 3, padding=((1, 1), (1, 1))),
            "DepthwiseConv2D(8, kernel_size=3, padding=((1, 1), (1, 1)))",
        ),
        (nn.PointwiseConv2D(8, 16, bias=False), "PointwiseConv2D(8, 16, bias=False)"),
        (nn.SeparableConv2D(1, 32, 3, 2), "SeparableConv2D(1, 32, kernel_size=3, stride=2)"),
    ],
)
def test_repr_is_the_call_that_builds_it(layer, text):
    assert repr(layer) == text
    assert repr(eval(text, vars(nn))) == text


# Wrong input


def test_wrong_channels_say_what_came_and_what_to_do():
    layer = nn.Conv2D(3, 4, 3)
    with pytest.raises(InputError) as caught:
        layer(images(8, 28, 28, 1))
    assert str(caught.value) == (
        "Conv2D expects images with 3 channels, got shape (8, 28, 28, 1): "
        "build it with in_channels=1 or pass colour images."
    )


@pytest.mark.parametrize(
    "layer, sentence",
    [
        (nn.DepthwiseConv2D(4, 3), "DepthwiseConv2D expects images with 4 .* channels=2"),
        (nn.PointwiseConv2D(1, 3), "PointwiseConv2D expects images with 1 channel, .*grey"),
        (nn.SeparableConv2D(4, 3, 3), "SeparableConv2D expects .* in_channels=2"),
    ],
)
def test_every_convolution_checks_its_channels(layer, sentence):
    with pytest.raises(InputError, match=sentence):
        layer(images(1, 6, 6, 2))
    with pytest.raises(InputError, match=sentence):
        layer.output_shape((6, 6, 2))


def test_a_single_image_gets_the_hint_to_add_an_axis():
    with pytest.raises(InputError, match=r"got shape \(28, 28, 1\): write x\[None\]"):
        nn.Conv2D(1, 4, 3)(images(28, 28, 1))


def test_an_image_smaller_than_the_kernel_names_the_layer_before_running():
    with pytest.raises(InputError, match=r"Conv2D\(1, 4, kernel_size=5\) cannot take .*\(4, 9, 1\)"):
        nn.Conv2D(1, 4, 5).output_shape((4, 9, 1))


@pytest.mark.parametrize(
    "layer, name",
    [
        (nn.Conv2D(1, 4, 5), r"Conv2D\(1, 4, kernel_size=5\)"),
        (nn.DepthwiseConv2D(1, 5), r"DepthwiseConv2D\(1, kernel_size=5\)"),
        (nn.SeparableConv2D(1, 4, 5), r"SeparableConv2D\(1, 4, kernel_size=5\)"),
    ],
)
def test_an_image_smaller_than_the_kernel_names_the_layer_alike_when_it_runs(layer, name):
    with pytest.raises(InputError, match=rf"^{name} cannot take images of shape \(4, 9, 1\)"):
        layer(images(2, 4, 9, 1))
    with pytest.raises(InputError, match=rf"^{name} cannot take images of shape \(4, 9, 1\)"):
        layer.output_shape((4, 9, 1))


@pytest.mark.parametrize("padding", [1, np.int64(1), [[1, 1], [1, 1]], "same"])
def test_padding_is_kept_as_plain_values(padding):
    layer = nn.Conv2D(1, 2, 3, padding=padding)
    assert layer.output_shape((4, 4, 1)) == (4, 4, 2)
    assert repr(eval(repr(layer), vars(nn))) == repr(layer)
    assert isinstance(layer.padding, str | int | tuple)
    if isinstance(padding, list):
        padding[0][0] = 7
        assert layer.padding == ((1, 1), (1, 1))


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: nn.Conv2D(0, 4, 3), "in_channels expects a positive whole number, got 0"),
        (lambda: nn.Conv2D(1, 2.5, 3), "out_channels expects a positive whole number, got 2.5"),
        (lambda: nn.Conv2D(True, 4, 3), "in_channels expects .* got True"),
        (lambda: nn.Conv2D(1, 4, 0), "kernel_size .* got 0"),
        (lambda: nn.Conv2D(1, 4, (3, 3, 3)), "kernel_size .*got"),
        (lambda: nn.Conv2D(1, 4, 3, stride=0), "stride .* got 0"),
        (lambda: nn.Conv2D(1, 4, 3, padding="full"), "padding .* got 'full'"),
        (lambda: nn.Conv2D(1, 4, 3, padding=-1), "padding .* got -1"),
        (lambda: nn.DepthwiseConv2D("8", 3), "channels expects .* got '8'"),
        (lambda: nn.DepthwiseConv2D(8, 3, depth_multiplier=0), "depth_multiplier expects"),
        (lambda: nn.PointwiseConv2D(8, -1), "out_channels expects"),
        (lambda: nn.SeparableConv2D(None, 3, 3), "in_channels expects .* got None"),
    ],
)
def test_arguments_out_of_range_are_refused(build, sentence):
    with pytest.raises(InputError, match=sentence):
        build()

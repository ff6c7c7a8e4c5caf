import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import InputError

from .checks import check_layer, images

FOUR_BY_FOUR = tn.Tensor(np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1))


def test_max_pooling_takes_the_largest_of_each_window():
    assert nn.MaxPool2D(2)(FOUR_BY_FOUR).numpy()[0, :, :, 0].tolist() == [[5, 7], [13, 15]]


def test_average_pooling_takes_the_mean_of_each_window():
    y = nn.AvgPool2D(2)(FOUR_BY_FOUR).numpy()
    assert y[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_average_pooling_does_not_count_padding():
    y = nn.AvgPool2D(3, stride=3, padding="same")(FOUR_BY_FOUR).numpy()
    assert y[0, 0, 0, 0] == np.mean([0, 1, 4, 5])


def test_global_average_is_one_mean_per_channel():
    x = images(2, 3, 4, 5)
    y = nn.GlobalAvgPool2D()(x).numpy()
    np.testing.assert_allclose(y, x.numpy().mean((1, 2)), rtol=1e-5, atol=1e-6)


def test_windows_lie_side_by_side_unless_a_stride_is_given():
    assert nn.MaxPool2D((2, 3)).stride == (2, 3)
    assert nn.MaxPool2D(3, stride=1)(FOUR_BY_FOUR).shape == (1, 2, 2, 1)


@pytest.mark.parametrize("options", [(2,), (3, 2), (3, 2, "same"), (2, 1, 1), (3, 1, ((0, 1), (2, 0)))])
@pytest.mark.parametrize("kind", [nn.MaxPool2D, nn.AvgPool2D])
def test_gradients_and_static_shape(kind, options):
    layer = kind(*options)
    check_layer(layer, 2, 5, 4, 2)
    assert layer(images(2, 7, 6, 3)).shape == (2, *layer.output_shape((7, 6, 3)))


def test_gradients_of_global_average():
    check_layer(nn.GlobalAvgPool2D(), 2, 3, 4, 2)


def test_shapes_and_costs_without_running():
    assert nn.MaxPool2D(2).output_shape((5, 7, 3)) == (2, 3, 3)
    assert nn.MaxPool2D(2).multiply_adds((5, 7, 3)) == 0
    assert nn.GlobalAvgPool2D().output_shape((5, 7, 3)) == (3,)
    assert nn.GlobalAvgPool2D().multiply_adds((5, 7, 3)) == 0


def test_repr():
    assert repr(nn.MaxPool2D(2)) == "MaxPool2D(2)"
    assert repr(nn.AvgPool2D((2, 3), stride=1)) == "AvgPool2D((2, 3), stride=1)"
    assert repr(nn.MaxPool2D(3, 2, "same")) == "MaxPool2D(3, stride=2, padding='same')"
    assert repr(nn.GlobalAvgPool2D()) == "GlobalAvgPool2D()"


@pytest.mark.parametrize("kind", [nn.MaxPool2D, nn.AvgPool2D])
def test_a_window_larger_than_the_image_names_the_layer(kind):
    with pytest.raises(InputError, match=rf"{kind.__name__}\(5\) cannot take images of shape \(4, 4, 1\)"):
        kind(5)(FOUR_BY_FOUR)


@pytest.mark.parametrize("layer", [nn.MaxPool2D(2), nn.AvgPool2D(2), nn.GlobalAvgPool2D()])
def test_anything_but_images_is_refused_by_name(layer):
    name = type(layer).__name__
    with pytest.raises(InputError, match=rf"{name} expects images \(batch.*got shape \(3, 4\)"):
        layer(images(3, 4))
    with pytest.raises(InputError, match=rf"{name} expects images \(height.*got shape \(4,\)"):
        layer.output_shape((4,))


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: nn.MaxPool2D(0), "size .* got 0"),
        (lambda: nn.AvgPool2D(2, stride=-1), "stride .* got -1"),
        (lambda: nn.MaxPool2D(2, padding="half"), "padding .* got 'half'"),
        (lambda: nn.MaxPool2D(2, padding=2), r"padding expects less than .* \(2, 2\) .* got 2"),
        (lambda: nn.AvgPool2D((3, 2), padding=2), r"padding expects less .* \(3, 2\) .* got 2"),
        (lambda: nn.AvgPool2D(3, padding=((0, 3), (0, 0))), r"got \(\(0, 3\), \(0, 0\)\)"),
    ],
)
def test_arguments_out_of_range_are_refused(build, sentence):
    with pytest.raises(InputError, match=sentence):
        build()

"""MobileNet against its paper (arXiv 1704.04861) and Keras's `MobileNet(weights=None)`."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import models, nn
from tinynet.models.mobilenet import BLOCKS

CONVOLUTIONS = nn.Conv2D | nn.DepthwiseConv2D | nn.PointwiseConv2D


@pytest.mark.parametrize(
    "width, parameters, millions",
    [
        (0.25, 475_544, 41),
        (0.5, 1_342_536, 149),
        (0.75, 2_601_976, 325),
        (1.0, 4_253_864, 569),
    ],
)
def test_parameters_equal_keras_and_multiply_adds_equal_table_6(width, parameters, millions):
    model = models.build("mobilenet", width=width)
    assert model.parameter_count() == parameters
    assert round(model.multiply_adds(model.input_shape) / 1e6) == millions


def test_trained_parameters_are_the_papers_4_2_million():
    count = models.build("mobilenet").parameter_count(trainable_only=True)
    assert round(count / 1e6, 1) == 4.2


@pytest.mark.parametrize("resolution, millions", [(224, 569), (192, 418), (160, 290), (128, 186)])
def test_multiply_adds_by_resolution_equal_table_7(resolution, millions):
    model = models.build("mobilenet", resolution=resolution)
    counted = model.multiply_adds(model.input_shape) / 1e6
    # The table rounds 568.7 up and 290.7 down: "equal" can only mean less than one million away.
    assert abs(counted - millions) < 1


def test_there_are_28_layers_when_halves_are_counted():
    layers = [layer for layer in models.build("mobilenet") if isinstance(layer, CONVOLUTIONS | nn.Dense)]
    assert len(layers) == 28


def test_batch_norm_and_relu_follow_every_convolution():
    model = models.build("mobilenet", width=0.25)
    for position, layer in enumerate(model):
        if isinstance(layer, CONVOLUTIONS):
            assert layer.bias is None
            assert isinstance(model[position + 1], nn.BatchNorm)
            assert isinstance(model[position + 2], nn.ReLU)


def test_shapes_shrink_as_in_table_1():
    model = models.build("mobilenet")
    after_blocks = [
        after
        for layer, _, after in model.steps(model.input_shape)
        if isinstance(layer, nn.Conv2D | nn.PointwiseConv2D)
    ]
    sizes = [112, 112, 56, 56, 28, 28, 14, 14, 14, 14, 14, 14, 7, 7]
    channels = [32, *(out_channels for out_channels, _ in BLOCKS)]
    assert after_blocks == [(size, size, c) for size, c in zip(sizes, channels, strict=True)]


def test_small_images_with_a_stem_of_stride_1():
    model = models.build("mobilenet", width=0.25, resolution=28, in_channels=1, classes=10, stem_stride=1)
    sizes = [after[0] for layer, _, after in model.steps((28, 28, 1)) if len(after) == 3]
    assert sizes[0] == 28
    assert sizes[-1] == 2
    x = np.random.default_rng(0).random((2, 28, 28, 1), dtype=np.float32)
    assert model(tn.Tensor(x)).shape == (2, 10)


def test_mobilenet_28_has_at_most_350_000_parameters_and_ends_at_7_pixels():
    model = models.build("mobilenet-28")
    assert model.parameter_count(trainable_only=True) == 291_978
    steps = model.steps(model.input_shape)
    shapes = {after[:2] for layer, _, after in steps if isinstance(layer, CONVOLUTIONS)}
    assert shapes == {(28, 28), (14, 14), (7, 7)}


def test_mobilenet_28_scales_every_layer_by_its_width():
    small = models.build("mobilenet-28", width=0.5, classes=3, in_channels=3)
    convolutions = [layer for layer in small if isinstance(layer, CONVOLUTIONS)]
    assert convolutions[0].weight.shape == (3, 3, 3, 16)
    assert convolutions[-1].weight.shape == (128, 128)
    assert small(np.zeros((2, 28, 28, 3), np.float32)).shape == (2, 3)

"""MobileNet v1, whole: 28 layers when depthwise and pointwise convolutions are counted apart.

Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision
applications", arXiv 1704.04861, table 1. A 3x3 convolution, thirteen blocks of a 3x3 depthwise and
a 1x1 convolution, the mean over the image, a dense layer; batch normalisation and ReLU follow every
convolution.

"same" padding is Keras's rule. Keras's own MobileNet pads its strided layers by hand, which is the
same for even sizes; it also has ReLU6, a dropout of 0.001, and the dense layer written as a 1x1
convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..arguments import above_zero, whole_number
from ..errors import InputError
from ..nn import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAvgPool2D,
    Module,
    PointwiseConv2D,
    ReLU,
    Sequential,
)

STEM_CHANNELS = 32

# Output channels and stride of the thirteen blocks, from table 1. The table prints stride 2 for the last one
# as well, but keeps the image at 7x7 there: it is stride 1, as in every implementation.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)

# The project's own: the same blocks for images of 28 pixels, at 28, 14 and 7 pixels.
BLOCKS_28 = (
    (64, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (256, 2),
    *((256, 1),) * 3,
)


def mobilenet(
    width: float = 1.0,
    resolution: int = 224,
    classes: int = 1000,
    in_channels: int = 3,
    stem_stride: int = 2,
) -> Sequential:
    """MobileNet v1 for images (resolution, resolution, in_channels) -> (classes,) logits.

    width: the width multiplier; every number of channels c becomes int(c · width), as in Keras.
    stem_stride: the stride of the first convolution, 1 or 2; 1 suits images of 28 to 64 pixels.
    Raises InputError if width leaves no channel or resolution is too small for the strides.
    """
    whole_number("classes", classes, 2)
    _check_resolution(resolution, stem_stride)
    layers = _convolutions(in_channels, width, stem_stride, BLOCKS)
    head = [GlobalAvgPool2D(), Dense(_scaled(BLOCKS[-1][0], width), classes)]
    return _finished([*layers, *head], resolution, in_channels, classes)


def mobilenet_28(width: float = 1.0, classes: int = 10, in_channels: int = 1) -> Sequential:
    """The project's own network for 28x28 images: a stem and eight blocks at 28, 14 and 7 pixels.

    Images (28, 28, in_channels) -> (classes,) logits; 291,978 trained parameters by default. MobileNet's five
    strides would leave one pixel of such an image; two of them, early, leave 7x7.
    Raises InputError if width leaves no channel.
    """
    whole_number("classes", classes, 2)
    layers = _convolutions(in_channels, width, 1, BLOCKS_28)
    head = [GlobalAvgPool2D(), Dropout(0.2), Dense(_scaled(BLOCKS_28[-1][0], width), classes)]
    return _finished([*layers, *head], 28, in_channels, classes)


def _convolutions(
    in_channels: int, width: float, stem_stride: int, blocks: Sequence[tuple[int, int]]
) -> list[Module]:
    """A 3x3 convolution, then the blocks (output channels, stride), all channels scaled by `width`."""
    channels = _scaled(STEM_CHANNELS, width)
    layers: list[Module] = [
        Conv2D(in_channels, channels, kernel_size=3, stride=stem_stride, padding="same", bias=False),
        BatchNorm(channels),
        ReLU(),
    ]
    for out_channels, stride in blocks:
        layers += _block(channels, _scaled(out_channels, width), stride)
        channels = _scaled(out_channels, width)
    return layers


def _finished(layers: list[Module], resolution: int, in_channels: int, classes: int) -> Sequential:
    model = Sequential(*layers)
    model.input_shape = (resolution, resolution, in_channels)
    model.classes = classes
    return model


def _block(in_channels: int, out_channels: int, stride: int) -> list[Module]:
    """A depthwise separable convolution with normalisation and ReLU after each half (figure 3)."""
    return [
        DepthwiseConv2D(in_channels, kernel_size=3, stride=stride, padding="same", bias=False),
        BatchNorm(in_channels),
        ReLU(),
        PointwiseConv2D(in_channels, out_channels, bias=False),
        BatchNorm(out_channels),
        ReLU(),
    ]


def _scaled(channels: int, width: float) -> int:
    scaled = int(channels * above_zero("width", width))
    if scaled < 1:
        raise InputError(f"width expects {1 / STEM_CHANNELS} or more, got {width}: no channel would be left.")
    return scaled


def _check_resolution(resolution: int, stem_stride: int) -> None:
    """Each convolution of stride 2 has to find at least two pixels to choose from."""
    whole_number("resolution", resolution, 1)
    if stem_stride not in (1, 2):
        raise InputError(f"stem_stride expects 1 or 2, got {stem_stride!r}.")
    before_last = stem_stride * 2 ** (sum(stride == 2 for _, stride in BLOCKS) - 1)
    if resolution <= before_last:
        hint = " or pass stem_stride=1" if stem_stride == 2 and resolution > before_last // 2 else ""
        raise InputError(
            f"resolution expects more than {before_last} pixels with stem_stride={stem_stride}, got "
            f"{resolution}: the last stride would find a single pixel. Use larger images{hint}."
        )

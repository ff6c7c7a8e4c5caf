"""The small reference networks for 28x28 images, and the one for photographs of two classes.

All end in logits: the softmax or sigmoid is part of the loss.
"""

from __future__ import annotations

from ..arguments import whole_number
from ..nn import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Module,
    ReLU,
    SeparableConv2D,
    Sequential,
)


def separable_cnn(classes: int = 10, in_channels: int = 1, size: int = 28) -> Sequential:
    """Two separable 3x3 convolutions (32, 64), each with ReLU and 2x2 max pooling, then dense 128.

    Images (size, size, in_channels) -> (classes,) logits; 208,691 parameters by default.
    """
    whole_number("classes", classes, 2)
    return _finished(_separable_layers(in_channels, size, outputs=classes), size, in_channels, classes)


def separable_cnn_binary(in_channels: int = 3, size: int = 64) -> Sequential:
    """The same for photographs of two classes, with one output: the logit of class 1.

    Images (size, size, in_channels) -> (1,). Its loss is `binary_cross_entropy`.
    """
    return _finished(_separable_layers(in_channels, size, outputs=1), size, in_channels, classes=2)


def simple_cnn(classes: int = 10, in_channels: int = 1, size: int = 28) -> Sequential:
    """One 3x3 convolution (32), max pooling, dropout 0.2 and a dense layer as wide as its input.

    Images (size, size, in_channels) -> (classes,) logits. By default the dense layer is 5408 by
    5408 and holds nearly all of the 29,306,282 parameters.
    """
    whole_number("classes", classes, 2)
    whole_number("size", size, 4)
    features = Sequential(
        Conv2D(in_channels, 32, kernel_size=3), ReLU(), MaxPool2D(2), Dropout(0.2), Flatten()
    )
    (width,) = features.output_shape((size, size, in_channels))
    head = [Dense(width, width), ReLU(), Dense(width, classes)]
    return _finished([*features, *head], size, in_channels, classes)


def compact_cnn(classes: int = 10, in_channels: int = 1, size: int = 28) -> Sequential:
    """Three 3x3 convolutions (16, 32, 32) with max pooling, two dense layers with dropout between.

    Images (size, size, in_channels) -> (classes,) logits; 33,194 parameters by default.
    """
    whole_number("classes", classes, 2)
    whole_number("size", size, 18)
    features = Sequential(
        Conv2D(in_channels, 16, kernel_size=3),
        ReLU(),
        MaxPool2D(2),
        Conv2D(16, 32, kernel_size=3),
        ReLU(),
        MaxPool2D(2),
        Conv2D(32, 32, kernel_size=3),
        ReLU(),
        Flatten(),
    )
    (width,) = features.output_shape((size, size, in_channels))
    head = [Dense(width, 64), ReLU(), Dropout(0.2), Dense(64, classes)]
    return _finished([*features, *head], size, in_channels, classes)


def _separable_layers(in_channels: int, size: int, outputs: int) -> list[Module]:
    whole_number("size", size, 10)
    features = Sequential(
        SeparableConv2D(in_channels, 32, kernel_size=3),
        ReLU(),
        MaxPool2D(2),
        SeparableConv2D(32, 64, kernel_size=3),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
    )
    (width,) = features.output_shape((size, size, in_channels))
    return [*features, Dense(width, 128), ReLU(), Dense(128, outputs)]


def _finished(layers: list[Module], size: int, in_channels: int, classes: int) -> Sequential:
    model = Sequential(*layers)
    model.input_shape = (size, size, in_channels)
    model.classes = classes
    return model

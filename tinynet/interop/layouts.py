"""How arrays lie here and in PyTorch: the one place where the project turns axes round.

                        here                  PyTorch
    images              (N, H, W, C)          (N, C, H, W)
    Conv2D              (KH, KW, C, O)        (O, C, KH, KW)
    PointwiseConv2D     (C, O)                (O, C, 1, 1)
    DepthwiseConv2D     (KH, KW, C[, M])      (C·M, 1, KH, KW)
    Dense               (I, O)                (O, I)
    rows by Flatten     order H, W, C         order C, H, W

The last line is why `of` asks for the channels: a dense layer or batch norm that follows a Flatten has its
inputs in another order there. Where in the image a pixel was does not matter for it, only how many channels
each had. Keras has our layouts; its arrays differ by axes of length 1 alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import ConversionError
from ..nn import BatchNorm, Conv2D, Dense, DepthwiseConv2D, Module, PointwiseConv2D
from ..nn.module import Shape

TORCH_NAMES = {
    "weight": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
}


class Layout(NamedTuple):
    """One array in both layouts: of `shape` here, cut into the axes `cut`, whose order there is `axes`.

    torch_shape: its shape in PyTorch.
    """

    shape: Shape
    cut: Shape
    axes: tuple[int, ...]
    torch_shape: Shape

    def to_torch(self, array: np.ndarray) -> np.ndarray:
        """A copy of one of our arrays as PyTorch has it."""
        return np.array(array.reshape(self.cut).transpose(self.axes).reshape(self.torch_shape), order="C")

    def from_torch(self, array: np.ndarray) -> np.ndarray:
        """A copy of one of PyTorch's arrays as we have it."""
        turned = array.reshape([self.cut[axis] for axis in self.axes])
        return np.array(turned.transpose(np.argsort(self.axes)).reshape(self.shape), order="C")


def of(layer: Module, channels: int = 1) -> dict[str, Layout]:
    """The layout of each array of a layer, parameters and running statistics, by attribute.

    channels: of the images whose flattened pixels the layer takes as rows; 1 for all other input.
    Raises ConversionError if the layer takes no such rows.
    """
    shapes = {name: array.shape for name, array in layer.state_dict().items()}
    layouts = {name: _vector(shape) for name, shape in shapes.items()}
    if isinstance(layer, Dense):
        layouts["weight"] = _matrix(shapes["weight"], _dividing(layer.in_features, channels))
    elif isinstance(layer, BatchNorm):
        _dividing(layer.channels, channels)
        return {name: _vector(shape, channels) for name, shape in shapes.items()}
    elif isinstance(layer, Conv2D):
        layouts["weight"] = _window(shapes["weight"], shapes["weight"])
    elif isinstance(layer, PointwiseConv2D):
        layouts["weight"] = _window(shapes["weight"], (1, 1, *shapes["weight"]))
    elif isinstance(layer, DepthwiseConv2D):
        outputs = layer.channels * layer.depth_multiplier
        layouts["weight"] = _window(shapes["weight"], (*layer.kernel_size, 1, outputs))
    return layouts


def images_to_torch(images: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as a new array (N, C, H, W); arrays of other ranks are copied as they are."""
    return np.array(images.transpose(0, 3, 1, 2) if images.ndim == 4 else images, order="C")


def images_from_torch(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) as a new array (N, H, W, C); arrays of other ranks are copied as they are."""
    return np.array(images.transpose(0, 2, 3, 1) if images.ndim == 4 else images, order="C")


def _window(shape: Shape, cut: Shape) -> Layout:
    height, width, inputs, outputs = cut
    return Layout(shape, cut, (3, 2, 0, 1), (outputs, inputs, height, width))


def _matrix(shape: Shape, channels: int) -> Layout:
    inputs, outputs = shape
    return Layout(shape, (inputs // channels, channels, outputs), (2, 1, 0), (outputs, inputs))


def _vector(shape: Shape, channels: int = 1) -> Layout:
    return Layout(shape, (shape[0] // channels, channels), (1, 0), shape)


def _dividing(features: int, channels: int) -> int:
    if features % channels:
        raise ConversionError(
            f"takes {features} features, which cannot be the pixels of an image with {channels} channels"
        )
    return channels

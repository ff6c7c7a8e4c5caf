"""Pooling layers: a window of pixels becomes one, channel by channel."""

from __future__ import annotations

from .. import ops
from ..kernels import geometry
from ..tensor import Tensor
from . import checks
from .module import Module, Shape

Size = int | tuple[int, int]


class _Pool2D(Module):
    """What max and average pooling have in common: the window and its shapes."""

    def __init__(
        self, size: Size, stride: Size | None = None, padding: checks.Padding = "valid"
    ) -> None:
        self.size = geometry.pair(size, "size")
        self.stride = self.size if stride is None else geometry.pair(stride, "stride")
        self.padding = checks.valid_padding(padding, self.size, self.stride)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.is_image(self, input_shape, batch=False)
        window = checks.window_size(self, input_shape, self.size, self.stride, self.padding)
        return (*window, input_shape[2])

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

    def __repr__(self) -> str:
        stride = None if self.stride == self.size else self.stride
        return checks.call_text(self, self.size, stride=stride, padding=self.padding)


class MaxPool2D(_Pool2D):
    """The largest value of each window; the gradient goes to the first one that is.

    size: a number or (vertical, horizontal).  stride: the same; None means `size`, no overlap.
    padding: as for convolutions; padded pixels never win.
    (N, H, W, C) -> (N, OH, OW, C)
    """

    def forward(self, x: Tensor) -> Tensor:
        checks.is_image(self, x.shape)
        return ops.max_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class AvgPool2D(_Pool2D):
    """The mean of each window; arguments and shapes as for MaxPool2D.

    Padded pixels are not counted, as in Keras (PyTorch counts them unless told otherwise).
    """

    def forward(self, x: Tensor) -> Tensor:
        checks.is_image(self, x.shape)
        return ops.avg_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class GlobalAvgPool2D(Module):
    """The mean of each channel over the whole image: (N, H, W, C) -> (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        checks.is_image(self, x.shape)
        return ops.global_avg_pool2d(x)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.is_image(self, input_shape, batch=False)
        return (input_shape[2],)

    def multiply_adds(self, input_shape: Shape) -> int:
        return 0

"""Pooling layers: a window of pixels becomes one, channel by channel."""

from __future__ import annotations

from .. import ops
from ..errors import InputError
from ..kernels import geometry
from ..tensor import Tensor
from . import checks
from .layer import Layer
from .module import Shape


class _Pool2D(Layer):
    """What max and average pooling have in common: the window and its shapes."""

    def __init__(
        self, size: checks.Size, stride: checks.Size | None = None, padding: checks.Padding = "valid"
    ) -> None:
        self.size = geometry.pair(size, "size")
        self.stride = self.size if stride is None else geometry.pair(stride, "stride")
        self.padding = checks.valid_padding(padding, self.size, self.stride)
        pads = geometry.resolve_padding(padding, self.size, self.size, self.stride)
        if any(max(sides) >= extent for sides, extent in zip(pads, self.size, strict=True)):
            raise InputError(
                f"padding expects less than the window of {self.size} on each side, got {padding!r}: "
                "a window in the padding alone has no value."
            )

    def _check(self, shape: Shape) -> None:
        checks.is_image(self, shape)
        checks.window_size(self, shape[1:], self.size, self.stride, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.is_image(self, input_shape, batch=False)
        window = checks.window_size(self, input_shape, self.size, self.stride, self.padding)
        return (*window, input_shape[2])

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
        self._check(x.shape)
        return ops.max_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class AvgPool2D(_Pool2D):
    """The mean of each window; arguments and shapes as for MaxPool2D.

    Padded pixels are not counted, as in Keras (PyTorch counts them unless told otherwise).
    """

    def forward(self, x: Tensor) -> Tensor:
        self._check(x.shape)
        return ops.avg_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class GlobalAvgPool2D(Layer):
    """The mean of each channel over the whole image: (N, H, W, C) -> (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        checks.is_image(self, x.shape)
        return ops.global_avg_pool2d(x)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.is_image(self, input_shape, batch=False)
        return (input_shape[2],)

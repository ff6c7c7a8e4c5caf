"""Pooling: each window of an image becomes one number, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..kernels import pool
from ..kernels.geometry import Pads, pair, resolve_padding
from ..tensor import Op, Tensor
from .checks import check_images, check_not_empty


class MaxPool2D(Op):
    """y[n, i, j, c] = max over u, v of x[n, i*s + u, j*s + v, c]; g goes to the pixel that was the maximum.

    Of equal pixels the first in reading order counts, as in PyTorch and TensorFlow; padding never wins.
    Shapes: x (N, H, W, C), y (N, OH, OW, C).
    """

    def __init__(self, size: tuple[int, int], stride: tuple[int, int], pads: Pads) -> None:
        self.size, self.stride, self.pads = size, stride, pads

    def forward(self, x):
        self.shape = x.shape
        y, self.argmax = pool.max_pool2d(x, self.size, self.stride, self.pads)
        return y

    def backward(self, grad):
        return pool.max_pool2d_grad(grad, self.argmax, self.shape, self.size, self.stride, self.pads)


class AvgPool2D(Op):
    """y[n, i, j, c] = mean over u, v of x[n, i*s + u, j*s + v, c]; each pixel of a window gets an equal part.

    Padding is not counted: at the border the mean is over the pixels that exist, as in Keras (PyTorch
    counts the zeros unless told otherwise). Shapes: x (N, H, W, C), y (N, OH, OW, C).
    """

    def __init__(self, size: tuple[int, int], stride: tuple[int, int], pads: Pads) -> None:
        self.size, self.stride, self.pads = size, stride, pads

    def forward(self, x):
        self.shape = x.shape
        return pool.avg_pool2d(x, self.size, self.stride, self.pads)

    def backward(self, grad):
        return pool.avg_pool2d_grad(grad, self.shape, self.size, self.stride, self.pads)


class GlobalAvgPool2D(Op):
    """y[n, c] = mean over i, j of x[n, i, j, c]. Shapes: x (N, H, W, C), y (N, C)."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, grad):
        _, height, width, _ = self.shape
        share = grad / grad.dtype.type(height * width)
        return np.broadcast_to(share[:, np.newaxis, np.newaxis, :], self.shape)


def max_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = "valid") -> Tensor:
    """The maximum of each window of images x (N, H, W, C).

    size: an integer or a pair (rows, columns). stride: the same, `size` if None. padding: as in `conv2d`.
    Raises InputError when a size is not positive or a window lies in the padding alone.
    """
    return _pool("max_pool2d", MaxPool2D, x, size, stride, padding)


def avg_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = "valid") -> Tensor:
    """The mean of each window of images x (N, H, W, C), padding not counted; arguments as in `max_pool2d`."""
    return _pool("avg_pool2d", AvgPool2D, x, size, stride, padding)


def global_avg_pool2d(x: Any) -> Tensor:
    """The mean of each channel over the whole image: x (N, H, W, C), result (N, C)."""
    return GlobalAvgPool2D()(_pixels("global_avg_pool2d", x))


def _pixels(name: str, x: Any) -> Tensor:
    x = check_images(name, x)
    check_not_empty(name, x, (1, 2))
    return x


def _pool(
    name: str, kind: type[MaxPool2D] | type[AvgPool2D], x: Any, size: Any, stride: Any, padding: Any
) -> Tensor:
    x = _pixels(name, x)
    window = pair(size, "size")
    steps = window if stride is None else pair(stride, "stride")
    pads = resolve_padding(padding, (x.shape[1], x.shape[2]), window, steps)
    if any(wide >= extent for sides, extent in zip(pads, window, strict=True) for wide in sides):
        raise InputError(
            f"{name} expects less padding than the window of {window} on each side, got {pads}: "
            "a window in the padding alone has no value."
        )
    return kind(window, steps, pads)(x)

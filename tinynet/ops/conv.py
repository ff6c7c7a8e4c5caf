"""Standard and depthwise convolution of images as differentiable operations.

The formulas are here, the loops in `kernels/conv.py` and `kernels/depthwise.py`; the 1x1 convolution is a
matrix product and lives in `products.py`. A convolution is linear in x and in w, so each gradient is again a
sum of products over the same pairs that met in the forward pass.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..kernels import conv, depthwise
from ..kernels.geometry import Pads, pair, resolve_padding
from ..tensor import Op, Tensor, as_tensor
from .checks import check_bias, check_images
from .products import bias_gradients


class Conv2D(Op):
    """y[n, i, j, o] = b[o] + sum over u, v, c of x[n, i*s + u - top, j*s + v - left, c] * w[u, v, c, o].

    Shapes: x (N, H, W, C), w (KH, KW, C, O), b (O,), y (N, OH, OW, O). Outside the image x counts as 0.
    """

    def __init__(self, stride: tuple[int, int], pads: Pads) -> None:
        self.stride = stride
        self.pads = pads

    def forward(self, x, w, b=None):
        self.save(x if self.needs_input_grad[1] else None, w if self.needs_input_grad[0] else None)
        self.shapes = x.shape, w.shape
        return conv.conv2d(x, w, b, self.stride, self.pads)

    def flops(self, shapes, output):
        return 2 * math.prod(output) * math.prod(shapes[1][:3])

    def backward(self, grad):
        x, w = self.saved
        x_shape, w_shape = self.shapes
        grad_x = grad_w = None
        if w is not None:
            grad_x = conv.conv2d_grad_input(grad, w, x_shape, self.stride, self.pads)
        if x is not None:
            grad_w = conv.conv2d_grad_weight(x, grad, w_shape, self.stride, self.pads)
        return [grad_x, grad_w, *bias_gradients(self, grad)]


class DepthwiseConv2D(Op):
    """One filter per channel: y[n, i, j, c] = b[c] + sum over u, v of x[n, i*s + u, j*s + v, c] * w[u, v, c].

    Shapes: x (N, H, W, C), w (KH, KW, C), y (N, OH, OW, C); with M filters per channel w is (KH, KW, C, M)
    and filter m of channel c makes channel c*M + m. Padding is as in Conv2D.
    Howard et al. 2017 (arXiv 1704.04861), equation 3.
    """

    def __init__(self, stride: tuple[int, int], pads: Pads) -> None:
        self.stride = stride
        self.pads = pads

    def forward(self, x, w, b=None):
        self.save(x if self.needs_input_grad[1] else None, w if self.needs_input_grad[0] else None)
        self.shapes = x.shape, w.shape
        return depthwise.depthwise_conv2d(x, _with_multiplier(w), b, self.stride, self.pads)

    def flops(self, shapes, output):
        return 2 * math.prod(output) * math.prod(shapes[1][:2])

    def backward(self, grad):
        x, w = self.saved
        x_shape, w_shape = self.shapes
        grad_x = grad_w = None
        if w is not None:
            grad_x = depthwise.depthwise_conv2d_grad_input(
                grad, _with_multiplier(w), x_shape, self.stride, self.pads
            )
        if x is not None:
            with_multiplier = w_shape if len(w_shape) == 4 else (*w_shape, 1)
            grad_w = depthwise.depthwise_conv2d_grad_weight(
                x, grad, with_multiplier, self.stride, self.pads
            ).reshape(w_shape)
        return [grad_x, grad_w, *bias_gradients(self, grad)]


def _with_multiplier(w: np.ndarray) -> np.ndarray:
    """Depthwise weights as (KH, KW, C, M)."""
    return w if w.ndim == 4 else w[..., np.newaxis]


def conv2d(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = "valid") -> Tensor:
    """The convolution of images x (N, H, W, C) with w (KH, KW, C, O) and b (O,) or None: (N, OH, OW, O).

    stride: a positive integer or a pair (rows, columns).
    padding: "valid" (none), "same" (Keras's rule: OH = ceil(H / stride), the odd pixel at the bottom and
        right), an integer for all four sides, or ((top, bottom), (left, right)).
    Raises InputError when the sizes do not fit, DTypeError when the dtypes differ.
    """
    x = check_images("conv2d", x)
    w = as_tensor(w, like=x)
    if w.ndim != 4 or w.shape[2] != x.shape[3] or not w.size:
        raise InputError(
            f"conv2d expects weights of shape (KH, KW, {x.shape[3]}, O) for images of shape {x.shape}, "
            f"got shape {w.shape}."
        )
    stride, pads = _window(x, w, stride, padding)
    op = Conv2D(stride, pads)
    return op(x, w) if b is None else op(x, w, check_bias("conv2d", b, x, w.shape[3]))


def depthwise_conv2d(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = "valid") -> Tensor:
    """The convolution of each channel with filters of its own: x (N, H, W, C), w (KH, KW, C) or
    (KH, KW, C, M), b (C*M,) or None, result (N, OH, OW, C*M).

    stride and padding as in `conv2d`. Raises InputError when the sizes do not fit.
    """
    x = check_images("depthwise_conv2d", x)
    w = as_tensor(w, like=x)
    if w.ndim not in (3, 4) or w.shape[2] != x.shape[3] or not w.size:
        raise InputError(
            f"depthwise_conv2d expects weights of shape (KH, KW, {x.shape[3]}) or (KH, KW, {x.shape[3]}, M) "
            f"for images of shape {x.shape}, got shape {w.shape}."
        )
    stride, pads = _window(x, w, stride, padding)
    op = DepthwiseConv2D(stride, pads)
    if b is None:
        return op(x, w)
    channels = x.shape[3] * (w.shape[3] if w.ndim == 4 else 1)
    return op(x, w, check_bias("depthwise_conv2d", b, x, channels))


def _window(x: Tensor, w: Tensor, stride: Any, padding: Any) -> tuple[tuple[int, int], Pads]:
    steps = pair(stride, "stride")
    kernel = (w.shape[0], w.shape[1])
    return steps, resolve_padding(padding, (x.shape[1], x.shape[2]), kernel, steps)

"""Matrix products: the general one, and the one with a bias that dense layers and 1x1 convolutions are.

All of them end in the blocked products of `kernels/pointwise.py`, which keep both cores busy without waking
NumPy's own threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..kernels import pointwise
from ..kernels.threads import region
from ..tensor import Op, Tensor, as_tensor
from .broadcasting import unbroadcast
from .checks import check_bias, check_images


class MatMul(Op):
    """Y = A B for matrices and stacks of matrices; the gradients are G B^T and A^T G."""

    def forward(self, a, b):
        needs_a, needs_b = self.needs_input_grad
        self.save(a if needs_b else None, b if needs_a else None)
        self.shapes = a.shape, b.shape
        return _product(a, b)

    def flops(self, shapes, output):
        return 2 * math.prod(output) * shapes[0][-1]

    def backward(self, grad):
        a, b = self.saved
        grad_a = grad_b = None
        if b is not None:
            grad_a = unbroadcast(_product(grad, np.swapaxes(b, -1, -2)), self.shapes[0])
        if a is not None:
            grad_b = unbroadcast(_product(np.swapaxes(a, -1, -2), grad), self.shapes[1])
        return grad_a, grad_b


class Linear(Op):
    """Y = X W + b on the last dimension; the gradients are G W^T, X^T G and the column sums of G.

    Shapes: x (..., K), w (K, O), b (O,), y (..., O).
    """

    def forward(self, x, w, b=None):
        self.save(x if self.needs_input_grad[1] else None, w if self.needs_input_grad[0] else None)
        self.shape = x.shape
        return pointwise.matmul(_rows(x), w, b).reshape(*x.shape[:-1], w.shape[1])

    def flops(self, shapes, output):
        return 2 * math.prod(output) * shapes[0][-1]

    def backward(self, grad):
        x, w = self.saved
        g = _rows(grad)  # (R, O)
        gradients = [
            None if w is None else pointwise.matmul_grad_a(g, w).reshape(self.shape),
            None if x is None else pointwise.matmul_grad_b(_rows(x), g),
        ]
        return [*gradients, *bias_gradients(self, grad)]


class PointwiseConv2D(Linear):
    """A 1x1 convolution: y[n, i, j, o] = b[o] + sum over c of x[n, i, j, c] * w[c, o].

    In NHWC that is one matrix product of (N H W, C) by (C, O), with nothing to rearrange: the observation
    that the speed of MobileNets rests on (Howard et al. 2017, arXiv 1704.04861, section 3.2).
    """


def bias_gradients(op: Op, grad: np.ndarray) -> list[np.ndarray | None]:
    """The gradient of a bias, an operation's third input, as a list; empty if it has none.

    The bias of a channel is added at every pixel of every image, so its gradient is the sum over them.
    """
    return [pointwise.column_sum(_rows(grad)) if needed else None for needed in op.needs_input_grad[2:]]


def _rows(x: np.ndarray) -> np.ndarray:
    """x as a matrix (R, K) whose rows are all vectors along the last dimension."""
    return x.reshape(-1, x.shape[-1])


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.ndim == 2 and b.ndim == 2:
        return pointwise.matmul(a, b, None)
    with region:
        return np.matmul(a, b)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product of a (..., R, K) and b (..., K, O); leading dimensions broadcast, vectors count as
    a row on the left and as a column on the right, as in NumPy.
    """
    a = as_tensor(a, like=b if isinstance(b, Tensor) else None)
    b = as_tensor(b, like=a)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise InputError(
            f"matmul expects (..., R, K) and (..., K, O), got shapes {a.shape} and {b.shape}: the last "
            "dimension of the first has to equal the one before last of the second."
        )
    row, column = a.ndim == 1, b.ndim == 1
    if row:
        a = a.reshape(1, -1)
    if column:
        b = b.reshape(-1, 1)
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise InputError(
            f"matmul got stacks of matrices of shapes {a.shape} and {b.shape}, which do not broadcast."
        ) from None
    y = MatMul()(a, b)
    dropped = y.shape[: y.ndim - 2] + (() if row else (y.shape[-2],)) + (() if column else (y.shape[-1],))
    return y.reshape(dropped) if row or column else y


def linear(x: Any, w: Any, b: Any = None) -> Tensor:
    """x w + b, the dense layer: x (..., K), w (K, O), b (O,) or None, result (..., O).

    Raises InputError when the sizes do not fit.
    """
    return _linear(Linear(), "linear", x, w, b)


def pointwise_conv2d(x: Any, w: Any, b: Any = None) -> Tensor:
    """The 1x1 convolution of images x (N, H, W, C) with w (C, O) and b (O,) or None: (N, H, W, O).

    Raises InputError when the sizes do not fit.
    """
    return _linear(PointwiseConv2D(), "pointwise_conv2d", check_images("pointwise_conv2d", x), w, b)


def _linear(op: Linear, name: str, x: Any, w: Any, b: Any) -> Tensor:
    x = as_tensor(x)
    w = as_tensor(w, like=x)
    if w.ndim != 2 or x.ndim < 2 or x.shape[-1] != w.shape[0] or not w.size:
        raise InputError(
            f"{name} expects x (..., K) and w (K, O) with the same K, got shapes {x.shape} and {w.shape}."
        )
    if b is None:
        return op(x, w)
    return op(x, w, check_bias(name, b, x, w.shape[1]))

"""Operations that make many numbers into few: sums, means, maxima, variances along axes.

`axis` is None (all), an integer or a tuple of integers, as in NumPy. In every backward the gradient first
gets back the axes that the reduction took away.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..tensor import Op, Tensor, as_tensor
from .checks import check_axis, check_not_empty


class Reduction(Op):
    """A reduction over some axes, which all belong to the input."""

    def __init__(self, axes: tuple[int, ...], keepdims: bool) -> None:
        self.axes = axes
        self.keepdims = keepdims

    def restore_axes(self, array: np.ndarray) -> np.ndarray:
        """Put axes of size 1 where the reduction took them away."""
        return array if self.keepdims else np.expand_dims(array, self.axes)


class Sum(Reduction):
    """y = sum x; every element receives g."""

    def forward(self, x):
        self.shape = x.shape
        return x.sum(axis=self.axes, keepdims=self.keepdims)

    def backward(self, grad):
        return np.broadcast_to(self.restore_axes(grad), self.shape)


class Mean(Reduction):
    """y = (sum x) / n; every element receives g / n."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=self.axes, keepdims=self.keepdims)

    def backward(self, grad):
        count = math.prod(self.shape[axis] for axis in self.axes)
        return np.broadcast_to(self.restore_axes(grad) / grad.dtype.type(count), self.shape)


class Max(Reduction):
    """y = max x; g goes to the largest element, in equal parts where several are largest."""

    def forward(self, x):
        y = x.max(axis=self.axes, keepdims=True)
        self.save(x, y)
        return y if self.keepdims else y.squeeze(self.axes)

    def backward(self, grad):
        x, y = self.saved
        largest = (x == y) | np.isnan(x)  # where the maximum is NaN, it is the NaNs that made it so
        shares = largest / largest.sum(axis=self.axes, keepdims=True, dtype=x.dtype)
        return self.restore_axes(grad) * shares


class Variance(Reduction):
    """y = sum (x - mean x)^2 / (n - correction); the gradient is g 2 (x - mean x) / (n - correction)."""

    def __init__(self, axes: tuple[int, ...], keepdims: bool, correction: int) -> None:
        super().__init__(axes, keepdims)
        self.correction = correction

    def forward(self, x):
        deviation = x - x.mean(axis=self.axes, keepdims=True)
        self.divisor = math.prod(x.shape[axis] for axis in self.axes) - self.correction
        self.save(deviation)
        return np.square(deviation).sum(axis=self.axes, keepdims=self.keepdims) / x.dtype.type(self.divisor)

    def backward(self, grad):
        (deviation,) = self.saved
        return self.restore_axes(grad) * deviation * grad.dtype.type(2 / self.divisor)


class LogSumExp(Reduction):
    """y = ln sum e^x, computed as m + ln sum e^(x - m) with m = max x; the gradient is g e^(x - y)."""

    def forward(self, x):
        largest = x.max(axis=self.axes, keepdims=True)
        largest = np.where(np.isfinite(largest), largest, 0)  # infinity minus infinity would be NaN
        with np.errstate(divide="ignore"):  # ln 0 is minus infinity, the right answer
            y = largest + np.log(np.exp(x - largest).sum(axis=self.axes, keepdims=True))
        self.save(x, y)
        return y if self.keepdims else y.squeeze(self.axes)

    def backward(self, grad):
        x, y = self.saved
        return self.restore_axes(grad) * np.exp(x - y)


def _axes(name: str, x: Tensor, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    axes = tuple(check_axis(name, x, one) for one in (axis if isinstance(axis, tuple | list) else (axis,)))
    if len(set(axes)) != len(axes):
        raise InputError(f"{name} expects each axis once, got axis={axis!r} for shape {x.shape}.")
    return axes


def _non_empty_axes(name: str, x: Tensor, axis: Any) -> tuple[int, ...]:
    axes = _axes(name, x, axis)
    check_not_empty(name, x, axes)
    return axes


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum along `axis`."""
    x = as_tensor(x)
    return Sum(_axes("sum", x, axis), keepdims)(x)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean along `axis`."""
    x = as_tensor(x)
    return Mean(_non_empty_axes("mean", x, axis), keepdims)(x)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element along `axis`; equal ones share the gradient, as in torch.amax."""
    x = as_tensor(x)
    return Max(_non_empty_axes("max", x, axis), keepdims)(x)


def var(x: Any, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
    """The variance along `axis`, divided by n - correction: 0 as in NumPy and Keras, 1 as in PyTorch."""
    x = as_tensor(x)
    axes = _non_empty_axes("var", x, axis)
    count = math.prod(x.shape[one] for one in axes)
    if correction < 0 or count <= correction:
        raise InputError(
            f"var expects a correction from 0 to one less than the number of elements ({count}), "
            f"got {correction}."
        )
    return Variance(axes, keepdims, correction)(x)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """ln(sum(e^x)) along `axis`, without overflow."""
    x = as_tensor(x)
    return LogSumExp(_non_empty_axes("logsumexp", x, axis), keepdims)(x)

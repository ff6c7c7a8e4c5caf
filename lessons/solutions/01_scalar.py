"""Solutions of lesson 01, a number that knows its gradient."""

from __future__ import annotations

from collections.abc import Callable


def gradient(w: float, x: float, b: float, target: float) -> tuple[float, float, float]:
    """The derivatives of L = (w x + b - target)^2 by w, x and b, in this order."""
    error = w * x + b - target
    upstream = 2 * error  # dL/d(error), which all three share
    return upstream * x, upstream * w, upstream  # times d(error)/dw = x, d(error)/dx = w, d(error)/db = 1


class Scalar:
    """The number of the lesson, with three more steps; each gives its value and its local slopes."""

    def __init__(self, value: float, sources: tuple[Scalar, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __sub__(self, other: Scalar) -> Scalar:
        """self - other"""
        return Scalar(self.value - other.value, (self, other), (1.0, -1.0))

    def __truediv__(self, other: Scalar) -> Scalar:
        """self / other"""
        slopes = (1 / other.value, -self.value / other.value**2)
        return Scalar(self.value / other.value, (self, other), slopes)

    def square(self) -> Scalar:
        """self * self, as one step with one source"""
        return Scalar(self.value**2, (self,), (2 * self.value,))

    def backward(self, upstream: float = 1.0) -> None:
        """Add `upstream`, the derivative of the result by this number, and hand it on."""
        self.grad += upstream
        for source, slope in zip(self.sources, self.slopes, strict=True):
            source.backward(upstream * slope)


def nudged(function: Callable[..., float], point: list[float], h: float) -> list[float]:
    """The slope of `function` by each number of `point`, without any derivative."""
    slopes = []
    for position in range(len(point)):
        above, below = list(point), list(point)  # copies: the others stay as they are
        above[position] += h
        below[position] -= h
        slopes.append((function(*above) - function(*below)) / (2 * h))
    return slopes

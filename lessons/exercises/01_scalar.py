"""Exercises of lesson 01, a number that knows its gradient. Check them with `tinynet check 01`.

Replace each `raise NotImplementedError` by your answer.
"""

from __future__ import annotations

from collections.abc import Callable


def gradient(w: float, x: float, b: float, target: float) -> tuple[float, float, float]:
    """The derivatives of L = (w x + b - target)^2 by w, x and b, in this order.

    Work them out by hand, as in the lesson, and return the three formulas.
    """
    raise NotImplementedError


class Scalar:
    """The number of the lesson. Teach it to subtract, to divide and to be squared."""

    def __init__(self, value: float, sources: tuple[Scalar, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __sub__(self, other: Scalar) -> Scalar:
        """self - other"""
        raise NotImplementedError

    def __truediv__(self, other: Scalar) -> Scalar:
        """self / other"""
        raise NotImplementedError

    def square(self) -> Scalar:
        """self * self, as one step with one source"""
        raise NotImplementedError

    def backward(self, upstream: float = 1.0) -> None:
        """Add `upstream`, the derivative of the result by this number, and hand it on."""
        self.grad += upstream
        for source, slope in zip(self.sources, self.slopes, strict=True):
            source.backward(upstream * slope)


def nudged(function: Callable[..., float], point: list[float], h: float) -> list[float]:
    """The slope of `function` by each number of `point`, without any derivative.

    Nudge one number by +h and by -h, leave the others as they are, and divide the difference of the two
    results by the distance of the two points. `function` takes the numbers one by one: function(*point).
    """
    raise NotImplementedError

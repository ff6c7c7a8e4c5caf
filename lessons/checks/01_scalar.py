"""Checks of lesson 01: the expected numbers are worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lessons import shelf
from lessons.checking import Case, Check, Mistake

Right = shelf.load(shelf.FOLDER / "solutions" / "01_scalar.py").Scalar


def gradient_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """L = (2 * 3 - 5 - 0)^2 is the lesson's; the second point has a target and a negative error."""
    yield Case("gradient(2, 3, -5, 0)", answer(2.0, 3.0, -5.0, 0.0), (6.0, 4.0, 2.0))
    yield Case("gradient(-1, 4, 0.5, 2)", answer(-1.0, 4.0, 0.5, 2.0), (-44.0, 11.0, -11.0))


def without_the_two(w: float, x: float, b: float, target: float) -> tuple[float, float, float]:
    error = w * x + b - target
    return error * x, error * w, error


def without_the_target(w: float, x: float, b: float, target: float) -> tuple[float, float, float]:
    upstream = 2 * (w * x + b)
    return upstream * x, upstream * w, upstream


def scalar_cases(answer: type) -> Iterator[Case]:
    """Values first, then gradients, then all three steps together with a number used twice."""
    a, b = answer(6.0), answer(4.0)
    result = a - b
    yield Case("value of Scalar(6) - Scalar(4)", result.value, 2.0)
    result.backward()
    yield Case("gradients by 6 and 4 of 6 - 4", (a.grad, b.grad), (1.0, -1.0))
    a, b = answer(6.0), answer(4.0)
    result = a / b
    yield Case("value of Scalar(6) / Scalar(4)", result.value, 1.5)
    result.backward()
    yield Case("gradients by 6 and 4 of 6 / 4", (a.grad, b.grad), (0.25, -0.375))
    a = answer(-3.0)
    result = a.square()
    yield Case("value of Scalar(-3).square()", result.value, 9.0)
    result.backward()
    yield Case("gradient of Scalar(-3).square()", a.grad, -6.0)
    a, b = answer(3.0), answer(2.0)
    ((a - b).square() / a).backward()
    yield Case("gradients by a = 3 and b = 2 of (a - b)^2 / a", (a.grad, b.grad), (5 / 9, -2 / 3))


class SubtractsLikeASum(Right):
    def __sub__(self, other):
        return type(self)(self.value - other.value, (self, other), (1.0, 1.0))


class DividesWithoutTheSign(Right):
    def __truediv__(self, other):
        slopes = (1 / other.value, self.value / other.value**2)
        return type(self)(self.value / other.value, (self, other), slopes)


class SquaresWithOneSlope(Right):
    def square(self):
        return type(self)(self.value**2, (self,), (self.value,))


class ForgetsTheSources(Right):
    def __sub__(self, other):
        return type(self)(self.value - other.value)


def nudged_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """For a quadratic the slope between two points around the place is exact, also with a large h."""
    slopes = answer(lambda u, v: u * v + v**2, [2.0, 3.0], 0.5)
    yield Case("nudged(u * v + v^2, [2, 3], h=0.5)", slopes, [3.0, 8.0])
    point = [1.0, 2.0, -3.0]
    slopes = answer(lambda u, v, w: u * v * w, point, 1e-3)
    yield Case("nudged(u * v * w, [1, 2, -3], h=0.001)", slopes, [-6.0, -3.0, 2.0])
    yield Case("the point afterwards", point, [1.0, 2.0, -3.0])


def from_one_side(function: Callable[..., float], point: list[float], h: float) -> list[float]:
    slopes = []
    for position in range(len(point)):
        above = list(point)
        above[position] += h
        slopes.append((function(*above) - function(*point)) / h)
    return slopes


def divided_by_h(function: Callable[..., float], point: list[float], h: float) -> list[float]:
    slopes = []
    for position in range(len(point)):
        above, below = list(point), list(point)
        above[position] += h
        below[position] -= h
        slopes.append((function(*above) - function(*below)) / h)
    return slopes


def not_put_back(function: Callable[..., float], point: list[float], h: float) -> list[float]:
    slopes = []
    for position in range(len(point)):
        point[position] += h
        upper = function(*point)
        point[position] -= 2 * h
        slopes.append((upper - function(*point)) / (2 * h))
    return slopes


CHECKS = [
    Check(
        "gradient",
        gradient_cases,
        "Give the bracket a name, e = w x + b - target. Then L = e^2, and each derivative is dL/de times the "
        "derivative of e by that input.",
        (
            Mistake(without_the_two, "The derivative of e^2 is 2 e, not e."),
            Mistake(without_the_target, "The target belongs to the bracket: it changes all three."),
        ),
    ),
    Check(
        "Scalar",
        scalar_cases,
        "Each step returns Scalar(value, sources, slopes): its value, the numbers it was made from, and its "
        "derivative by each of them, all at the present values.",
        (
            Mistake(SubtractsLikeASum, "If the second number grows by 1, the difference falls by 1."),
            Mistake(DividesWithoutTheSign, "a / b falls when b grows: its derivative by b is -a / b^2."),
            Mistake(SquaresWithOneSlope, "s * s counts s twice, with slope s each time: 2 s in all."),
            Mistake(
                ForgetsTheSources,
                "The value is right, but the result has forgotten what it was made from: hand sources and "
                "slopes to Scalar, or backward has nowhere to go.",
            ),
        ),
    ),
    Check(
        "nudged",
        nudged_cases,
        "For one position: two copies of the point, one with h added and one with h taken away at this "
        "position alone; the slope is the difference of the two results, divided by 2 h.",
        (
            Mistake(from_one_side, "A step to one side sees the curve bend; go h to both sides."),
            Mistake(divided_by_h, "From -h to +h the distance is 2 h."),
            Mistake(not_put_back, "Put a nudged number back before the next, or nudge copies of the list."),
        ),
    ),
]

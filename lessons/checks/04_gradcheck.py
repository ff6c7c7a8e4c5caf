"""Checks of lesson 04: differences worked out by hand, and operations with hidden mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "04_gradcheck.py")


def slopes_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """x^3 at 2 is the lesson's; of a quadratic the central difference is exact, also with a large h."""
    yield Case(
        "slopes of x^3 at [2], h = 0.1", answer(lambda x: float((x**3).sum()), np.array([2.0]), 0.1), [12.01]
    )
    x = np.array([[1.0, 2.0], [-3.0, 0.5]])
    got = answer(lambda x: float(x[0, 0] * x[0, 1] + x[1, 0] ** 2 - 4 * x[1, 1]), x, 0.5)
    yield Case("slopes of a b + c^2 - 4 d at [[1, 2], [-3, 0.5]], h = 0.5", got, [[2.0, 1.0], [-6.0, -4.0]])
    yield Case("x afterwards", x, [[1.0, 2.0], [-3.0, 0.5]])


def from_one_side(f, x, h):
    result = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above = x.copy()
        above[index] += h
        result[index] = (f(above) - f(x)) / h
    return result


def divided_by_h(f, x, h):
    return 2 * solution.slopes(f, x, h)


def all_at_once(f, x, h):
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


def not_put_back(f, x, h):
    result = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x)
        x[index] -= 2 * h
        result[index] = (above - f(x)) / (2 * h)
    return result


def along_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """a^2 b at (1, 2) along (3, -1): claimed 4 * 3 - 1, measured (1.3^2 1.9 - 0.7^2 2.1) / 0.2 = 10.91."""

    def f(x):
        return float(x[0] ** 2 * x[1])

    def gradient(x):
        return np.array([2 * x[0] * x[1], x[0] ** 2])

    x, direction = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    got = answer(f, gradient, x, direction, 0.1)
    yield Case("measured and claimed slope of a^2 b at (1, 2) along (3, -1), h = 0.1", got, (10.91, 11.0))
    measured, claimed = answer(f, gradient, x, direction, 1e-5)
    yield Case("their difference with h = 0.00001", measured - claimed, 0.0)
    yield Case("x afterwards", x, [1.0, 2.0])


def one_sided(f, gradient, x, direction, h):
    return (f(x + h * direction) - f(x)) / h, float((gradient(x) * direction).sum())


def of_length_one(f, gradient, x, direction, h):
    return solution.along(f, gradient, x, direction / np.sqrt((direction**2).sum()), h)


def distance_of_h(f, gradient, x, direction, h):
    measured, claimed = solution.along(f, gradient, x, direction, h)
    return 2 * measured, claimed


def summed_gradient(f, gradient, x, direction, h):
    return solution.along(f, gradient, x, direction, h)[0], float(gradient(x).sum())


def length_of_gradient(f, gradient, x, direction, h):
    return solution.along(f, gradient, x, direction, h)[0], float(np.sqrt((gradient(x) ** 2).sum()))


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_with_plain_mean(x, grad):
    return softmax(x) * (grad - grad.mean(axis=1, keepdims=True))


def softmax_gradient(x, grad):
    y = softmax(x)
    return y * (grad - (grad * y).sum(axis=1, keepdims=True))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


CANDIDATES = (
    ("tanh", np.tanh, lambda x, grad: grad * (1 - np.tanh(x)), True),
    ("relu", lambda x: np.maximum(x, 0), lambda x, grad: grad * (x > 0), False),
    ("softmax", softmax, softmax_with_plain_mean, True),
    ("cube", lambda x: x**3, lambda x, grad: grad * 3 * x**2, False),
    ("sine", np.sin, lambda x, grad: grad * np.cos(x) * 1.001, True),
    ("softmax of somebody else", softmax, softmax_gradient, False),
    ("x sigmoid(x)", lambda x: x * sigmoid(x), lambda x, grad: grad * sigmoid(x), True),
    ("sigmoid", sigmoid, lambda x, grad: grad * sigmoid(x) * sigmoid(-x), False),
    ("reversed rows", lambda x: x[:, ::-1] * 2, lambda x, grad: grad[:, ::-1] * 2, False),
    ("running sum", lambda x: x.cumsum(axis=1), lambda x, grad: grad.cumsum(axis=1), True),
)


def wrong_ones_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Is each wrong one named, and no right one?"""
    names = answer([(name, forward, backward) for name, forward, backward, _ in CANDIDATES])
    for name, _, _, wrong in CANDIDATES:
        yield Case(f"whether {name!r} is among the wrong ones", name in names, wrong)
    yield Case("how many are named", len(names), sum(wrong for *_, wrong in CANDIDATES))


def looking(
    point: str = "random", upstream: str = "random", dtype: Any = np.float64, tolerance: float = 1e-6
):
    """A `wrong_ones` that looks at such points, with such upstream gradients, in such numbers."""

    def wrong_ones(candidates):
        rng = np.random.default_rng(1)
        x = (rng.standard_normal((3, 4)) if point == "random" else np.zeros((3, 4))).astype(dtype)
        grad = (rng.standard_normal((3, 4)) if upstream == "random" else np.ones((3, 4))).astype(dtype)
        wrong = []
        for name, forward, backward in candidates:
            measured = solution.slopes(lambda x, forward=forward: (forward(x) * grad).sum(), x.copy(), 1e-5)
            if np.abs(backward(x, grad) - measured).max() > tolerance:
                wrong.append(name)
        return wrong

    return wrong_ones


CHECKS = [
    Check(
        "slopes",
        slopes_cases,
        "Go through np.ndindex(x.shape). Move one element to center + h and to center - h, evaluate f both "
        "times, put the element back, and divide the difference by 2 h.",
        (
            Mistake(from_one_side, "A step to one side sees the curve bend: go h to both sides."),
            Mistake(divided_by_h, "From -h to +h the distance is 2 h."),
            Mistake(all_at_once, "Move one element at a time; the others stay where they are."),
            Mistake(not_put_back, "Put an element back before the next one is moved, or move it in a copy."),
        ),
    ),
    Check(
        "along",
        along_cases,
        "Measured: (f(x + h v) - f(x - h v)) / (2 h), with v the direction as it is. Claimed: the sum over "
        "all elements of gradient times direction.",
        (
            Mistake(one_sided, "A step to one side sees the curve bend: go to both sides."),
            Mistake(of_length_one, "Take the direction as it is: its length belongs to both slopes."),
            Mistake(distance_of_h, "From -h to +h the distance is 2 h."),
            Mistake(
                summed_gradient, "Each element of the gradient counts as far as the direction goes there."
            ),
            Mistake(length_of_gradient, "That is the slope in the steepest direction, not in this one."),
        ),
    ),
    Check(
        "wrong_ones",
        wrong_ones_cases,
        "For each candidate take the slopes of (forward(x) * u).sum() with your first exercise and hold them "
        "against backward(x, u), for random x and u in float64.",
        (
            Mistake(
                looking(point="zeros"), "Mistakes vanish at 0 (and kinks are there): take random points."
            ),
            Mistake(
                looking(upstream="ones"),
                "For an upstream of ones the gradient of softmax is 0, right or wrong: take random numbers.",
            ),
            Mistake(looking(tolerance=0.01), "Some are wrong by a tenth of a percent: tolerate less."),
            Mistake(looking(dtype=np.float32), "In float32 rounding looks like a mistake: use float64."),
        ),
    ),
]

"""Solutions of lesson 04, is the gradient right?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Candidate = tuple[str, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray, np.ndarray], np.ndarray]]


def slopes(f: Callable[[np.ndarray], float], x: np.ndarray, h: float) -> np.ndarray:
    """The central difference of f for each element of x, an array of x's shape."""
    result = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        center = x[index]
        x[index] = center + h
        above = f(x)
        x[index] = center - h
        below = f(x)
        x[index] = center  # not x[index] + h, which may differ in the last digit
        result[index] = (above - below) / (2 * h)
    return result


def along(
    f: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    direction: np.ndarray,
    h: float,
) -> tuple[float, float]:
    """(measured, claimed) slope of f at x along a direction."""
    measured = (f(x + h * direction) - f(x - h * direction)) / (2 * h)
    return measured, float((gradient(x) * direction).sum())


def wrong_ones(candidates: list[Candidate]) -> list[str]:
    """The names of the candidates whose gradient is wrong."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4))  # float64; not zeros, and different numbers in different places
    upstream = rng.standard_normal((3, 4))  # not ones
    wrong = []
    for name, forward, backward in candidates:
        measured = slopes(lambda x, forward=forward: (forward(x) * upstream).sum(), x.copy(), 1e-5)
        # Rounding leaves errors near 1e-10; 1e-6 stands well above them and below a tenth of a percent.
        if np.abs(backward(x, upstream) - measured).max() > 1e-6:
            wrong.append(name)
    return wrong

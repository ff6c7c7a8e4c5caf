"""Exercises of lesson 04, is the gradient right? Check them with `tinynet check 04`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Candidate = tuple[str, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray, np.ndarray], np.ndarray]]


def slopes(f: Callable[[np.ndarray], float], x: np.ndarray, h: float) -> np.ndarray:
    """The central difference of f for each element of x, an array of x's shape (x may have any shape).

    Afterwards x holds what it held before.
    """
    raise NotImplementedError


def along(
    f: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    direction: np.ndarray,
    h: float,
) -> tuple[float, float]:
    """(measured, claimed) slope of f at x along a direction.

    measured: the central difference between x + h direction and x - h direction, divided by the difference
    of h. claimed: what gradient(x), the gradient of f, says about the same slope.
    """
    raise NotImplementedError


def wrong_ones(candidates: list[Candidate]) -> list[str]:
    """The names of the candidates whose gradient is wrong.

    A candidate is (name, forward, backward): forward(x) gives y for rows x of shape (N, K), with y of the
    same shape; backward(x, grad) gives the gradient by x, where grad arrives at y. Some are wrong by a
    tenth of a percent only. Choose points and upstream gradients where no mistake can hide.
    """
    raise NotImplementedError

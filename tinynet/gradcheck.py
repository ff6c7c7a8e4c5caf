"""Is a gradient right? Compare it with the slope that the function itself shows.

The check needs nothing from the engine but its results, so it cannot share the engine's mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import GradcheckError, InputError
from .tensor import Tensor

# In float64 the slope below is wrong by about STEP^2 from the curvature and 1e-16 / STEP from rounding;
# both are near 1e-11 at this step, five orders below the tolerance.
STEP = 1e-5


def gradcheck(
    function: Callable[..., Tensor],
    *arrays: Any,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    """Check the gradient of `function` with respect to every element of every array.

    The function is given the arrays as float64 tensors and returns a tensor y of any shape. A random
    upstream gradient u makes one number of it, L = sum u y. For each element e of each input, the
    derivative that `backward` gives is held against the central difference

        dL/de ~ sum u (y(e + h) - y(e - h)) / (2 h),    h = 1e-5.

    The error of an element is |backward - numerical| / max(|backward|, |numerical|, 1e-3).

    Returns the largest error. Raises GradcheckError, naming the worst element of the worst input, when it
    exceeds `tolerance`, when an input gets no gradient, or when the function is not the same twice.
    """
    points = [np.array(array, dtype=np.float64) for array in arrays]
    if not points:
        raise InputError("gradcheck expects at least one array to differentiate by, got none.")
    leaves = [Tensor(point.copy(), requires_grad=True) for point in points]
    output = function(*leaves)
    if not isinstance(output, Tensor) or not output.requires_grad:
        raise GradcheckError(
            f"gradcheck: the function returned {'a tensor' if isinstance(output, Tensor) else output!r:.60} "
            "without a recorded graph: it has to compute with tensors, outside of no_grad()."
        )
    upstream = np.random.default_rng(seed).standard_normal(output.shape)
    if not np.array_equal(_evaluate(function, points), output._array, equal_nan=True):
        raise GradcheckError("gradcheck: the function gave two different results for the same input.")
    output.backward(upstream)

    worst, sentence = 0.0, ""
    for number, (leaf, point) in enumerate(zip(leaves, points, strict=True)):
        if leaf.grad is None:
            raise GradcheckError(f"gradcheck: no gradient reached input {number} of shape {point.shape}.")
        numerical = _central_differences(function, points, number, upstream)
        size = np.maximum(np.maximum(np.abs(leaf.grad), np.abs(numerical)), 1e-3)
        errors = np.abs(leaf.grad - numerical) / size
        errors = np.where(np.isfinite(errors), errors, np.inf)
        if errors.size and errors.max() > worst:
            place = np.unravel_index(errors.argmax(), errors.shape)
            worst = float(errors[place])
            sentence = (
                f"gradcheck: input {number} at index {tuple(int(i) for i in place)}: backward gives "
                f"{leaf.grad[place]:.10g}, the central difference {numerical[place]:.10g} "
                f"(error {worst:.3g}, tolerance {tolerance:g})."
            )
    if worst > tolerance:
        raise GradcheckError(sentence)
    return worst


def _evaluate(function: Callable[..., Tensor], points: list[np.ndarray]) -> np.ndarray:
    return function(*(Tensor(point.copy()) for point in points))._array


def _central_differences(
    function: Callable[..., Tensor], points: list[np.ndarray], number: int, upstream: np.ndarray
) -> np.ndarray:
    """dL/de for each element e of one input, by moving that element alone."""
    point = points[number]
    slopes = np.empty_like(point)
    for index in np.ndindex(point.shape):
        center = point[index]
        point[index] = center + STEP
        above = _evaluate(function, points)
        point[index] = center - STEP
        below = _evaluate(function, points)
        point[index] = center
        slopes[index] = (upstream * (above - below)).sum() / (2 * STEP)
    return slopes

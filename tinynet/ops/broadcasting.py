"""The gradient of broadcasting, in one place: what was repeated on the way in is summed on the way back."""

from __future__ import annotations

import numpy as np


def unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum `grad` down to `shape`, the shape an input had before NumPy broadcast it.

    An element that was used k times has the sum of k gradients.
    """
    if grad.shape == shape:
        return grad
    added = grad.ndim - len(shape)
    repeated = tuple(
        axis
        for axis in range(grad.ndim)
        if axis < added or (shape[axis - added] == 1 and grad.shape[axis] != 1)
    )
    # float64, since a float32 sum over a large batch drifts
    total = grad.sum(axis=repeated, keepdims=True, dtype=np.float64)
    return total.reshape(shape).astype(grad.dtype)

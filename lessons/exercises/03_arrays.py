"""Exercises of lesson 03, arrays and broadcasting. Check them with `tinynet check 03`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of an array of shape `shape` that NumPy has broadcast to the shape of `grad`.

    Each number of the array was used once or more; its gradient is the sum over its uses.
    """
    raise NotImplementedError


def matmul_gradients(x: np.ndarray, w: np.ndarray, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients by x (N, K) and by w (K, O), in this order, of y = x @ w.

    grad: the gradient that arrives at y, (N, O).
    """
    raise NotImplementedError


def centre_gradient(grad: np.ndarray) -> np.ndarray:
    """The gradient by x of y[i, j] = x[i, j] - mean of row i of x.

    grad: the gradient that arrives at y, (N, K). A number reaches y in two ways: as itself, and through the
    mean, which is taken off every number of its row.
    """
    raise NotImplementedError

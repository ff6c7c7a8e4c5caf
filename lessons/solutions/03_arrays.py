"""Solutions of lesson 03, arrays and broadcasting."""

from __future__ import annotations

import numpy as np


def unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of an array of shape `shape` that NumPy has broadcast to the shape of `grad`."""
    added = grad.ndim - len(shape)
    total = grad.sum(axis=tuple(range(added)))  # dimensions that the array did not have at all
    for axis, size in enumerate(shape):
        if size == 1:  # repeated along this axis; the axis itself stays
            total = total.sum(axis=axis, keepdims=True)
    return total


def matmul_gradients(x: np.ndarray, w: np.ndarray, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients by x (N, K) and by w (K, O), in this order, of y = x @ w."""
    return grad @ w.T, x.T @ grad  # (N, O)(O, K) and (K, N)(N, O)


def centre_gradient(grad: np.ndarray) -> np.ndarray:
    """The gradient by x of y[i, j] = x[i, j] - mean of row i of x."""
    # As itself: grad. Through the mean: each of the K numbers of the row lost x[i, j] / K.
    return grad - grad.mean(axis=1, keepdims=True)

"""Solutions of lesson 09, pooling, dropout, batch norm."""

from __future__ import annotations

import numpy as np


def max_pool_gradient(x: np.ndarray, grad: np.ndarray, size: int) -> np.ndarray:
    """The gradient by x of max pooling with windows of size times size pixels that do not overlap."""
    dx = np.zeros(x.shape, grad.dtype)
    for i, j in np.ndindex(grad.shape):
        window = x[i * size : (i + 1) * size, j * size : (j + 1) * size]
        row, column = divmod(int(window.argmax()), size)  # argmax answers the first of equal numbers
        dx[i * size + row, j * size + column] = grad[i, j]
    return dx


def dropout(x: np.ndarray, chance: np.ndarray, rate: float, training: bool) -> tuple[np.ndarray, np.ndarray]:
    """(y, slope): inverted dropout, and the slope of each y by its x."""
    slope = (chance >= rate) / (1 - rate) if training else np.ones(x.shape)
    return x * slope, slope  # each y is a multiple of its x


def batch_norm_gradient(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dgamma, dbeta): the gradients of batch norm in training."""
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    dbeta, dgamma = grad.sum(axis=0), (grad * xhat).sum(axis=0)  # one gamma and beta serve the whole column
    dx = gamma / std * (grad - dbeta / len(x) - xhat * dgamma / len(x))
    return dx, dgamma, dbeta


def running_statistics(
    batches: list[np.ndarray], momentum: float, keras: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, variance), each (C,): the running statistics after some batches (m, C), in their order."""
    share = 1 - momentum if keras else momentum  # of the new batch
    mean, variance = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
    for batch in batches:
        mean = (1 - share) * mean + share * batch.mean(axis=0)
        variance = (1 - share) * variance + share * batch.var(axis=0, ddof=0 if keras else 1)
    return mean, variance

"""Exercises of lesson 09, pooling, dropout, batch norm. Check them with `tinynet check 09`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def max_pool_gradient(x: np.ndarray, grad: np.ndarray, size: int) -> np.ndarray:
    """The gradient by x of max pooling with windows of size times size pixels that do not overlap.

    x: (H, W), with H and W divisible by size.  grad: (H / size, W / size), what arrives at the output.
    Of equal pixels the first in reading order counts. The result has x's shape.
    """
    raise NotImplementedError


def dropout(x: np.ndarray, chance: np.ndarray, rate: float, training: bool) -> tuple[np.ndarray, np.ndarray]:
    """(y, slope): inverted dropout, and the slope of each y by its x; all of x's shape.

    chance: a random number from 0 to below 1 for each x. In training an x is dropped if its chance is below
    rate, which is from 0 to below 1. In evaluation nothing is dropped.
    """
    raise NotImplementedError


def batch_norm_gradient(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dx, dgamma, dbeta): the gradients of batch norm in training.

    x and grad, the gradient that arrives at y: (m, C).  gamma: (C,).  y = gamma xhat + beta with
    xhat = (x - mean) / sqrt(var + eps), mean and var (divided by m) of each column.
    """
    raise NotImplementedError


def running_statistics(
    batches: list[np.ndarray], momentum: float, keras: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, variance), each (C,): the running statistics after some batches (m, C), in their order.

    They start at 0 and 1. keras=False: as PyTorch and tinynet keep them, with their meaning of momentum;
    keras=True: as Keras does, with Keras's meaning.
    """
    raise NotImplementedError

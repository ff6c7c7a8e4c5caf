"""Exercises of lesson 15, one pass over memory. Check them with `tinynet check 15`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def least_time(flops: float, traffic: float, peak: float, bandwidth: float) -> tuple[float, str]:
    """(seconds, "arithmetic" or "memory"): the least time that a loop can take, and what decides it.

    flops: its operations.  traffic: the bytes it reads and writes.  peak, bandwidth: what the machine can do
    of each in a second; it does both at once. Where both take equally long, say "memory".
    """
    raise NotImplementedError


def merged(counts: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """(mean, variance) of all numbers, from those of the blocks that they were cut into.

    counts: how many numbers each block has; blocks need not be of one size. Variances are biased, divided by
    the count.
    """
    raise NotImplementedError


def folded(
    weight: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """(weight, bias) of one pointwise convolution that gives what a convolution and its batch norm give.

    In evaluation, mean and var are fixed: y = gamma (x @ weight - mean) / sqrt(var + eps) + beta.
    weight: (C, O).  gamma, beta, mean, var: (O,).
    """
    raise NotImplementedError


def normalise(z: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, rows: int) -> None:
    """Put relu(batch_norm(z)) into z itself, with new memory for `rows` rows at most.

    z: (R, C), C channels.  gamma, beta: (C,).  Mean and biased variance are those of all R rows. R need not
    be a multiple of `rows`. (`x.mean(axis=0)` needs no memory but for its result; `x.var` does.)
    """
    raise NotImplementedError

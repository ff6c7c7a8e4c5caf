"""Solutions of lesson 15, one pass over memory."""

from __future__ import annotations

import numpy as np


def least_time(flops: float, traffic: float, peak: float, bandwidth: float) -> tuple[float, str]:
    """(seconds, "arithmetic" or "memory"): the least time that a loop can take, and what decides it."""
    arithmetic, memory = flops / peak, traffic / bandwidth  # at the same time, so the longer one counts
    return (arithmetic, "arithmetic") if arithmetic > memory else (memory, "memory")


def merged(counts: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[float, float]:
    """(mean, variance) of all numbers, from those of the blocks that they were cut into."""
    total = np.sum(counts)
    mean = np.sum(counts * means) / total
    squares = np.sum(counts * (variances + (means - mean) ** 2))  # within the blocks and between them
    return float(mean), float(squares / total)


def folded(
    weight: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """(weight, bias) of one pointwise convolution that gives what a convolution and its batch norm give."""
    scale = gamma / np.sqrt(var + eps)  # (O,): one for each column of the weight
    return weight * scale, beta - mean * scale


def normalise(z: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, rows: int) -> None:
    """Put relu(batch_norm(z)) into z itself, with new memory for `rows` rows at most."""
    blocks = [z[start : start + rows] for start in range(0, len(z), rows)]  # views, not copies
    mean = z.mean(axis=0)
    squares = np.zeros_like(mean)
    for block in blocks:  # the first pass: all rows have to be seen before one can be changed
        squares += ((block - mean) ** 2).sum(axis=0)
    scale = gamma / np.sqrt(squares / len(z) + eps)
    shift = beta - mean * scale
    for block in blocks:  # the second pass
        block *= scale
        block += shift
        np.maximum(block, 0, out=block)

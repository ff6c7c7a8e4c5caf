"""Batch normalisation: statistics over all rows of a `(R, C)` array, one for each of the C channels.

    mean[c] = sum_r x[r, c] / R          var[c] = sum_r (x[r, c] - mean[c])^2 / R     (biased)
    y[r, c] = gamma[c] (x[r, c] - mean[c]) / sqrt(var[c] + eps) + beta[c]

(Ioffe and Szegedy 2015, algorithm 1.) An image batch (N, H, W, C) is such an array with R = N H W.

Sums over a batch drift in float32. Rows are cut into blocks: sums within a block are float32, and
blocks are merged in float64 (Chan et al. 1979), each centred on its own mean, so that a large mean
costs no accuracy.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .compiling import blocks, parallel_kernel, quiet, ready
from .memory import empty
from .threads import region

_BLOCK = 16 * 1024  # numbers in a block: 64 kB in float32, so the second look at it is from the cache
_BLOCK_ROWS = 1024  # rows in a block, at most: as long as a sum in float32 may get


def moments_definition(x):
    """Mean and biased variance of each column: (R, C) -> (C,) and (C,)."""
    R, C = x.shape
    mean, var = np.zeros(C, x.dtype), np.zeros(C, x.dtype)
    for c in range(C):
        centre = sum(float(x[r, c]) for r in range(R)) / R
        mean[c] = centre
        var[c] = sum((float(x[r, c]) - centre) ** 2 for r in range(R)) / R
    return mean, var


def scale_shift_definition(x, scale, shift):
    """y[r, c] = x[r, c] scale[c] + shift[c]."""
    y = np.zeros_like(x)
    for r, c in np.ndindex(*x.shape):
        y[r, c] = float(x[r, c]) * float(scale[c]) + float(shift[c])
    return y


def batch_norm_grad_definition(g, x, mean, inv_std, gamma):
    """The gradients of x, gamma and beta, where mean and inv_std depend on x too.

    With z = (x - mean) inv_std (Ioffe and Szegedy 2015, section 3, put together):

        dbeta[c]  = sum_r g[r, c]
        dgamma[c] = sum_r g[r, c] z[r, c]
        dx[r, c]  = gamma[c] inv_std[c] (g[r, c] - dbeta[c] / R - z[r, c] dgamma[c] / R)
    """
    R, C = x.shape
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    for c in range(C):
        z = [(float(x[r, c]) - float(mean[c])) * float(inv_std[c]) for r in range(R)]
        beta_sum = sum(float(g[r, c]) for r in range(R))
        gamma_sum = sum(float(g[r, c]) * z[r] for r in range(R))
        dbeta[c], dgamma[c] = beta_sum, gamma_sum
        for r in range(R):
            centred = float(g[r, c]) - beta_sum / R - z[r] * gamma_sum / R
            dx[r, c] = float(gamma[c]) * float(inv_std[c]) * centred
    return dx, dgamma, dbeta


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(mean, var)` of each column, the variance biased: (R, C) -> (C,) and (C,)."""
    x = ready(x)
    edges = _row_blocks(x)
    means = np.zeros((len(edges) - 1, x.shape[1]), x.dtype)
    squares = np.zeros_like(means)
    with region:
        _block_moments(x, edges, means, squares)
    rows = np.diff(edges)[:, None]  # (blocks, 1)
    with quiet():
        mean = (means * rows).sum(axis=0, dtype=np.float64) / len(x)
        between = ((means - mean) ** 2 * rows).sum(axis=0)
        var = (squares.sum(axis=0, dtype=np.float64) + between) / len(x)
        return mean.astype(x.dtype), var.astype(x.dtype)


def scale_shift(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """`x * scale + shift`: (R, C), (C,) and (C,) -> (R, C)."""
    x = ready(x)
    y = empty(x.shape, x.dtype)
    with region:
        _scale_shift(x, ready(scale), ready(shift), _row_blocks(x), y)
    return y


def batch_norm_grad(
    g: np.ndarray, x: np.ndarray, mean: np.ndarray, inv_std: np.ndarray, gamma: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(dx, dgamma, dbeta)` from (R, C), (R, C) and three of (C,)."""
    g, x, mean, inv_std = ready(g), ready(x), ready(mean), ready(inv_std)
    edges = _row_blocks(x)
    sums = np.zeros((len(edges) - 1, 2, x.shape[1]), x.dtype)
    dx = empty(x.shape, x.dtype)
    with region, quiet():
        _block_sums(g, x, mean, edges, sums)
        beta_sum, centred_sum = sums.sum(axis=0, dtype=np.float64)  # each (C,)
        gamma_sum = centred_sum * inv_std
        a, b, c = (
            v.astype(x.dtype)
            for v in (gamma * inv_std, beta_sum / len(x), gamma_sum * inv_std / len(x))
        )
        _grad_input(g, x, mean, a, b, c, edges, dx)
    return dx, gamma_sum.astype(x.dtype), beta_sum.astype(x.dtype)


def _row_blocks(x: np.ndarray) -> np.ndarray:
    return blocks(len(x), max(x.size // _BLOCK, len(x) // _BLOCK_ROWS))


@parallel_kernel
def _block_moments(x, edges, means, squares):
    """Within each block: the mean, and the sum of squared distances from it.

    The first row is subtracted before summing, so that rounding is relative to the spread, not to the mean.
    The sum of the distances from the mean would be zero without rounding: what it is corrects both (Chan,
    Golub and LeVeque 1983, equation 1.7).
    """
    C = x.shape[1]
    for i in prange(len(edges) - 1):
        first, last = edges[i], edges[i + 1]
        rest = np.zeros(C, x.dtype)
        for r in range(first, last):
            for c in range(C):
                means[i, c] += x[r, c] - x[first, c]
        for c in range(C):
            means[i, c] = x[first, c] + means[i, c] / (last - first)
        for r in range(first, last):
            for c in range(C):
                distance = x[r, c] - means[i, c]
                rest[c] += distance
                squares[i, c] += distance**2
        for c in range(C):
            means[i, c] += rest[c] / (last - first)
            squares[i, c] = max(squares[i, c] - rest[c] ** 2 / (last - first), x.dtype.type(0))


@parallel_kernel
def _scale_shift(x, scale, shift, edges, y):
    for i in prange(len(edges) - 1):
        for r in range(edges[i], edges[i + 1]):
            for c in range(x.shape[1]):
                y[r, c] = x[r, c] * scale[c] + shift[c]


@parallel_kernel
def _block_sums(g, x, mean, edges, sums):
    """Within each block: sum g, and sum g (x - mean)."""
    for i in prange(len(edges) - 1):
        for r in range(edges[i], edges[i + 1]):
            for c in range(x.shape[1]):
                sums[i, 0, c] += g[r, c]
                sums[i, 1, c] += g[r, c] * (x[r, c] - mean[c])


@parallel_kernel
def _grad_input(g, x, mean, a, b, c, edges, dx):
    """dx = a (g - b - (x - mean) c)."""
    for i in prange(len(edges) - 1):
        for r in range(edges[i], edges[i + 1]):
            for j in range(x.shape[1]):
                dx[r, j] = a[j] * (g[r, j] - b[j] - (x[r, j] - mean[j]) * c[j])

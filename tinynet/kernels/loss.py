"""Softmax and cross-entropy together, with the gradient that both have in common.

    loss = -(1/N) sum_{n, k} t[n, k] ln softmax(z[n])[k]
    dz[n, k] = (softmax(z[n])[k] sum_j t[n, j] - t[n, k]) / N

with targets t that are rows of probabilities, so that the sum over j is 1 up to rounding. Loss and
gradient need the same exponentials; a batch has few rows of few numbers, for which the number of
calls counts, not the arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import kernel, ready
from .memory import empty


def softmax_cross_entropy_definition(z, t):
    """`(loss, dz)`; a class that no target asks for may be impossible: 0 ln 0 counts as 0."""
    N, K = z.shape
    loss, dz = 0.0, np.zeros_like(z)
    for n in range(N):
        largest = max(float(z[n, k]) for k in range(K))
        total = sum(math.exp(float(z[n, k]) - largest) for k in range(K))
        for k in range(K):
            log_softmax = float(z[n, k]) - largest - math.log(total)
            if t[n, k] != 0:
                loss -= float(t[n, k]) * log_softmax / N
            dz[n, k] = (math.exp(log_softmax) * t[n].sum(dtype=np.float64) - float(t[n, k])) / N
    return z.dtype.type(loss), dz


def softmax_cross_entropy(z: np.ndarray, t: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """`(loss, dz)` from logits and targets: (N, K) and (N, K) -> () and (N, K)."""
    dz = empty(z.shape, z.dtype)
    loss = _softmax_cross_entropy(ready(z), ready(t), dz)
    return z.dtype.type(loss), dz


@kernel
def _softmax_cross_entropy(z, t, dz):
    N, K = z.shape
    loss = 0.0
    for n in range(N):
        largest = z[n, 0]
        for k in range(1, K):
            largest = largest if z[n, k] < largest else z[n, k]
        total, weight = 0.0, 0.0
        for k in range(K):
            # The largest is taken off first, so that no exponential overflows.
            dz[n, k] = np.exp(z[n, k] - largest)
            total += dz[n, k]
            weight += t[n, k]
        log_total = np.log(total)
        for k in range(K):
            if t[n, k] != 0:
                loss -= t[n, k] * (z[n, k] - largest - log_total)
            dz[n, k] = (dz[n, k] * (weight / total) - t[n, k]) / N
    return loss / N

"""Images turned, scaled, sheared and shifted in one pass: augmentation's only geometry.

    y[n, i, j] = x[n] at the point (r, s) = A[n] (i, j, 1), between four pixels bilinearly

A[n] says where each pixel of the result comes from, so every pixel gets a value. Beyond the border lies
the mirror image of what is within (c b a | a b c | c b a), so no edge appears that a network could learn.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compiling import inner_kernel, parallel_kernel, ready
from .memory import empty
from .threads import region


def warp_definition(x, matrices):
    """y (N, H, W, C) from x (N, H, W, C) and matrices (N, 2, 3): row and column of the source."""
    N, H, W, _ = x.shape
    rows = [*range(H), *reversed(range(H))]  # what the pixels 0, 1, ... 2 H - 1 of the mirrored plane show
    columns = [*range(W), *reversed(range(W))]
    y = np.zeros_like(x)
    for n, i, j in np.ndindex(N, H, W):
        row, column = matrices[n].astype(np.float64) @ (i, j, 1)
        top, left = math.floor(row), math.floor(column)
        for k, weight_k in ((top, 1 - (row - top)), (top + 1, row - top)):
            for m, weight_m in ((left, 1 - (column - left)), (left + 1, column - left)):
                y[n, i, j] += (
                    x.dtype.type(weight_k * weight_m) * x[n, rows[k % (2 * H)], columns[m % (2 * W)]]
                )
    return y


def warp(x: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """The images (N, H, W, C) seen through `matrices` (N, 2, 3), a new array of x's dtype."""
    y = empty(x.shape, x.dtype)
    with region:
        _warp(ready(x), ready(matrices.astype(np.float64)), y)
    return y


@inner_kernel
def _mirrored(place, size):
    """The place within 0..size-1 that a place anywhere on the line shows."""
    if place < 0 or place > size - 1:
        turn = (place + 0.5) % (2.0 * size)
        place = min(max(min(turn, 2.0 * size - turn) - 0.5, 0.0), size - 1.0)
    return place


@inner_kernel
def _warp_image(x, a, y):
    H, W, C = x.shape
    one = x.dtype.type(1)
    for i in range(H):
        for j in range(W):
            row = _mirrored(a[0, 0] * i + a[0, 1] * j + a[0, 2], H)
            column = _mirrored(a[1, 0] * i + a[1, 1] * j + a[1, 2], W)
            top, left = int(row), int(column)
            down, right = x.dtype.type(row - top), x.dtype.type(column - left)
            below, beside = min(top + 1, H - 1), min(left + 1, W - 1)
            for c in range(C):
                upper = x[top, left, c] * (one - right) + x[top, beside, c] * right
                lower = x[below, left, c] * (one - right) + x[below, beside, c] * right
                y[i, j, c] = upper * (one - down) + lower * down


@parallel_kernel
def _warp(x, matrices, y):
    for n in prange(len(x)):
        _warp_image(x[n], matrices[n], y[n])

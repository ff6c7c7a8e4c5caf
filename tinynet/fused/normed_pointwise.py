"""Pointwise convolution within a chain: rows of pixels through a matrix product, a few at a time.

The formulas and the shapes are at the top of `normed_rows.py`.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np

from ..kernels.blas import multiply, multiply_add
from ..kernels.compiling import inner_kernel
from .normed_rows import activate, add_moments, fold_moments, fold_sums, gradient, mask


@inner_kernel
def pointwise_forward(z, rows, limits, weight, geometry, images, scratch, y, moments):
    """y = a weight: (N, H, W C) and (C, O) -> (N, H, W O), a few rows at a time."""
    span, lines = (images[0] * z.shape[1], images[1] * z.shape[1]), geometry.lines
    L, OL = z.shape[2], y.shape[2]
    (C, O), W = weight.shape, L // weight.shape[0]
    z, y = z.reshape(1, -1, L), y.reshape(1, -1, OL)
    pivot = y[0, span[0]]
    totals = np.zeros((2, OL), z.dtype)
    for start in range(span[0], span[1], lines):
        stop = min(start + lines, span[1])
        a = scratch[: (stop - start) * L].reshape(stop - start, L)
        for row in range(start, stop):
            activate(z, 0, row, rows, limits, a, row - start, 0)
        out = y[0, start:stop]
        multiply(a.reshape((stop - start) * W, C), weight, out.reshape((stop - start) * W, O))
        for row in range(start, stop):
            add_moments(y, 0, row, pivot, totals)
    fold_moments(pivot, totals, span[1] - span[0], moments)


@inner_kernel
def pointwise_backward(
    g, y, pqr, z, rows, limits, weight, geometry, images, scratch, below, in_place, sums, dweight
):
    """weight and dweight: (C, O). `below` of length 0 is not wanted; with `in_place` it is g."""
    span, lines = (images[0] * z.shape[1], images[1] * z.shape[1]), geometry.lines
    L, OL = z.shape[2], y.shape[2]
    (C, O), W = weight.shape, L // weight.shape[0]
    target = (g if in_place else below).reshape(1, -1, L)
    g, y, z = g.reshape(1, -1, OL), y.reshape(1, -1, OL), z.reshape(1, -1, L)
    totals = np.zeros((2, L), z.dtype)
    dweight[:] = 0
    for start in range(span[0], span[1], lines):
        stop = min(start + lines, span[1])
        pixels = (stop - start) * W
        a = scratch[: pixels * C].reshape(stop - start, L)
        dz = scratch[pixels * C : pixels * (C + O)].reshape(stop - start, OL)
        for row in range(start, stop):
            activate(z, 0, row, rows, limits, a, row - start, 0)
            gradient(g, y, 0, row, pqr, dz, row - start, 0)
        multiply_add(a.reshape(pixels, C).T, dz.reshape(pixels, O), dweight)
        if target.shape[1]:
            # The activations have been used: what comes back to them takes their place.
            multiply(dz.reshape(pixels, O), weight.T, a.reshape(pixels, C))
            for row in range(start, stop):
                mask(a, row - start, 0, z, 0, row, rows, limits, target, totals)
    fold_sums(totals, sums)

"""A convolution of a chain on all cores: blocks of images go to threads, depthwise and pointwise alike.

The formulas and the shapes are at the top of `normed_rows.py`. What comes before and after the blocks, batch
norm's sums and the sum of partial gradients, is done here too, and both kinds of convolution share these two
functions: a call from Python takes longer than that work, and Numba takes seconds to compile a parallel
function, however little stands in it.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from typing import NamedTuple

from numba import prange

from ..kernels.compiling import parallel_kernel
from .normed_depthwise import depthwise_backward, depthwise_forward
from .normed_pointwise import pointwise_backward, pointwise_forward
from .normed_rows import finish_backward, finish_forward, merge

_MERGED = 4096  # columns of a partial gradient that a thread sums at a time


class Geometry(NamedTuple):
    """How a convolution moves over its images."""

    stride: int  # of a depthwise convolution; 0 for a pointwise one
    top: int  # padding of a depthwise convolution
    left: int
    lines: int  # rows of images in one product of a pointwise convolution


@parallel_kernel
def link_forward(
    z, rows, limits, weight, numbers, edges, scratch, y, gamma, beta, eps, moments, statistics, next_rows
):
    """From z (N, H, W C) to y (N, OH, OW O), then its batch norm: the mean and variance of each channel in
    `statistics` (2, O), scale, shift and mean along a row in `next_rows` (3, OW O). moments: (B, 2, O).
    """
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            geometry, span = Geometry(*numbers), (edges[i], edges[i + 1])
            if geometry.stride:
                depthwise_forward(z, rows, limits, weight, geometry, span, scratch[t], y, moments[i])
            else:
                pointwise_forward(z, rows, limits, weight, geometry, span, scratch[t], y, moments[i])
    pixels = y.shape[1] * y.shape[2] // len(gamma)
    finish_forward(moments, edges, pixels, gamma, beta, eps, statistics, next_rows)


@parallel_kernel
def link_backward(
    g, y, upper, gamma, eps, statistics, dgamma, dbeta, pqr, z, rows, limits, weight, numbers, edges, scratch,
    below, in_place, sums, parts, dweight,
):  # fmt: skip
    """From g (N, OH, OW O) and its sums `upper` (B, 2, O) to the gradients of gamma and beta, then the g
    below (N, H, W C) with its sums (B, 2, C), and the gradient of the weight (9, C) or (C, O), the sum of
    `parts`, one for each block. `below` of length 0 is not wanted; with `in_place` it is g.
    """
    O = len(gamma)
    finish_backward(upper, len(y) * y.shape[1] * y.shape[2] // O, gamma, eps, statistics, dgamma, dbeta, pqr)
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            geometry, span = Geometry(*numbers), (edges[i], edges[i + 1])
            if geometry.stride:
                depthwise_backward(
                    g, y, pqr, z, rows, limits, weight, geometry, span, scratch[t], below, in_place, sums[i],
                    parts[i],
                )  # fmt: skip
            else:
                pointwise_backward(
                    g, y, pqr, z, rows, limits, weight, geometry, span, scratch[t], below, in_place, sums[i],
                    parts[i],
                )  # fmt: skip
    flat, total = parts.reshape(count, -1), dweight.reshape(-1)
    pieces = 1 + len(total) // _MERGED
    for i in prange(pieces):
        merge(flat, len(total) * i // pieces, len(total) * (i + 1) // pieces, total)

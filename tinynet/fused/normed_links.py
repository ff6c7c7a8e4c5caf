"""A convolution of a chain on all cores: blocks of images go to threads, depthwise and pointwise alike.

The formulas and the shapes are at the top of `normed_rows.py`. Both kinds of convolution share these two
functions because Numba takes seconds to compile a parallel one, however little stands in it.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import prange

from ..kernels.compiling import parallel_kernel
from .normed_depthwise import depthwise_backward, depthwise_forward
from .normed_pointwise import pointwise_backward, pointwise_forward


class Geometry(NamedTuple):
    """How a convolution moves over its images."""

    stride: int  # of a depthwise convolution; 0 for a pointwise one
    top: int  # padding of a depthwise convolution
    left: int
    lines: int  # rows of images in one product of a pointwise convolution


@parallel_kernel
def link_forward(z, rows, limits, weight, numbers, edges, scratch, y, moments):
    """From z (N, H, W C) to y (N, OH, OW O), and the moments (B, 2, O) of each block of images."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            geometry, span = Geometry(*numbers), (edges[i], edges[i + 1])
            if geometry.stride:
                depthwise_forward(z, rows, limits, weight, geometry, span, scratch[t], y, moments[i])
            else:
                pointwise_forward(z, rows, limits, weight, geometry, span, scratch[t], y, moments[i])


@parallel_kernel
def link_backward(
    g, y, pqr, z, rows, limits, weight, numbers, edges, scratch, below, in_place, sums, dweight
):
    """From g (N, OH, OW O) to the g below (N, H, W C), its sums (B, 2, C), and partial gradients of the
    weight (B, 9, C) or (B, C, O). `below` of length 0 is not wanted; with `in_place` it is g.
    """
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            geometry, span = Geometry(*numbers), (edges[i], edges[i + 1])
            if geometry.stride:
                depthwise_backward(
                    g, y, pqr, z, rows, limits, weight, geometry, span, scratch[t], below, in_place, sums[i],
                    dweight[i],
                )  # fmt: skip
            else:
                pointwise_backward(
                    g, y, pqr, z, rows, limits, weight, geometry, span, scratch[t], below, in_place, sums[i],
                    dweight[i],
                )  # fmt: skip

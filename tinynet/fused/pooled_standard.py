"""Standard convolution, bias, ReLU and max pooling in one pass: the windows of a band, times the weight.

`pooled_rows.py` has the formulas. A window is KH pieces of KW C numbers that follow each other in the image.
With one channel such a piece is too short for a loop: there `a` is laid out by columns, tap by tap.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import prange

from ..kernels.blas import multiply, multiply_add
from ..kernels.compiling import inner_kernel, merged, parallel_kernel, ready
from ..kernels.geometry import Pads, Pair
from ..kernels.memory import aligned, empty
from ..kernels.threads import region
from . import pooled_rows
from .pooled_rows import Sizes, pool, split, unpool, with_padding


def forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, pads: Pads, window: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """y and the places of the maxima: (N, H, W, C), (KH, KW, C, O), (O,) -> two of (N, PH, PW, O)."""
    N, H, W, C = x.shape
    sizes, matrix = _prepared(x, weight, pads, window)
    K, O = matrix.shape
    biases = aligned((sizes.PW, O), x.dtype)
    biases[:] = 0 if bias is None else bias
    y = empty((N, sizes.PH, sizes.PW, O), x.dtype)
    places = empty(y.shape, np.uint8)
    rows = (N * sizes.PH, sizes.PW * O)
    scratch, parts = _scratch(sizes, K, O, x.dtype)
    with region:
        standard_forward(
            ready(x).reshape(N, H, W * C), matrix, biases.reshape(-1), tuple(sizes),
            pooled_rows.shifts_of(sizes), parts, scratch, pooled_rows.edges_of(N, sizes), y.reshape(rows),
            places.reshape(rows),
        )  # fmt: skip
    return y, places


def backward(
    x: np.ndarray,
    weight: np.ndarray,
    g: np.ndarray,
    places: np.ndarray,
    pads: Pads,
    window: Pair,
    wanted: Sequence[bool],
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray]:
    """The gradients of x, weight and bias; `wanted` says whether those of x and of the weight are."""
    N, H, W, C = x.shape
    sizes, matrix = _prepared(x, weight, pads, window)
    K, O = matrix.shape
    rows = (N * sizes.PH, sizes.PW * O)
    edges = pooled_rows.edges_of(N, sizes)
    dx = empty((N, H, W * C) if wanted[0] else (N, 0, 0), x.dtype)
    dweight = empty((len(edges) - 1, K if wanted[1] else 0, O), x.dtype)
    dbias = empty((len(edges) - 1, rows[1]), x.dtype)
    scratch, parts = _scratch(sizes, K, O, x.dtype)
    with region:
        standard_backward(
            ready(x).reshape(N, H, W * C), ready(matrix.T), ready(g).reshape(rows), places.reshape(rows),
            tuple(sizes), pooled_rows.shifts_of(sizes), parts, scratch, edges, dx, dweight, dbias,
        )  # fmt: skip
    return (
        dx.reshape(x.shape) if wanted[0] else None,
        merged(dweight).reshape(weight.shape) if wanted[1] else None,
        pooled_rows.channel_sums(dbias, O),
    )


def _prepared(x: np.ndarray, weight: np.ndarray, pads: Pads, window: Pair) -> tuple[Sizes, np.ndarray]:
    """The sizes, and the weight as a matrix (KH KW C, O)."""
    KH, KW, C, O = weight.shape
    sizes = pooled_rows.sizes_of(x.shape, (KH, KW), pads, window, KH * KW * C, O, C == 1)
    return sizes, ready(weight).reshape(KH * KW * C, O)


def _scratch(sizes: Sizes, K: int, O: int, dtype: np.dtype) -> tuple[np.ndarray, tuple[int, ...]]:
    """For a padded image or its phases, a padded image's gradient, `a`, and z."""
    padded, pixels = sizes.HP * sizes.WP * sizes.C, pooled_rows.pixels_in_band(sizes)
    image = pooled_rows.numbers_in_phases(sizes) if sizes.C == 1 else padded
    lengths = [image, padded, pixels * K, pixels * O]
    return pooled_rows.scratch(lengths, dtype)


@parallel_kernel
def standard_forward(x, weight, bias, numbers, shifts, parts, scratch, edges, y, places):
    """x (N, H, W C), weight (K, O), bias (PW O), y and places (N PH, PW O)."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _forward(x, weight, bias, numbers, shifts, parts, scratch[t], span, y, places)


@parallel_kernel
def standard_backward(x, weight, g, places, numbers, shifts, parts, scratch, edges, dx, dweight, dbias):
    """weight (O, K), transposed; g and places (N PH, PW O), dx (N, H, W C), dweight (B, K, O), dbias (B, PW
    O). What has no rows is not wanted.
    """
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _backward(
                x, weight, g, places, numbers, shifts, parts, scratch[t], span, dx, dweight[i], dbias[i]
            )  # fmt: skip


@inner_kernel
def _forward(x, weight, bias, numbers, shifts, parts, scratch, span, y, places):
    sizes = Sizes(*numbers)
    K, O = weight.shape
    image, a, z = scratch[: parts[1]], scratch[parts[2] : parts[3]], scratch[parts[3] : parts[4]]
    image[:] = 0
    for first in range(span[0] * sizes.PH, span[1] * sizes.PH, sizes.band):
        last = min(first + sizes.band, span[1] * sizes.PH)
        pixels = sizes.SH * sizes.SW * (last - first) * sizes.pitch
        if sizes.C == 1:
            columns = a[: K * pixels].reshape(K, pixels)
            _lay_out_columns(x, sizes, shifts, first, last, image, columns)
            multiply(columns.T, weight, z[: pixels * O].reshape(pixels, O))
        else:
            rows = a[: pixels * K].reshape(pixels, K)
            _lay_out_rows(x, sizes, first, last, image, rows)
            multiply(rows, weight, z[: pixels * O].reshape(pixels, O))
        pool(z, bias, sizes, y[first:last], places[first:last])


@inner_kernel
def _backward(x, weight, g, places, numbers, shifts, parts, scratch, span, dx, dweight, dbias):
    sizes = Sizes(*numbers)
    O, K = weight.shape
    image, back, a = scratch[: parts[1]], scratch[parts[1] : parts[2]], scratch[parts[2] : parts[3]]
    z = scratch[parts[3] : parts[4]]
    image[:] = 0
    dweight[:] = 0
    dbias[:] = 0
    for first in range(span[0] * sizes.PH, span[1] * sizes.PH, sizes.band):
        last = min(first + sizes.band, span[1] * sizes.PH)
        pixels = sizes.SH * sizes.SW * (last - first) * sizes.pitch
        dz, rows = z[: pixels * O].reshape(pixels, O), a[: pixels * K].reshape(pixels, K)
        unpool(g[first:last], places[first:last], sizes, z, dbias)
        if len(dweight):
            if sizes.C == 1:
                columns = a[: K * pixels].reshape(K, pixels)
                _lay_out_columns(x, sizes, shifts, first, last, image, columns)
                multiply_add(columns, dz, dweight)
            else:
                _lay_out_rows(x, sizes, first, last, image, rows)
                multiply_add(rows.T, dz, dweight)
        if dx.shape[1]:
            multiply(dz, weight, rows)
            _add_back(rows, sizes, first, last, back, dx)


@inner_kernel
def _lay_out_rows(x, sizes, first, last, scratch, a):
    """a (pixels, KH KW C): the window of each pixel of a band."""
    length, rows = sizes.KW * sizes.C, last - first
    for i in range(first, last):
        n, p = i // sizes.PH, i % sizes.PH
        if i == first or p == 0:
            image = with_padding(x[n], sizes, scratch)
        for k in range(sizes.SH * sizes.SW):
            u, v = k // sizes.SW, k % sizes.SW
            for q in range(sizes.PW):
                row, begin = (k * rows + i - first) * sizes.pitch + q, (q * sizes.SW + v) * sizes.C
                for kh in range(sizes.KH):
                    source, target = image[p * sizes.SH + u + kh, begin:], a[row, kh * length :]
                    for j in range(length):
                        target[j] = source[j]


@inner_kernel
def _add_back(da, sizes, first, last, scratch, dx):
    """The reverse: what each window's gradient says of a pixel is added up. The image grows in `scratch` if
    it has padding.
    """
    length, rows, L = sizes.KW * sizes.C, last - first, sizes.WP * sizes.C
    padded = sizes.HP > dx.shape[1] or L > dx.shape[2]
    for i in range(first, last):
        n, p = i // sizes.PH, i % sizes.PH
        image = scratch[: sizes.HP * L].reshape(sizes.HP, L) if padded else dx[n]
        if p == 0:
            image[:] = 0
        for k in range(sizes.SH * sizes.SW):
            u, v = k // sizes.SW, k % sizes.SW
            for q in range(sizes.PW):
                row, begin = (k * rows + i - first) * sizes.pitch + q, (q * sizes.SW + v) * sizes.C
                for kh in range(sizes.KH):
                    source, target = da[row, kh * length :], image[p * sizes.SH + u + kh, begin:]
                    for j in range(length):
                        target[j] += source[j]
        if padded and p == sizes.PH - 1:
            for h in range(dx.shape[1]):
                source, target = image[sizes.top + h, sizes.left * sizes.C :], dx[n, h]
                for j in range(dx.shape[2]):
                    target[j] = source[j]


@inner_kernel
def _lay_out_columns(x, sizes, shifts, first, last, phases, a):
    """a (KH KW, pixels), for images of one channel."""
    rows = last - first
    i = first
    while i < last:
        n, p = i // sizes.PH, i % sizes.PH
        count = min(sizes.PH - p, last - i)
        split(x[n], sizes, phases)
        for tap in range(sizes.KH * sizes.KW):
            for place in range(sizes.SH * sizes.SW):
                source = phases[shifts[place, tap] + p * sizes.pitch :]
                target = a[tap, (place * rows + i - first) * sizes.pitch :]
                for j in range(count * sizes.pitch):
                    target[j] = source[j]
        i += count

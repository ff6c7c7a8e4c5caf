"""Separable convolution, bias, ReLU and max pooling in one pass: the pixels of a band of the depthwise
convolution, times the pointwise weight.

`pooled_rows.py` has the formulas. A row of an image is W C consecutive numbers; a depthwise filter shifts
whole rows, with its weights repeated for every pixel of a row. Images of one channel are in `pooled_grey.py`.
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
from .pooled_rows import Sizes, pool, unpool, with_padding


def forward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    bias: np.ndarray | None,
    pads: Pads,
    window: Pair,
) -> tuple[np.ndarray, np.ndarray]:
    """y and the places of the maxima: (N, H, W, C), (KH, KW, C), (C, O), (O,) -> two of (N, PH, PW, O)."""
    N, H, W, C = x.shape
    O = pointwise.shape[1]
    sizes = pooled_rows.sizes_of(x.shape, depthwise.shape[:2], pads, window, C, O, False)
    biases = aligned((sizes.PW, O), x.dtype)
    biases[:] = 0 if bias is None else bias
    y = empty((N, sizes.PH, sizes.PW, O), x.dtype)
    places = empty(y.shape, np.uint8)
    rows = (N * sizes.PH, sizes.PW * O)
    scratch, parts = _scratch(sizes, O, (H, W), x.dtype)
    with region:
        separable_forward(
            ready(x).reshape(N, H, W * C), _along_rows(depthwise, sizes, W), ready(pointwise),
            biases.reshape(-1), tuple(sizes), parts, scratch, pooled_rows.edges_of(N, sizes), y.reshape(rows),
            places.reshape(rows),
        )  # fmt: skip
    return y, places


def backward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    g: np.ndarray,
    places: np.ndarray,
    pads: Pads,
    window: Pair,
    wanted: Sequence[bool],
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None, np.ndarray]:
    """The gradients of x, both weights and the bias; `wanted` says which of the first three are."""
    (N, H, W, C), (KH, KW, _), O = x.shape, depthwise.shape, pointwise.shape[1]
    sizes = pooled_rows.sizes_of(x.shape, (KH, KW), pads, window, C, O, False)
    rows = (N * sizes.PH, sizes.PW * O)
    edges = pooled_rows.edges_of(N, sizes)
    M = len(edges) - 1
    dx = empty((N, H, W * C) if wanted[0] else (N, 0, 0), x.dtype)
    ddepthwise = empty((M, KH if wanted[1] else 0, KW, sizes.PW * sizes.SW * C), x.dtype)
    dpointwise = empty((M, C if wanted[2] else 0, O), x.dtype)
    dbias = empty((M, rows[1]), x.dtype)
    scratch, parts = _scratch(sizes, O, (H, W), x.dtype)
    with region:
        separable_backward(
            ready(x).reshape(N, H, W * C), _along_rows(depthwise, sizes, W), ready(pointwise.T),
            ready(g).reshape(rows), places.reshape(rows), tuple(sizes), parts, scratch, edges, dx,
            ddepthwise, dpointwise, dbias,
        )  # fmt: skip
    return (
        dx.reshape(x.shape) if wanted[0] else None,
        pooled_rows.channel_sums(ddepthwise, C) if wanted[1] else None,
        merged(dpointwise) if wanted[2] else None,
        pooled_rows.channel_sums(dbias, O),
    )


def _along_rows(depthwise: np.ndarray, sizes: Sizes, W: int) -> np.ndarray:
    """The weights repeated for every pixel of a row, as they are and turned round: (2, KH, KW, columns C)."""
    KH, KW, C = depthwise.shape
    along = aligned((2, KH, KW, max(W, sizes.PW * sizes.SW), C), depthwise.dtype)
    along[0], along[1] = depthwise[:, :, None], depthwise[::-1, ::-1, None]
    return along.reshape(2, KH, KW, -1)


def _scratch(sizes: Sizes, O: int, image: Pair, dtype: np.dtype) -> tuple[np.ndarray, tuple[int, ...]]:
    """For a padded image, a padded gradient of the depthwise result, a row of it, `a`, and z."""
    C, pixels = sizes.C, pooled_rows.pixels_in_band(sizes)
    gradient = (image[0] + sizes.KH - 1) * (image[1] + sizes.KW - 1) * C
    row = sizes.PW * sizes.SW * C
    lengths = [sizes.HP * sizes.WP * C, gradient, row, pixels * C, pixels * O]
    return pooled_rows.scratch(lengths, dtype)


@parallel_kernel
def separable_forward(x, taps, weight, bias, numbers, parts, scratch, edges, y, places):
    """x (N, H, W C), taps (2, KH, KW, columns C), weight (C, O), bias (PW O), y and places (N PH, PW O)."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _forward(x, taps, weight, bias, numbers, parts, scratch[t], span, y, places)


@parallel_kernel
def separable_backward(
    x, taps, weight, g, places, numbers, parts, scratch, edges, dx, ddepthwise, dpointwise, dbias
):
    """weight (O, C), transposed; g and places (N PH, PW O), dx (N, H, W C), ddepthwise (B, KH, KW, columns
    C), dpointwise (B, C, O), dbias (B, PW O). What has no rows is not wanted.
    """
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _backward(
                x, taps, weight, g, places, numbers, parts, scratch[t], span, dx, ddepthwise[i],
                dpointwise[i], dbias[i],
            )  # fmt: skip


@inner_kernel
def _forward(x, taps, weight, bias, numbers, parts, scratch, span, y, places):
    sizes = Sizes(*numbers)
    C, O = weight.shape
    a, z = scratch[parts[3] : parts[4]], scratch[parts[4] : parts[5]]
    scratch[: parts[1]] = 0
    for first in range(span[0] * sizes.PH, span[1] * sizes.PH, sizes.band):
        last = min(first + sizes.band, span[1] * sizes.PH)
        pixels = sizes.SH * sizes.SW * (last - first) * sizes.PW
        _lay_out(x, taps[0], sizes, first, last, parts, scratch, a)
        multiply(a[: pixels * C].reshape(pixels, C), weight, z[: pixels * O].reshape(pixels, O))
        pool(z, bias, sizes, y[first:last], places[first:last])


@inner_kernel
def _backward(x, taps, weight, g, places, numbers, parts, scratch, span, dx, ddepthwise, dpointwise, dbias):
    sizes = Sizes(*numbers)
    O, C = weight.shape
    a, z = scratch[parts[3] : parts[4]], scratch[parts[4] : parts[5]]
    scratch[: parts[2]] = 0
    ddepthwise[:] = 0
    dpointwise[:] = 0
    dbias[:] = 0
    for first in range(span[0] * sizes.PH, span[1] * sizes.PH, sizes.band):
        last = min(first + sizes.band, span[1] * sizes.PH)
        pixels = sizes.SH * sizes.SW * (last - first) * sizes.PW
        dz, rows = z[: pixels * O].reshape(pixels, O), a[: pixels * C].reshape(pixels, C)
        unpool(g[first:last], places[first:last], sizes, z, dbias)
        if len(dpointwise):
            _lay_out(x, taps[0], sizes, first, last, parts, scratch, a)
            multiply_add(rows.T, dz, dpointwise)
        if len(ddepthwise) or dx.shape[1]:
            multiply(dz, weight, rows)
            _give_back(x, taps[1], sizes, first, last, parts, scratch, a, dx, ddepthwise)


@inner_kernel
def _lay_out(x, taps, sizes, first, last, parts, scratch, a):
    """a (pixels C): the depthwise convolution of a band."""
    C, rows, line = sizes.C, last - first, scratch[parts[2] : parts[2] + sizes.PW * sizes.SW * sizes.C]
    for i in range(first, last):
        n, p = i // sizes.PH, i % sizes.PH
        if i == first or p == 0:
            image = with_padding(x[n], sizes, scratch)
        for u in range(sizes.SH):
            _filter(image, p * sizes.SH + u, taps, C, line)
            for v in range(sizes.SW):
                row = ((u * sizes.SW + v) * rows + i - first) * sizes.PW
                for q in range(sizes.PW):
                    source, target = line[(q * sizes.SW + v) * C :], a[(row + q) * C :]
                    for c in range(C):
                        target[c] = source[c]


@inner_kernel
def _give_back(x, taps, sizes, first, last, parts, scratch, da, dx, ddepthwise):
    """From the gradient of a band's depthwise pixels to those of the weights and, of a whole image, of x."""
    C, rows, H = sizes.C, last - first, x.shape[1]
    L = x.shape[2] + (sizes.KW - 1) * C
    padded = scratch[parts[1] : parts[1] + (H + sizes.KH - 1) * L].reshape(H + sizes.KH - 1, L)
    for i in range(first, last):
        n, p = i // sizes.PH, i % sizes.PH
        if i == first or p == 0:
            image = with_padding(x[n], sizes, scratch)
        for u in range(sizes.SH):
            h = p * sizes.SH + u
            line = padded[h + sizes.KH - 1 - sizes.top, (sizes.KW - 1 - sizes.left) * C :]
            for v in range(sizes.SW):
                row = ((u * sizes.SW + v) * rows + i - first) * sizes.PW
                for q in range(sizes.PW):
                    source, target = da[(row + q) * C :], line[(q * sizes.SW + v) * C :]
                    for c in range(C):
                        target[c] = source[c]
            if len(ddepthwise):
                _correlate(image, h, line, C, ddepthwise)
        if dx.shape[1] and p == sizes.PH - 1:
            for h in range(H):
                _filter(padded, h, taps, C, dx[n, h])


@inner_kernel
def _filter(image, first, taps, C, y):
    """y[j] = sum over kh, kw of image[first + kh, j + kw C] taps[kh, kw, j]."""
    y[:] = 0
    for kh in range(taps.shape[0]):
        row, tap = image[first + kh], taps[kh]
        if taps.shape[1] == 3:
            x1, x2, w0, w1, w2 = row[C:], row[2 * C :], tap[0], tap[1], tap[2]
            for j in range(len(y)):
                y[j] += row[j] * w0[j] + x1[j] * w1[j] + x2[j] * w2[j]
        else:
            for kw in range(taps.shape[1]):
                source, weight = row[kw * C :], tap[kw]
                for j in range(len(y)):
                    y[j] += source[j] * weight[j]


@inner_kernel
def _correlate(image, first, g, C, dtaps):
    """dtaps[kh, kw, j] += image[first + kh, j + kw C] g[j]."""
    for kh in range(dtaps.shape[0]):
        for kw in range(dtaps.shape[1]):
            source, target = image[first + kh, kw * C :], dtaps[kh, kw]
            for j in range(len(target)):
                target[j] += source[j] * g[j]

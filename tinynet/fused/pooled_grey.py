"""Separable convolution of images with one channel, bias, ReLU and max pooling in one pass.

    d = depthwise convolution of x                    one number per pixel
    y[q, o] = max(0, d[p] w[o] + b[o] for the pixels p of window q)

As a function of d the term grows or falls with the sign of w[o]. So the maximum is at the highest d of the
window or at the lowest, for all O channels alike: pooling looks at d, which is O times smaller than what it
would look at otherwise, and y is all that is written. Backward finds the highest and the lowest once more,
and sends the gradient of a channel to one of them; a channel with w[o] = 0 has it at the first pixel, where
the first of equal maxima stands.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from ..kernels.blas import multiply, multiply_add
from ..kernels.compiling import inner_kernel, merged, parallel_kernel, ready
from ..kernels.geometry import Pads, Pair
from ..kernels.memory import empty
from ..kernels.threads import region
from . import pooled_rows
from .pooled_rows import Sizes, split

LOWEST, FIRST, HIGHEST, ONE = range(4)  # rows of a table of windows: d at these pixels, and 1


def forward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    bias: np.ndarray | None,
    pads: Pads,
    window: Pair,
) -> np.ndarray:
    """(N, H, W, 1), (KH, KW, 1), (1, O), (O,) -> (N, PH, PW, O)."""
    N, O = len(x), pointwise.shape[1]
    sizes = _sizes(x, depthwise, O, pads, window)
    y = empty((N, sizes.PH, sizes.PW, O), x.dtype)
    scratch, parts = _scratch(sizes, O, x.dtype)
    with region:
        grey_forward(
            ready(x).reshape(x.shape[:3]), ready(depthwise).reshape(-1), ready(pointwise).reshape(-1),
            np.zeros(O, x.dtype) if bias is None else ready(bias), tuple(sizes),
            pooled_rows.shifts_of(sizes), parts, scratch, pooled_rows.edges_of(N, sizes), y,
        )  # fmt: skip
    return y


def backward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    y: np.ndarray,
    g: np.ndarray,
    pads: Pads,
    window: Pair,
    wants_dx: bool,
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, if it is wanted, of both weights and of the bias."""
    N, O = len(x), pointwise.shape[1]
    sizes = _sizes(x, depthwise, O, pads, window)
    edges = pooled_rows.edges_of(N, sizes)
    by_sign = np.concatenate([np.minimum(pointwise, 0), np.maximum(pointwise, 0)]).T  # (O, 2)
    dx = empty(x.shape[:3] if wants_dx else (N, 0, 0), x.dtype)
    dtaps = np.empty((len(edges) - 1, depthwise.size), x.dtype)
    sums = np.empty((len(edges) - 1, 4, O), x.dtype)
    scratch, parts = _scratch(sizes, O, x.dtype)
    with region:
        grey_backward(
            ready(x).reshape(x.shape[:3]), ready(depthwise).reshape(-1), ready(by_sign), ready(g), ready(y),
            tuple(sizes), pooled_rows.shifts_of(sizes), parts, scratch, edges, dx, dtaps, sums,
        )  # fmt: skip
    total = merged(sums)
    dpointwise = np.where(pointwise < 0, total[LOWEST], np.where(pointwise > 0, total[HIGHEST], total[FIRST]))
    return (
        dx.reshape(x.shape) if wants_dx else None,
        merged(dtaps).reshape(depthwise.shape),
        dpointwise,
        total[ONE],
    )


def _sizes(x: np.ndarray, depthwise: np.ndarray, O: int, pads: Pads, window: Pair) -> Sizes:
    kernel = (depthwise.shape[0], depthwise.shape[1])
    return pooled_rows.sizes_of(x.shape, kernel, pads, window, kernel[0] * kernel[1], O, True)


def _scratch(sizes: Sizes, O: int, dtype: np.dtype) -> tuple[np.ndarray, tuple[int, ...]]:
    """For phases of an image, those of its gradient, d by places, a table of windows, a gradient of y."""
    phases, windows = pooled_rows.numbers_in_phases(sizes), sizes.PH * sizes.pitch
    lengths = [phases, phases, sizes.SH * sizes.SW * windows, 4 * windows, windows * O]
    return pooled_rows.scratch(lengths, dtype)


@parallel_kernel
def grey_forward(x, taps, weight, bias, numbers, shifts, parts, scratch, edges, y):
    """x (N, H, W), taps (KH KW), weight and bias (O,), y (N, PH, PW, O)."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            _forward(x, taps, weight, bias, numbers, shifts, parts, scratch[t], (edges[i], edges[i + 1]), y)


@parallel_kernel
def grey_backward(x, taps, by_sign, g, y, numbers, shifts, parts, scratch, edges, dx, dtaps, sums):
    """by_sign (O, 2): min(w, 0), max(w, 0); dx (N, H, W), dtaps (B, KH KW), sums (B, 4, O). If dx has no
    rows, it is not wanted.
    """
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _backward(x, taps, by_sign, g, y, numbers, shifts, parts, scratch[t], span, dx, dtaps[i], sums[i])


@inner_kernel
def _forward(x, taps, weight, bias, numbers, shifts, parts, scratch, span, y):
    sizes = Sizes(*numbers)
    P, L = sizes.SH * sizes.SW, sizes.PH * sizes.pitch
    phases, d = scratch[: parts[1]], scratch[parts[2] : parts[2] + P * L].reshape(P, L)
    table, places = scratch[parts[3] : parts[3] + 4 * L].reshape(4, L), np.empty((2, L), np.int32)
    phases[:] = 0
    for n in range(span[0], span[1]):
        split(x[n], sizes, phases)
        _filter(phases, taps, shifts, d)
        _look(d, table, places)
        for p in range(sizes.PH):
            for q in range(sizes.PW):
                lowest, highest = table[LOWEST, p * sizes.pitch + q], table[HIGHEST, p * sizes.pitch + q]
                for o in range(len(weight)):
                    best, other = highest * weight[o] + bias[o], lowest * weight[o] + bias[o]
                    best = other if other > best or other != other else best
                    y[n, p, q, o] = 0 if best <= 0 else best


@inner_kernel
def _backward(x, taps, by_sign, g, y, numbers, shifts, parts, scratch, span, dx, dtaps, sums):
    sizes, O = Sizes(*numbers), len(by_sign)
    P, L = sizes.SH * sizes.SW, sizes.PH * sizes.pitch
    phases, d = scratch[: parts[1]], scratch[parts[2] : parts[2] + P * L].reshape(P, L)
    table, places = scratch[parts[3] : parts[3] + 4 * L].reshape(4, L), np.empty((2, L), np.int32)
    passed = scratch[parts[4] : parts[4] + L * O].reshape(L, O)
    ends = np.empty((L, 2), g.dtype)
    phases[:] = 0
    passed[:] = 0
    dtaps[:] = 0
    sums[:] = 0
    for n in range(span[0], span[1]):
        split(x[n], sizes, phases)
        _filter(phases, taps, shifts, d)
        _look(d, table, places)
        for p in range(sizes.PH):
            for q in range(sizes.PW):
                for o in range(O):
                    value = g[n, p, q, o]
                    passed[p * sizes.pitch + q, o] = value if y[n, p, q, o] > 0 else 0
        multiply_add(table, passed, sums)
        multiply(passed, by_sign, ends)
        d[:] = 0  # from here on its gradient
        for j in range(L):
            d[places[0, j], j] += ends[j, 0]
            d[places[1, j], j] += ends[j, 1]
        _correlate(phases, d, shifts, dtaps)
        if dx.shape[1]:
            _give_back(d, taps, sizes, shifts, scratch[parts[1] : parts[2]], dx[n])


@inner_kernel
def _filter(phases, taps, shifts, d):
    """d (places, windows) from the phases of an image."""
    for place in range(len(d)):
        row = d[place]
        row[:] = 0
        for tap in range(len(taps)):
            source, factor = phases[shifts[place, tap] :], taps[tap]
            for j in range(len(row)):
                row[j] += factor * source[j]


@inner_kernel
def _correlate(phases, dd, shifts, dtaps):
    """The gradient of the taps from that of d."""
    for tap in range(len(dtaps)):
        for place in range(len(dd)):
            source, row, total = phases[shifts[place, tap] :], dd[place], 0 * dtaps[tap]
            for j in range(len(row)):
                total += row[j] * source[j]
            dtaps[tap] += total


@inner_kernel
def _give_back(dd, taps, sizes, shifts, phases, dx):
    """The gradient of an image (H, W) from that of d: `_filter` and `split` in reverse."""
    phases[:] = 0
    for place in range(len(dd)):
        for tap in range(len(taps)):
            target, row, factor = phases[shifts[place, tap] :], dd[place], taps[tap]
            for j in range(len(row)):
                target[j] += factor * row[j]
    rows = -(-sizes.HP // sizes.SH)
    for h in range(dx.shape[0]):
        i, u = (h + sizes.top) // sizes.SH, (h + sizes.top) % sizes.SH
        for w in range(dx.shape[1]):
            j, v = (w + sizes.left) // sizes.SW, (w + sizes.left) % sizes.SW
            dx[h, w] = phases[((u * sizes.SW + v) * rows + i) * sizes.pitch + j]


@inner_kernel
def _look(d, table, places):
    """The lowest, the first and the highest number of each window; a NaN is the lowest and the highest."""
    lowest, first, highest, one = table[LOWEST], table[FIRST], table[HIGHEST], table[ONE]
    low_place, high_place = places[0], places[1]
    for j in range(d.shape[1]):
        lowest[j] = highest[j] = first[j] = d[0, j]
        low_place[j] = high_place[j] = 0
        one[j] = 1
    for place in range(1, len(d)):
        row = d[place]
        for j in range(len(row)):
            # All numbers are read first: a read under a condition would keep the loop from vectorising.
            value, low, high, low_at, high_at = row[j], lowest[j], highest[j], low_place[j], high_place[j]
            lower, higher = value < low or value != value, value > high or value != value
            lowest[j], low_place[j] = value if lower else low, place if lower else low_at
            highest[j], high_place[j] = value if higher else high, place if higher else high_at

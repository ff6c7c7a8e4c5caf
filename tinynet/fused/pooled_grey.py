"""Separable convolution of images with one channel, bias, ReLU and max pooling in one pass.

    d = depthwise convolution of x                    one number per pixel
    y[q, o] = max(0, d[p] w[o] + b[o] for the pixels p of window q)

As a function of d the term grows or falls with the sign of w[o]. So the maximum is at the highest d of the
window or at the lowest, for all O channels alike: pooling looks at d, which is O times smaller than what it
would look at otherwise, and y is all that is written. Backward sends the gradient of a channel to the highest
or the lowest pixel; a channel with w[o] = 0 has it at the first, where the first of equal maxima stands.

An image is one row of pixels here, with its padding, and so is d: a tap of the filter shifts the whole image.
Near the right border of d stand numbers that belong to no pixel of the convolution; no window looks there.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from ..kernels.compiling import blocks, merged, parallel_kernel, ready
from ..kernels.geometry import Pads, Pair, output_size
from ..kernels.memory import empty
from ..kernels.threads import region
from .pooled_rows import add, inner_kernel

_BLOCKS = 16  # pieces of a batch, each with sums of its own
LOWEST, FIRST, HIGHEST, ONE = range(4)  # columns of what is kept of each window: d there, and 1


class Sizes(NamedTuple):
    """The sizes that the loops share."""

    KW: int
    top: int
    left: int
    pitch: int  # width of an image with its padding
    SH: int  # height and width of a pooling window
    SW: int
    PW: int  # width of y


class Kept(NamedTuple):
    """What backward needs of the windows (N, PH PW): four numbers, and where the lowest and highest stand."""

    values: np.ndarray
    places: np.ndarray


def forward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    bias: np.ndarray | None,
    pads: Pads,
    window: Pair,
) -> tuple[np.ndarray, Kept]:
    """(N, H, W, 1), (KH, KW, 1), (1, O), (O,) -> y (N, PH, PW, O), and what backward needs."""
    N, O = len(x), pointwise.shape[1]
    sizes, (PH, PW), images, edges = _prepared(x, depthwise, pads, window)
    if bias is None:
        bias = np.zeros(O, x.dtype)
    y = empty((N, PH, PW, O), x.dtype)
    kept = Kept(empty((N, PH * PW, 4), x.dtype), empty((N, PH * PW, 2), np.int32))
    with region:
        grey_forward(
            ready(x).reshape(x.shape[:3]), ready(depthwise).reshape(-1), ready(pointwise).reshape(-1),
            ready(bias), sizes, edges, images, *kept, y.reshape(N, PH * PW, O),
        )  # fmt: skip
    return y, kept


def backward(
    x: np.ndarray,
    depthwise: np.ndarray,
    pointwise: np.ndarray,
    y: np.ndarray,
    g: np.ndarray,
    kept: Kept,
    pads: Pads,
    window: Pair,
    wants_dx: bool,
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of x, if it is wanted, of both weights and of the bias."""
    N, O = len(x), pointwise.shape[1]
    sizes, _, images, edges = _prepared(x, depthwise, pads, window)
    rows = (N, kept.values.shape[1], O)
    by_sign = np.concatenate([np.minimum(pointwise, 0), np.maximum(pointwise, 0)]).T  # (O, 2)
    dx = empty(x.shape[:3] if wants_dx else (N, 0, 0), x.dtype)
    dtaps = np.zeros((len(edges) - 1, depthwise.size), x.dtype)
    sums = np.zeros((len(edges) - 1, 4, O), x.dtype)
    with region:
        grey_backward(
            ready(x).reshape(x.shape[:3]), ready(depthwise).reshape(-1), ready(by_sign),
            ready(g).reshape(rows), ready(y).reshape(rows), *kept, sizes, edges, images, dx, dtaps, sums,
        )  # fmt: skip
    total = merged(sums)
    dpointwise = np.where(pointwise < 0, total[LOWEST], np.where(pointwise > 0, total[HIGHEST], total[FIRST]))
    return (
        dx.reshape(x.shape) if wants_dx else None,
        merged(dtaps).reshape(depthwise.shape),
        dpointwise,
        total[ONE],
    )


def _prepared(
    x: np.ndarray, depthwise: np.ndarray, pads: Pads, window: Pair
) -> tuple[Sizes, Pair, np.ndarray, np.ndarray]:
    """The sizes, y's height and width, scratch for each block (an image, d and a gradient), the blocks."""
    N, H, W, _ = x.shape
    KH, KW, _ = depthwise.shape
    (top, bottom), (left, right) = pads
    OH, OW = output_size((H, W), (KH, KW), (1, 1), pads)
    PH, PW = OH // window[0], OW // window[1]
    edges = blocks(N, _BLOCKS)
    pitch = left + W + right
    images = np.zeros((len(edges) - 1, 3, (top + H + bottom) * pitch), x.dtype)
    return Sizes(KW, top, left, pitch, *window, PW), (PH, PW), images, edges


@parallel_kernel
def grey_forward(x, taps, weight, bias, sizes, edges, scratch, values, places, y):
    """x (N, H, W), taps (KH KW), weight and bias (O,), values (N, Q, 4), places (N, Q, 2), y (N, Q, O)."""
    for i in prange(len(edges) - 1):
        _forward(x, taps, weight, bias, sizes, (edges[i], edges[i + 1]), scratch[i], values, places, y)


@parallel_kernel
def grey_backward(x, taps, by_sign, g, y, values, places, sizes, edges, scratch, dx, dtaps, sums):
    """by_sign (O, 2): min(w, 0), max(w, 0); dtaps (B, KH KW), sums (B, 4, O), both zero at first."""
    for i in prange(len(edges) - 1):
        span = (edges[i], edges[i + 1])
        _backward(x, taps, by_sign, g, y, values, places, sizes, span, scratch[i], dx, dtaps[i], sums[i])


@inner_kernel
def _forward(x, taps, weight, bias, sizes, span, scratch, values, places, y):
    image, d = scratch[0], scratch[1]
    for n in range(span[0], span[1]):
        _pad(x[n], sizes, image)
        d[:] = 0
        for k in range(len(taps)):
            shifted, tap = image[_shift(k, sizes) :], taps[k]
            for j in range(len(shifted)):
                d[j] += tap * shifted[j]
        _look(d, sizes, values[n], places[n])
        for q in range(y.shape[1]):
            lowest, highest = values[n, q, LOWEST], values[n, q, HIGHEST]
            for o in range(y.shape[2]):
                best, other = highest * weight[o] + bias[o], lowest * weight[o] + bias[o]
                best = other if other > best or other != other else best
                y[n, q, o] = 0 if best <= 0 else best


@inner_kernel
def _backward(x, taps, by_sign, g, y, values, places, sizes, span, scratch, dx, dtaps, sums):
    image, dd, dimage = scratch[0], scratch[1], scratch[2]
    Q, O = y.shape[1:]
    passed, ends, product = np.empty((Q, O), g.dtype), np.empty((Q, 2), g.dtype), np.empty((4, O), g.dtype)
    for n in range(span[0], span[1]):
        for q in range(Q):
            for o in range(O):
                passed[q, o] = g[n, q, o] if y[n, q, o] > 0 else 0
        np.dot(values[n].T, passed, product)
        add(product, sums)
        np.dot(passed, by_sign, ends)
        dd[:] = 0
        for q in range(Q):
            dd[places[n, q, 0]] += ends[q, 0]
            dd[places[n, q, 1]] += ends[q, 1]
        _pad(x[n], sizes, image)
        for k in range(len(taps)):
            shifted, total = image[_shift(k, sizes) :], 0 * taps[k]
            for j in range(len(shifted)):
                total += dd[j] * shifted[j]
            dtaps[k] += total
        if dx.shape[1]:
            _give_back(dd, taps, sizes, dimage, dx[n])


@inner_kernel
def _give_back(dd, taps, sizes, padded, dx):
    """The gradient of an image (H, W) from that of d."""
    padded[:] = 0
    for k in range(len(taps)):
        shifted, tap = padded[_shift(k, sizes) :], taps[k]
        for j in range(len(shifted)):
            shifted[j] += dd[j] * tap
    for h in range(dx.shape[0]):
        source = padded[(sizes.top + h) * sizes.pitch + sizes.left :]
        for w in range(dx.shape[1]):
            dx[h, w] = source[w]


@inner_kernel
def _shift(k, sizes):
    """How far tap k looks ahead in an image that is one row."""
    return k // sizes.KW * sizes.pitch + k % sizes.KW


@inner_kernel
def _pad(image, sizes, padded):
    """The image (H, W) as one row, within its padding."""
    for h in range(image.shape[0]):
        target = padded[(sizes.top + h) * sizes.pitch + sizes.left :]
        for w in range(image.shape[1]):
            target[w] = image[h, w]


@inner_kernel
def _look(d, sizes, values, places):
    """The lowest, the first and the highest number of each window; a NaN is the lowest and the highest."""
    for q in range(len(values)):
        corner = q // sizes.PW * sizes.SH * sizes.pitch + q % sizes.PW * sizes.SW
        lowest = highest = d[corner]
        lowest_at = highest_at = corner
        for k in range(1, sizes.SH * sizes.SW):
            place = corner + k // sizes.SW * sizes.pitch + k % sizes.SW
            value = d[place]
            is_nan = value != value
            lower, higher = value < lowest or is_nan, value > highest or is_nan
            lowest, lowest_at = value if lower else lowest, place if lower else lowest_at
            highest, highest_at = value if higher else highest, place if higher else highest_at
        values[q, LOWEST], values[q, HIGHEST] = lowest, highest
        values[q, FIRST], values[q, ONE] = d[corner], 1
        places[q, 0], places[q, 1] = lowest_at, highest_at

"""Pooling: each channel is made smaller by keeping the largest or the mean value of each window.

    max:  y[n, oh, ow, c] = max_{kh, kw} x[n, oh sh + kh - top, ow sw + kw - left, c]
    mean: the same with the mean in place of the maximum

over the taps that lie inside the image: padding is never the maximum and is not counted in the
mean, as in Keras. Max pooling also gives back where each maximum stood, as kh KW + kw, for the
gradient. The first of equal values counts, and a NaN counts as larger than anything.

Every window must touch the image, which is certain where each side's padding is smaller than the
window.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from .compiling import kernel, parallel_kernel, ready
from .geometry import Pads, Pair, corner, output_size, tap_ranges, window
from .memory import empty
from .threads import region


def max_pool2d_definition(x, size, stride, pads):
    """The largest value of each window and the tap it stood at: (N, H, W, C) -> two of (N, OH, OW, C)."""
    N, H, W, C = x.shape
    OH, OW = output_size((H, W), size, stride, pads)
    y = np.zeros((N, OH, OW, C), x.dtype)
    argmax = np.zeros((N, OH, OW, C), _index_dtype(size))
    for n, oh, ow, c in np.ndindex(N, OH, OW, C):
        best = None
        for kh, kw, h, w in window((oh, ow), size, stride, pads, (H, W)):
            value = x[n, h, w, c]
            if best is None or value > best or (math.isnan(value) and not math.isnan(best)):
                best = value
                argmax[n, oh, ow, c] = kh * size[1] + kw
        y[n, oh, ow, c] = best
    return y, argmax


def max_pool2d_grad_definition(g, argmax, x_shape, size, stride, pads):
    """Each gradient goes to the pixel that was the maximum: (N, OH, OW, C) -> (N, H, W, C)."""
    N, H, W, C = x_shape
    dx = np.zeros(x_shape, np.float64)
    for n, oh, ow, c in np.ndindex(*g.shape):
        for kh, kw, h, w in window((oh, ow), size, stride, pads, (H, W)):
            if argmax[n, oh, ow, c] == kh * size[1] + kw:
                dx[n, h, w, c] += float(g[n, oh, ow, c])
    return dx.astype(g.dtype)


def avg_pool2d_definition(x, size, stride, pads):
    """The mean of the pixels of each window: (N, H, W, C) -> (N, OH, OW, C)."""
    N, H, W, C = x.shape
    OH, OW = output_size((H, W), size, stride, pads)
    y = np.zeros((N, OH, OW, C), x.dtype)
    for n, oh, ow, c in np.ndindex(N, OH, OW, C):
        taps = list(window((oh, ow), size, stride, pads, (H, W)))
        y[n, oh, ow, c] = sum(float(x[n, h, w, c]) for _, _, h, w in taps) / len(taps)
    return y


def avg_pool2d_grad_definition(g, x_shape, size, stride, pads):
    """Each gradient is shared evenly by the pixels of its window: (N, OH, OW, C) -> (N, H, W, C)."""
    N, H, W, C = x_shape
    dx = np.zeros(x_shape, np.float64)
    for n, oh, ow, c in np.ndindex(*g.shape):
        taps = list(window((oh, ow), size, stride, pads, (H, W)))
        for _, _, h, w in taps:
            dx[n, h, w, c] += float(g[n, oh, ow, c]) / len(taps)
    return dx.astype(g.dtype)


def max_pool2d(
    x: np.ndarray, size: Pair, stride: Pair, pads: Pads
) -> tuple[np.ndarray, np.ndarray]:
    """`(y, argmax)`, each (N, OH, OW, C); `argmax` in the smallest unsigned type that holds KH KW - 1."""
    N, H, W, C = x.shape
    OH, OW = output_size((H, W), size, stride, pads)
    y = empty((N, OH, OW, C), x.dtype)
    argmax = empty((N, OH, OW, C), _index_dtype(size))
    columns = tap_ranges(W, size[1], stride[1], pads[1][0], OW)
    with region:
        _maxima(ready(x), size, stride, corner(pads), columns, y, argmax)
    return y, argmax


def max_pool2d_grad(
    g: np.ndarray,
    argmax: np.ndarray,
    x_shape: tuple[int, ...],
    size: Pair,
    stride: Pair,
    pads: Pads,
) -> np.ndarray:
    """(N, OH, OW, C) -> (N, H, W, C)."""
    dx = empty(x_shape, g.dtype)
    columns = tap_ranges(x_shape[2], size[1], stride[1], pads[1][0], g.shape[2])
    with region:
        _give_back(ready(g), ready(argmax), size, stride, corner(pads), columns, dx)
    return dx


def avg_pool2d(x: np.ndarray, size: Pair, stride: Pair, pads: Pads) -> np.ndarray:
    """(N, H, W, C) -> (N, OH, OW, C)."""
    N, H, W, C = x.shape
    OH, OW = output_size((H, W), size, stride, pads)
    y = empty((N, OH, OW, C), x.dtype)
    shares = _shares((H, W), size, stride, pads, (OH, OW), x.dtype)
    columns = tap_ranges(W, size[1], stride[1], pads[1][0], OW)
    with region:
        _means(ready(x), shares, size, stride, corner(pads), columns, y)
    return y


def avg_pool2d_grad(
    g: np.ndarray, x_shape: tuple[int, ...], size: Pair, stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, OH, OW, C) -> (N, H, W, C)."""
    dx = empty(x_shape, g.dtype)
    shares = _shares(x_shape[1:3], size, stride, pads, g.shape[1:3], g.dtype)
    columns = tap_ranges(x_shape[2], size[1], stride[1], pads[1][0], g.shape[2])
    with region:
        _share_out(ready(g), shares, size, stride, corner(pads), columns, dx)
    return dx


def _index_dtype(size: Pair) -> np.dtype:
    return np.min_scalar_type(size[0] * size[1] - 1)


def _shares(image, size, stride, pads, outputs, dtype) -> np.ndarray:
    """1 / (pixels of the window inside the image), (OH, OW)."""
    counts = [
        np.array(
            [
                min(o * stride[axis] + size[axis] - pads[axis][0], image[axis])
                - max(o * stride[axis] - pads[axis][0], 0)
                for o in range(outputs[axis])
            ]
        )
        for axis in (0, 1)
    ]
    return (1.0 / np.outer(counts[0], counts[1])).astype(dtype)


@parallel_kernel
def _maxima(x, size, stride, before, columns, y, argmax):
    """One row of the output at a time, tap by tap."""
    N, H, W, C = x.shape
    OH = y.shape[1]
    (KH, KW), (sh, sw), (top, left) = size, stride, before
    for i in prange(N * OH):
        n, oh = i // OH, i % OH
        _start(y[n, oh], argmax[n, oh], max(0, top - oh * sh) * KW, sw, left)
        for kh in range(KH):
            h = oh * sh + kh - top
            if 0 <= h < H:
                for kw in range(KW):
                    tap, row = kh * KW + kw, y[n, oh]
                    _raise(x[n, h], tap, kw - left, sw, columns[kw], row, argmax[n, oh])


@parallel_kernel
def _give_back(g, argmax, size, stride, before, columns, dx):
    """One row of the input's gradient at a time, from the rows of the output it had a part in."""
    N, H, W, C = dx.shape
    OH = g.shape[1]
    (KH, KW), (sh, sw), (top, left) = size, stride, before
    for i in prange(N * H):
        n, h = i // H, i % H
        dx[n, h] = 0
        for kh in range(KH):
            oh = (h + top - kh) // sh
            if 0 <= oh < OH and oh * sh + kh - top == h:
                for kw in range(KW):
                    for ow in range(columns[kw, 0], columns[kw, 1]):
                        w = ow * sw + kw - left
                        for c in range(C):
                            # Written without a branch, so that it vectorises.
                            here = argmax[n, oh, ow, c] == kh * KW + kw
                            dx[n, h, w, c] += g[n, oh, ow, c] if here else 0


@parallel_kernel
def _means(x, shares, size, stride, before, columns, y):
    N, H, W, C = x.shape
    OH = y.shape[1]
    (KH, KW), (sh, sw), (top, left) = size, stride, before
    for i in prange(N * OH):
        n, oh = i // OH, i % OH
        y[n, oh] = 0
        for kh in range(KH):
            h = oh * sh + kh - top
            if 0 <= h < H:
                for kw in range(KW):
                    for ow in range(columns[kw, 0], columns[kw, 1]):
                        w = ow * sw + kw - left
                        for c in range(C):
                            y[n, oh, ow, c] += x[n, h, w, c] * shares[oh, ow]


@parallel_kernel
def _share_out(g, shares, size, stride, before, columns, dx):
    N, H, W, C = dx.shape
    OH = g.shape[1]
    (KH, KW), (sh, sw), (top, left) = size, stride, before
    for i in prange(N * H):
        n, h = i // H, i % H
        dx[n, h] = 0
        for kh in range(KH):
            oh = (h + top - kh) // sh
            if 0 <= oh < OH and oh * sh + kh - top == h:
                for kw in range(KW):
                    for ow in range(columns[kw, 0], columns[kw, 1]):
                        w = ow * sw + kw - left
                        for c in range(C):
                            dx[n, h, w, c] += g[n, oh, ow, c] * shares[oh, ow]


@kernel
def _start(y, argmax, row_tap, stride, left):
    """Before any tap: minus infinity, said to stand at the window's first tap inside the image."""
    for ow in range(y.shape[0]):
        tap = row_tap + max(0, left - ow * stride)
        for c in range(y.shape[1]):
            y[ow, c] = -np.inf
            argmax[ow, c] = tap


@kernel
def _raise(x, tap, shift, stride, span, y, argmax):
    """y[ow, c] = max(y[ow, c], x[ow stride + shift, c]) for ow within `span`, and where it stands."""
    for ow in range(span[0], span[1]):
        for c in range(x.shape[1]):
            value, best = x[ow * stride + shift, c], y[ow, c]
            # True for a larger value and, as comparisons with NaN are false, for the first NaN.
            larger = not value <= best and best == best
            y[ow, c] = value if larger else best
            argmax[ow, c] = tap if larger else argmax[ow, c]

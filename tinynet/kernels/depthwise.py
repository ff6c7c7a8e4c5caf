"""Depthwise convolution: each channel is convolved with its own small window, and no channels are mixed.

    y[n, oh, ow, c M + m] = sum_{kh, kw} x[n, oh sh + kh - top, ow sw + kw - left, c] weight[kh, kw, c, m]
                            + bias[c M + m]

with M the depth multiplier, and zero where x would be read outside the image (Howard et al. 2017,
equation 3).

The compiled loops know M = 1 only: with a multiplier, each channel is repeated M times first. A row
of an image is W C consecutive numbers. With stride 1 a tap shifts that whole row, so the inner loop
runs along W and C at once, over a weight repeated along W; a loop over 8 or 16 channels alone would
be too short to be fast.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from .compiling import blocks, kernel, merged, parallel_kernel, quiet, ready
from .geometry import Pads, Pair, corner, output_size, tap_ranges, window
from .memory import empty
from .threads import region

_BLOCKS = 16  # pieces of a batch whose sums are kept apart


def depthwise_conv2d_definition(x, weight, bias, stride, pads):
    """The formula at the top of the file, (N, H, W, C) and (KH, KW, C, M) -> (N, OH, OW, C M)."""
    (N, H, W, C), (KH, KW, _, M) = x.shape, weight.shape
    OH, OW = output_size((H, W), (KH, KW), stride, pads)
    y = np.zeros((N, OH, OW, C * M), x.dtype)
    for n, oh, ow, c, m in np.ndindex(N, OH, OW, C, M):
        total = 0.0 if bias is None else float(bias[c * M + m])
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            total += float(x[n, h, w, c]) * float(weight[kh, kw, c, m])
        y[n, oh, ow, c * M + m] = total
    return y


def depthwise_conv2d_grad_input_definition(g, weight, x_shape, stride, pads):
    """What each x[n, h, w, c] was multiplied with, times the gradient of the product, summed."""
    (N, H, W, C), (KH, KW, _, M) = x_shape, weight.shape
    OH, OW = g.shape[1:3]
    dx = np.zeros(x_shape, np.float64)
    for n, oh, ow, c, m in np.ndindex(N, OH, OW, C, M):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            dx[n, h, w, c] += float(g[n, oh, ow, c * M + m]) * float(weight[kh, kw, c, m])
    return dx.astype(g.dtype)


def depthwise_conv2d_grad_weight_definition(x, g, weight_shape, stride, pads):
    """What each weight[kh, kw, c, m] was multiplied with, times the gradient of the product, summed."""
    (N, H, W, C), (KH, KW, _, M) = x.shape, weight_shape
    OH, OW = g.shape[1:3]
    dweight = np.zeros(weight_shape, np.float64)
    for n, oh, ow, c, m in np.ndindex(N, OH, OW, C, M):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            dweight[kh, kw, c, m] += float(g[n, oh, ow, c * M + m]) * float(x[n, h, w, c])
    return dweight.astype(g.dtype)


def depthwise_conv2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, H, W, C), (KH, KW, C, M) and (C M,) -> (N, OH, OW, C M)."""
    KH, KW, C, M = weight.shape
    x = _repeat_channels(x, M)
    N, H, W, CM = x.shape
    OH, OW = output_size((H, W), (KH, KW), stride, pads)
    if bias is None:
        bias = np.zeros(CM, x.dtype)
    y = empty((N, OH, OW, CM), x.dtype)
    columns = tap_ranges(W, KW, stride[1], pads[1][0], OW)
    with region:
        _convolve(x, _along_rows(weight, OW), ready(bias), stride, corner(pads), columns, y)
    return y


def depthwise_conv2d_grad_input(
    g: np.ndarray, weight: np.ndarray, x_shape: tuple[int, ...], stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, OH, OW, C M) and (KH, KW, C, M) -> (N, H, W, C)."""
    (N, H, W, C), (_, KW, _, M) = x_shape, weight.shape
    OW = g.shape[2]
    dx = empty((N, H, W, C * M), g.dtype)
    columns = tap_ranges(W, KW, stride[1], pads[1][0], OW)
    with region:
        _spread(ready(g), _along_rows(weight, OW), stride, corner(pads), columns, dx)
    if M == 1:
        return dx
    with quiet():
        return dx.reshape(N, H, W, C, M).sum(axis=4)


def depthwise_conv2d_grad_weight(
    x: np.ndarray, g: np.ndarray, weight_shape: tuple[int, ...], stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, H, W, C) and (N, OH, OW, C M) -> (KH, KW, C, M)."""
    KH, KW, C, M = weight_shape
    x = _repeat_channels(x, M)
    N, H, W, CM = x.shape
    OH, OW = g.shape[1:3]
    edges = blocks(N * OH, _BLOCKS)
    sums = np.zeros((len(edges) - 1, KH, KW, OW * CM), g.dtype)
    columns = tap_ranges(W, KW, stride[1], pads[1][0], OW)
    with region:
        _correlate(x, ready(g), stride, corner(pads), columns, edges, sums)
    by_column = np.moveaxis(sums.reshape(-1, KH, KW, OW, C, M), 3, 1)
    return merged(by_column.reshape(-1, KH, KW, C, M))


def _repeat_channels(x: np.ndarray, times: int) -> np.ndarray:
    return ready(x) if times == 1 else np.repeat(x, times, axis=3)


def _along_rows(weight: np.ndarray, OW: int) -> np.ndarray:
    """The weight repeated for every pixel of a row: (KH, KW, OW C M)."""
    KH, KW, C, M = weight.shape
    return np.tile(weight.reshape(KH, KW, C * M), (1, 1, OW))


@parallel_kernel
def _convolve(x, weight, bias, stride, before, columns, y):
    """One row of the output at a time, as the sum of shifted rows of the input times a weight."""
    N, H, W, C = x.shape
    OH = y.shape[1]
    (sh, sw), (top, left) = stride, before
    KH, KW = weight.shape[:2]
    for i in prange(N * OH):
        n, oh = i // OH, i % OH
        row = y[n, oh]  # (OW, C)
        for ow in range(row.shape[0]):
            for c in range(C):
                row[ow, c] = bias[c]
        for kh in range(KH):
            h = oh * sh + kh - top
            if 0 <= h < H:
                for kw in range(KW):
                    _gather(x[n, h], weight[kh, kw], kw - left, sw, columns[kw], row)


@parallel_kernel
def _spread(g, weight, stride, before, columns, dx):
    """One row of the input's gradient at a time, from the rows of the output it had a part in."""
    N, H, W, C = dx.shape
    OH = g.shape[1]
    (sh, sw), (top, left) = stride, before
    KH, KW = weight.shape[:2]
    for i in prange(N * H):
        n, h = i // H, i % H
        dx[n, h] = 0
        for kh in range(KH):
            oh = (h + top - kh) // sh
            if 0 <= oh < OH and oh * sh + kh - top == h:
                for kw in range(KW):
                    _scatter(g[n, oh], weight[kh, kw], kw - left, sw, columns[kw], dx[n, h])


@parallel_kernel
def _correlate(x, g, stride, before, columns, edges, sums):
    """sums[block, kh, kw, (ow, c)] over the output rows of a block; the sum over ow is taken outside."""
    H, OH = x.shape[1], g.shape[1]
    (sh, sw), (top, left) = stride, before
    KH, KW = sums.shape[1:3]
    for block in prange(len(edges) - 1):
        for i in range(edges[block], edges[block + 1]):
            n, oh = i // OH, i % OH
            for kh in range(KH):
                h = oh * sh + kh - top
                if 0 <= h < H:
                    for kw in range(KW):
                        products = sums[block, kh, kw]
                        _multiply(x[n, h], g[n, oh], kw - left, sw, columns[kw], products)


@kernel
def _gather(x, weight, shift, stride, span, y):
    """y[ow, c] += x[ow stride + shift, c] weight[ow, c] for first <= ow < last, the two of `span`."""
    C = x.shape[1]
    first, last = span
    if stride == 1:
        source = x.reshape(-1)[(first + shift) * C :]
        factor = weight[first * C :]
        target = y.reshape(-1)[first * C : last * C]
        for j in range(len(target)):
            target[j] += source[j] * factor[j]
    else:
        for ow in range(first, last):
            for c in range(C):
                y[ow, c] += x[ow * stride + shift, c] * weight[c]


@kernel
def _scatter(g, weight, shift, stride, span, dx):
    """dx[ow stride + shift, c] += g[ow, c] weight[ow, c] for first <= ow < last, the two of `span`."""
    C = g.shape[1]
    first, last = span
    if stride == 1:
        source = g.reshape(-1)[first * C : last * C]
        factor = weight[first * C :]
        target = dx.reshape(-1)[(first + shift) * C :]
        for j in range(len(source)):
            target[j] += source[j] * factor[j]
    else:
        for ow in range(first, last):
            for c in range(C):
                dx[ow * stride + shift, c] += g[ow, c] * weight[c]


@kernel
def _multiply(x, g, shift, stride, span, sums):
    """sums[ow C + c] += x[ow stride + shift, c] g[ow, c] for first <= ow < last, the two of `span`."""
    C = x.shape[1]
    first, last = span
    if stride == 1:
        source = x.reshape(-1)[(first + shift) * C :]
        factor = g.reshape(-1)[first * C : last * C]
        target = sums[first * C :]
        for j in range(len(factor)):
            target[j] += source[j] * factor[j]
    else:
        for ow in range(first, last):
            for c in range(C):
                sums[ow * C + c] += x[ow * stride + shift, c] * g[ow, c]

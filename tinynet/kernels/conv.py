"""Standard convolution: every output channel looks at a window of all input channels.

    y[n, oh, ow, o] = sum_{kh, kw, c} x[n, oh sh + kh - top, ow sw + kw - left, c] weight[kh, kw, c, o]
                      + bias[o]

with zero where x would be read outside the image (Goodfellow et al. 2016, equation 9.7, without its
minus one).

The fast version is a matrix product ("im2col"; Chellapilla et al. 2006): each window is laid out as
one row of KH KW C numbers, and those rows are multiplied with the weight seen as a (KH KW C, O)
matrix. Both gradients are products with the same matrices. Only a band of output rows is laid out at
a time, so that it stays in the processor's cache and in no case fills the memory.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from .blas import multiply, multiply_add
from .compiling import blocks, kernel, merged, parallel_kernel, ready
from .geometry import Pads, Pair, corner, output_size, tap_ranges, window
from .memory import empty
from .threads import region

_BAND = 64 * 1024  # numbers laid out at a time: a quarter of a megabyte in float32
_PARTIAL = 4 * 1024 * 1024  # numbers kept, at most, in partial sums of a weight's gradient


def conv2d_definition(x, weight, bias, stride, pads):
    """The formula at the top of the file, (N, H, W, C) and (KH, KW, C, O) -> (N, OH, OW, O)."""
    (N, H, W, C), (KH, KW, _, O) = x.shape, weight.shape
    OH, OW = output_size((H, W), (KH, KW), stride, pads)
    y = np.zeros((N, OH, OW, O), x.dtype)
    for n, oh, ow, o in np.ndindex(N, OH, OW, O):
        total = 0.0 if bias is None else float(bias[o])
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            for c in range(C):
                total += float(x[n, h, w, c]) * float(weight[kh, kw, c, o])
        y[n, oh, ow, o] = total
    return y


def conv2d_grad_input_definition(g, weight, x_shape, stride, pads):
    """What each x[n, h, w, c] was multiplied with, times the gradient of the product, summed."""
    (N, H, W, C), (KH, KW, _, O) = x_shape, weight.shape
    OH, OW = g.shape[1:3]
    dx = np.zeros(x_shape, np.float64)
    for n, oh, ow, o in np.ndindex(N, OH, OW, O):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            for c in range(C):
                dx[n, h, w, c] += float(g[n, oh, ow, o]) * float(weight[kh, kw, c, o])
    return dx.astype(g.dtype)


def conv2d_grad_weight_definition(x, g, weight_shape, stride, pads):
    """What each weight[kh, kw, c, o] was multiplied with, times the gradient of the product, summed."""
    (N, H, W, C), (KH, KW, _, O) = x.shape, weight_shape
    OH, OW = g.shape[1:3]
    dweight = np.zeros(weight_shape, np.float64)
    for n, oh, ow, o in np.ndindex(N, OH, OW, O):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            for c in range(C):
                dweight[kh, kw, c, o] += float(g[n, oh, ow, o]) * float(x[n, h, w, c])
    return dweight.astype(g.dtype)


def windows_definition(x, kernel_size, stride, pads):
    """Each window as one row of numbers, zero outside the image: (N, H, W, C) -> (N, OH, OW, KH KW C)."""
    (N, H, W, C), (KH, KW) = x.shape, kernel_size
    OH, OW = output_size((H, W), kernel_size, stride, pads)
    rows = np.zeros((N, OH, OW, KH, KW, C), x.dtype)
    for n, oh, ow in np.ndindex(N, OH, OW):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            rows[n, oh, ow, kh, kw] = x[n, h, w]
    return rows.reshape(N, OH, OW, KH * KW * C)


def windows_grad_definition(g, x_shape, kernel_size, stride, pads):
    """Each number of a window added to the pixel it came from: (N, OH, OW, KH KW C) -> (N, H, W, C)."""
    (_, H, W, C), (KH, KW) = x_shape, kernel_size
    dx = np.zeros(x_shape, np.float64)
    by_tap = g.reshape(*g.shape[:3], KH, KW, C)
    for n, oh, ow in np.ndindex(*g.shape[:3]):
        for kh, kw, h, w in window((oh, ow), (KH, KW), stride, pads, (H, W)):
            dx[n, h, w] += by_tap[n, oh, ow, kh, kw]
    return dx.astype(g.dtype)


def conv2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, H, W, C), (KH, KW, C, O) and (O,) -> (N, OH, OW, O)."""
    (N, H, W, C), (KH, KW, _, O) = x.shape, weight.shape
    OH, OW = output_size((H, W), (KH, KW), stride, pads)
    if bias is None:
        bias = np.zeros(O, x.dtype)
    y = empty((N, OH, OW, O), x.dtype)
    matrix = ready(weight).reshape(KH * KW * C, O)
    bands = _bands(OH, OW * len(matrix))
    columns = tap_ranges(W, KW, stride[1], pads[1][0], OW)
    with region:
        _convolve(ready(x), matrix, ready(bias), (KH, KW), stride, corner(pads), columns, bands, y)
    return y


def conv2d_grad_input(
    g: np.ndarray, weight: np.ndarray, x_shape: tuple[int, ...], stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, OH, OW, O) and (KH, KW, C, O) -> (N, H, W, C)."""
    KH, KW, C, O = weight.shape
    OH, OW = g.shape[1:3]
    dx = empty(x_shape, g.dtype)
    matrix = ready(weight.reshape(KH * KW * C, O).T)  # (O, KH KW C)
    bands = _bands(OH, OW * KH * KW * C)
    columns = tap_ranges(x_shape[2], KW, stride[1], pads[1][0], OW)
    with region:
        _spread(ready(g), matrix, (KH, KW), stride, corner(pads), columns, bands, dx)
    return dx


def conv2d_grad_weight(
    x: np.ndarray, g: np.ndarray, weight_shape: tuple[int, ...], stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, H, W, C) and (N, OH, OW, O) -> (KH, KW, C, O)."""
    KH, KW, C, O = weight_shape
    N, OH, OW, _ = g.shape
    bands = _bands(OH, OW * KH * KW * C)
    parts = min(16, max(2, _PARTIAL // (KH * KW * C * O)))
    edges = blocks(N * (len(bands) - 1), parts)
    sums = np.zeros((len(edges) - 1, KH * KW * C, O), g.dtype)
    columns = tap_ranges(x.shape[2], KW, stride[1], pads[1][0], OW)
    with region:
        _correlate(ready(x), ready(g), (KH, KW), stride, corner(pads), columns, bands, edges, sums)
    return merged(sums).reshape(weight_shape)


def windows(x: np.ndarray, kernel_size: Pair, stride: Pair, pads: Pads) -> np.ndarray:
    """(N, H, W, C) -> (N, OH, OW, KH KW C)."""
    (N, H, W, C), (KH, KW) = x.shape, kernel_size
    OH, OW = output_size((H, W), kernel_size, stride, pads)
    rows = empty((N, OH, OW, KH * KW * C), x.dtype)
    columns = tap_ranges(W, KW, stride[1], pads[1][0], OW)
    with region:
        _lay_out_all(ready(x), kernel_size, stride, corner(pads), columns, rows)
    return rows


def windows_grad(
    g: np.ndarray, x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, OH, OW, KH KW C) -> (N, H, W, C)."""
    dx = empty(x_shape, g.dtype)
    columns = tap_ranges(x_shape[2], kernel_size[1], stride[1], pads[1][0], g.shape[2])
    with region:
        _add_all_back(ready(g), kernel_size, stride, corner(pads), columns, dx)
    return dx


def _bands(OH: int, numbers_in_row: int) -> np.ndarray:
    """The edges of bands of output rows, each of about `_BAND` numbers when its windows are laid out."""
    return blocks(OH, -(-OH * numbers_in_row // _BAND))


@parallel_kernel
def _convolve(x, weight, bias, kernel_size, stride, before, columns, bands, y):
    N, OH, OW, O = y.shape
    count = len(bands) - 1
    for i in prange(N * count):
        n, first, last = i // count, bands[i % count], bands[i % count + 1]
        windows = np.empty((last - first, OW, weight.shape[0]), x.dtype)
        _lay_out(x[n], kernel_size, stride, before, columns, first, windows)
        part = y[n, first:last].reshape((last - first) * OW, O)
        multiply(windows.reshape(part.shape[0], weight.shape[0]), weight, part)
        for p in range(part.shape[0]):
            for o in range(O):
                part[p, o] += bias[o]


@parallel_kernel
def _spread(g, weight, kernel_size, stride, before, columns, bands, dx):
    """An image of dx is owned by one iteration, as the windows of neighbouring bands overlap."""
    N, OH, OW, O = g.shape
    for n in prange(N):
        dx[n] = 0
        for i in range(len(bands) - 1):
            first, last = bands[i], bands[i + 1]
            windows = np.empty(((last - first) * OW, weight.shape[1]), g.dtype)
            multiply(g[n, first:last].reshape((last - first) * OW, O), weight, windows)
            windows_by_row = windows.reshape(last - first, OW, weight.shape[1])
            _add_back(windows_by_row, kernel_size, stride, before, columns, first, dx[n])


@parallel_kernel
def _correlate(x, g, kernel_size, stride, before, columns, bands, edges, sums):
    """sums[block] = the gradient of the weight from the bands of one block."""
    N, OH, OW, O = g.shape
    count = len(bands) - 1
    for block in prange(len(edges) - 1):
        for i in range(edges[block], edges[block + 1]):
            n, first, last = i // count, bands[i % count], bands[i % count + 1]
            windows = np.empty((last - first, OW, sums.shape[1]), x.dtype)
            _lay_out(x[n], kernel_size, stride, before, columns, first, windows)
            part = g[n, first:last].reshape((last - first) * OW, O)
            multiply_add(windows.reshape(part.shape[0], sums.shape[1]).T, part, sums[block])


@parallel_kernel
def _lay_out_all(x, kernel_size, stride, before, columns, windows):
    for n in prange(len(x)):
        _lay_out(x[n], kernel_size, stride, before, columns, 0, windows[n])


@parallel_kernel
def _add_all_back(windows, kernel_size, stride, before, columns, dx):
    for n in prange(len(dx)):
        dx[n] = 0
        _add_back(windows[n], kernel_size, stride, before, columns, 0, dx[n])


@kernel
def _lay_out(image, kernel_size, stride, before, columns, first, windows):
    """windows[oh - first, ow, (kh, kw, c)] = the pixels of window (oh, ow), zero outside the image."""
    H, W, C = image.shape
    rows, OW, _ = windows.shape
    (KH, KW), (sh, sw), (top, left) = kernel_size, stride, before
    for row in range(rows):
        for kh in range(KH):
            h = (first + row) * sh + kh - top
            for kw in range(KW):
                begin, end = columns[kw]
                if not 0 <= h < H:
                    begin, end = 0, 0
                shift, j = kw - left, (kh * KW + kw) * C
                windows[row, :begin, j : j + C] = 0
                windows[row, end:, j : j + C] = 0
                if C == 1:  # a loop over one channel would take longer to start than to run
                    for ow in range(begin, end):
                        windows[row, ow, j] = image[h, ow * sw + shift, 0]
                else:
                    for ow in range(begin, end):
                        for c in range(C):
                            windows[row, ow, j + c] = image[h, ow * sw + shift, c]


@kernel
def _add_back(windows, kernel_size, stride, before, columns, first, image):
    """The reverse of `_lay_out`: each number is added to the pixel it came from."""
    H, W, C = image.shape
    (KH, KW), (sh, sw), (top, left) = kernel_size, stride, before
    for row in range(windows.shape[0]):
        for kh in range(KH):
            h = (first + row) * sh + kh - top
            if 0 <= h < H:
                for kw in range(KW):
                    shift, j = kw - left, (kh * KW + kw) * C
                    for ow in range(columns[kw, 0], columns[kw, 1]):
                        for c in range(C):
                            image[h, ow * sw + shift, c] += windows[row, ow, j + c]

"""Standard convolution: every output channel looks at a window of all input channels.

    y[n, oh, ow, o] = sum_{kh, kw, c} x[n, oh sh + kh - top, ow sw + kw - left, c] weight[kh, kw, c,
    o] + bias[o]

with zero where x would be read outside the image (Goodfellow et al. 2016, equation 9.7, without its
minus one).

The fast version is a matrix product ("im2col"; Chellapilla et al. 2006, section 3.1): each window
is laid out as one row of KH KW C numbers, and those rows are multiplied with the weight seen as a
(KH KW C, O) matrix. Both gradients are products with the same matrices. Only a band of output rows
is laid out at a time, so that it stays in the processor's cache and in no case fills the memory.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from tinynet.kernels.compiling import blocks, kernel, merged, parallel_kernel, ready
from tinynet.kernels.geometry import Pads, Pair, output_size, window
from tinynet.kernels.threads import region

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


def conv2d(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, H, W, C), (KH, KW, C, O) and (O,) -> (N, OH, OW, O)."""
    (N, H, W, C), (KH, KW, _, O) = x.shape, weight.shape
    OH, OW = output_size((H, W), (KH, KW), stride, pads)
    if bias is None:
        bias = np.zeros(O, x.dtype)
    y = np.empty((N, OH, OW, O), x.dtype)
    matrix = ready(weight).reshape(KH * KW * C, O)
    bands = _bands(OH, OW * len(matrix))
    with region:
        _convolve(ready(x), matrix, ready(bias), KH, KW, *stride, pads[0][0], pads[1][0], bands, y)
    return y


def conv2d_grad_input(
    g: np.ndarray, weight: np.ndarray, x_shape: tuple[int, ...], stride: Pair, pads: Pads
) -> np.ndarray:
    """(N, OH, OW, O) and (KH, KW, C, O) -> (N, H, W, C)."""
    KH, KW, C, O = weight.shape
    OH, OW = g.shape[1:3]
    dx = np.empty(x_shape, g.dtype)
    matrix = ready(weight.reshape(KH * KW * C, O).T)  # (O, KH KW C)
    bands = _bands(OH, OW * KH * KW * C)
    with region:
        _spread(ready(g), matrix, KH, KW, *stride, pads[0][0], pads[1][0], bands, dx)
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
    with region:
        _correlate(
            ready(x), ready(g), KH, KW, *stride, pads[0][0], pads[1][0], bands, edges, sums
        )
    return merged(sums).reshape(weight_shape)


def _bands(OH: int, numbers_in_row: int) -> np.ndarray:
    """The edges of bands of output rows, each of about `_BAND` numbers when its windows are laid out."""
    return blocks(OH, -(-OH * numbers_in_row // _BAND))


@parallel_kernel
def _convolve(x, weight, bias, KH, KW, sh, sw, top, left, bands, y):
    N, OH, OW, O = y.shape
    count = len(bands) - 1
    for i in prange(N * count):
        n, first, last = i // count, bands[i % count], bands[i % count + 1]
        windows = np.empty(((last - first) * OW, weight.shape[0]), x.dtype)
        _lay_out(x[n], KH, KW, sh, sw, top, left, first, OW, windows)
        part = y[n, first:last].reshape(windows.shape[0], O)
        np.dot(windows, weight, part)
        for p in range(part.shape[0]):
            for o in range(O):
                part[p, o] += bias[o]


@parallel_kernel
def _spread(g, weight, KH, KW, sh, sw, top, left, bands, dx):
    """An image of dx is owned by one iteration, as the windows of neighbouring bands overlap."""
    N, OH, OW, O = g.shape
    for n in prange(N):
        dx[n] = 0
        for i in range(len(bands) - 1):
            first, last = bands[i], bands[i + 1]
            windows = np.dot(g[n, first:last].reshape((last - first) * OW, O), weight)
            _add_back(windows, KH, KW, sh, sw, top, left, first, OW, dx[n])


@parallel_kernel
def _correlate(x, g, KH, KW, sh, sw, top, left, bands, edges, sums):
    """sums[block] = the gradient of the weight from the bands of one block."""
    N, OH, OW, O = g.shape
    count = len(bands) - 1
    for block in prange(len(edges) - 1):
        product = np.empty(sums.shape[1:], g.dtype)
        for i in range(edges[block], edges[block + 1]):
            n, first, last = i // count, bands[i % count], bands[i % count + 1]
            windows = np.empty(((last - first) * OW, sums.shape[1]), x.dtype)
            _lay_out(x[n], KH, KW, sh, sw, top, left, first, OW, windows)
            np.dot(windows.T, g[n, first:last].reshape(windows.shape[0], O), product)
            for k in range(product.shape[0]):
                for o in range(O):
                    sums[block, k, o] += product[k, o]


@kernel
def _lay_out(image, KH, KW, sh, sw, top, left, first, OW, windows):
    """windows[p, (kh, kw, c)] = the pixels of window p, zero outside the image; p counts from row `first`."""
    H, W, C = image.shape
    for p in range(windows.shape[0]):
        oh, ow = first + p // OW, p % OW
        j = 0
        for kh in range(KH):
            h = oh * sh + kh - top
            for kw in range(KW):
                w = ow * sw + kw - left
                inside = 0 <= h < H and 0 <= w < W
                for c in range(C):
                    windows[p, j] = image[h, w, c] if inside else 0
                    j += 1


@kernel
def _add_back(windows, KH, KW, sh, sw, top, left, first, OW, image):
    """The reverse of `_lay_out`: each number is added to the pixel it came from."""
    H, W, C = image.shape
    for p in range(windows.shape[0]):
        oh, ow = first + p // OW, p % OW
        for kh in range(KH):
            h = oh * sh + kh - top
            for kw in range(KW):
                w = ow * sw + kw - left
                if 0 <= h < H and 0 <= w < W:
                    for c in range(C):
                        image[h, w, c] += windows[p, (kh * KW + kw) * C + c]

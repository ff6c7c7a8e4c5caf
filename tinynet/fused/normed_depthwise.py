"""3x3 depthwise convolution within a chain: three padded rows of activations at a time, in a ring.

The formulas and the shapes are at the top of `normed_rows.py`. A padded row has zeros where the image ends.
With stride 2 its even pixels come first, then the odd ones: each tap of the window then reads OW pixels in
a row, whatever the stride.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ..kernels.compiling import inlined_kernel, kernel, parallel_kernel
from .normed_rows import activate, add, add_moments, fold_moments, fold_sums, gradient, mask

TAPS = 9  # of a 3x3 window, the only one known here


@parallel_kernel
def depthwise_forward(z, rows, limits, weight, stride, before, edges, scratch, y, moments):
    """A 3x3 depthwise convolution of a: (N, H, W C) and (9, (OW + 2) C) -> (N, OH, OW C)."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _depthwise_forward(z, rows, limits, weight, stride, before, span, scratch[t], y, moments[i])


@parallel_kernel
def depthwise_backward(
    g, y, pqr, z, rows, limits, weight, stride, before, edges, scratch, below, in_place, sums, dweight
):
    """weight: (9, (OW + 2) C). dweight: (B, 9, C)."""
    threads, count = len(scratch), len(edges) - 1
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            span = (edges[i], edges[i + 1])
            _depthwise_backward(
                g, y, pqr, z, rows, limits, weight, stride, before, span, scratch[t], below, in_place,
                sums[i], dweight[i],
            )  # fmt: skip


@kernel
def _depthwise_forward(z, rows, limits, weight, stride, before, span, scratch, y, moments):
    L, (_, OH, OL), C = z.shape[2], y.shape, moments.shape[1]
    R = _ring_row(OL, C, stride)
    ring, line = scratch[: 3 * R].reshape(3, R), scratch[3 * R : 3 * R + L]
    totals = np.zeros((2, OL), z.dtype)
    ring[:] = 0
    for n in range(span[0], span[1]):
        filled = 0
        for oh in range(OH):
            while filled < oh * stride + 3:
                _fill(z[n], filled - before[0], rows, limits, stride, before[1], C, line, ring[filled % 3])
                filled += 1
            _nine_taps(ring, oh * stride, weight, stride, C, y[n, oh])
            add_moments(y[n, oh], y[span[0], 0], totals)
    fold_moments(y[span[0], 0], totals, (span[1] - span[0]) * OH, moments)


@kernel
def _depthwise_backward(
    g, y, pqr, z, rows, limits, weight, stride, before, span, scratch, below, in_place, sums, dweight
):
    """Each row of dz meets the three rows of a it was computed from: both gradients grow at once."""
    (_, H, L), (_, OH, OL), C = z.shape, y.shape, dweight.shape[1]
    target = g if in_place else below
    R = _ring_row(OL, C, stride)
    ring, spread = scratch[: 3 * R].reshape(3, R), scratch[3 * R : 6 * R].reshape(3, R)
    padded_dz = scratch[6 * R : 6 * R + OL + 4 * C]  # two pixels of zeros on either side
    dz = padded_dz[2 * C : 2 * C + OL]
    line = scratch[6 * R + OL + 4 * C : 6 * R + OL + 4 * C + L]
    products = np.zeros((TAPS, OL), z.dtype)
    totals = np.zeros((2, L), z.dtype)
    ring[:] = 0
    padded_dz[:] = 0
    for n in range(span[0], span[1]):
        spread[:] = 0
        filled, done = 0, 0
        for oh in range(OH):
            while filled < oh * stride + 3:
                _fill(z[n], filled - before[0], rows, limits, stride, before[1], C, line, ring[filled % 3])
                filled += 1
            gradient(g[n, oh], y[n, oh], pqr, dz)
            for kh in range(3):
                row, taps = (oh * stride + kh) % 3, slice(3 * kh, 3 * kh + 3)
                _add_products(dz, ring[row], stride, C, products[taps])
                _spread(padded_dz, weight[taps], stride, C, spread[row])
            while done < (H + before[0] if oh == OH - 1 else (oh + 1) * stride):
                h = done - before[0]
                if 0 <= h < H and len(target):
                    pixels = _in_order(spread[done % 3], done < filled, stride, before[1], C, line)
                    mask(pixels, z[n, h], rows, limits, target[n, h], totals)
                spread[done % 3] = 0
                done += 1
    dweight[:] = 0
    for tap in range(TAPS):
        for w in range(OL // C):
            add(products[tap, w * C : (w + 1) * C], dweight[tap])
    fold_sums(totals, sums)


@inlined_kernel
def _nine_taps(ring, first, weight, stride, C, y):
    """One row of the output: three rows of the ring from the padded row `first` on, three taps in each."""
    OL = len(y)
    for kh in range(3):
        row = ring[(first + kh) % 3]
        x0, at1, at2 = row[:OL], _tap_offset(1, OL, C, stride), _tap_offset(2, OL, C, stride)
        x1, x2 = row[at1 : at1 + OL], row[at2 : at2 + OL]
        w0, w1, w2 = weight[3 * kh], weight[3 * kh + 1], weight[3 * kh + 2]
        if kh == 0:
            for j in range(OL):
                y[j] = x0[j] * w0[j] + x1[j] * w1[j] + x2[j] * w2[j]
        else:
            for j in range(OL):
                y[j] += x0[j] * w0[j] + x1[j] * w1[j] + x2[j] * w2[j]


@inlined_kernel
def _add_products(dz, row, stride, C, products):
    """The gradient of three taps' weights from one row of dz and the padded row the taps read."""
    OL, at1, at2 = len(dz), _tap_offset(1, len(dz), C, stride), _tap_offset(2, len(dz), C, stride)
    x0, x1, x2 = row[:OL], row[at1 : at1 + OL], row[at2 : at2 + OL]
    p0, p1, p2 = products[0], products[1], products[2]
    for j in range(OL):
        p0[j] += dz[j] * x0[j]
        p1[j] += dz[j] * x1[j]
        p2[j] += dz[j] * x2[j]


@inlined_kernel
def _spread(dz, weight, stride, C, row):
    """What three taps give back to the padded row they read. Pixel q was read for outputs q, q - 1 and q - 2;
    with stride 2, even pixel q for outputs q and q - 1, odd pixel q for output q. dz begins with two pixels
    of zeros.
    """
    d0, d1, d2 = dz[2 * C :], dz[C:], dz
    w0, w1, w2 = weight[0], weight[1], weight[2]
    if stride == 1:
        for j in range(len(row)):
            row[j] += d0[j] * w0[j] + d1[j] * w1[j] + d2[j] * w2[j]
    else:
        half = len(row) // 2
        even, odd = row[:half], row[half:]
        for j in range(half):
            even[j] += d0[j] * w0[j] + d1[j] * w2[j]
            odd[j] += d0[j] * w1[j]


@kernel
def _fill(image, h, rows, limits, stride, left, C, line, padded):
    """The activations of row h of an image as a padded row; zeros for a row outside the image."""
    H, L = image.shape
    if not 0 <= h < H:
        padded[:] = 0
    elif stride == 1:
        activate(image[h], rows, limits, padded[left * C : left * C + L])
    else:
        activate(image[h], rows, limits, line)
        for w in range(L // C):
            at = _place(w + left, len(padded), C)
            _copy(line[w * C : (w + 1) * C], padded[at : at + C])


@kernel
def _in_order(padded, reached, stride, left, C, line):
    """The reverse of `_fill`: the pixels of a padded row in order; zeros if no window reached that row."""
    if stride == 1 and reached:
        return padded[left * C : left * C + len(line)]
    line[:] = 0
    if reached:
        for w in range(len(line) // C):
            at = _place(w + left, len(padded), C)
            _copy(padded[at : at + C], line[w * C : (w + 1) * C])
    return line


@kernel
def _place(q, R, C):
    """Where pixel q of a padded row of R numbers begins, with stride 2."""
    return q % 2 * (R // 2) + q // 2 * C


@kernel
def _copy(source, target):
    for j in range(len(source)):
        target[j] = source[j]


@kernel
def _ring_row(OL, C, stride):
    return stride * (OL + 2 // stride * C)


@kernel
def _tap_offset(kw, OL, C, stride):
    return kw % stride * (OL + 2 // stride * C) + kw // stride * C

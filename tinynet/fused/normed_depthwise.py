"""3x3 depthwise convolution within a chain: three padded rows of activations at a time, in a ring.

The formulas and the shapes are at the top of `normed_rows.py`. A padded row has zeros where the image ends.
With stride 2 its even pixels come first, then the odd ones: each tap of the window then reads OW pixels in
a row, whatever the stride.
"""

from __future__ import annotations

import numpy as np

from ..kernels.compiling import inlined_kernel, inner_kernel
from .normed_rows import activate, add, add_moments, fold_moments, fold_sums, gradient, mask

TAPS = 9  # of a 3x3 window, the only one known here


@inner_kernel
def depthwise_forward(z, rows, limits, weight, geometry, span, scratch, y, moments):
    """A 3x3 depthwise convolution of a: (N, H, W C) and (9, (OW + 2) C) -> (N, OH, OW C)."""
    stride, top, left = geometry.stride, geometry.top, geometry.left
    L, (_, OH, OL), C = z.shape[2], y.shape, moments.shape[1]
    R = _ring_row(OL, C, stride)
    ring, line = scratch[: 3 * R].reshape(3, R), scratch[3 * R : 3 * R + L].reshape(1, L)
    pivot = y[span[0], 0]
    totals = np.zeros((2, OL), z.dtype)
    ring[:] = 0
    for n in range(span[0], span[1]):
        filled = 0
        for oh in range(OH):
            while filled < oh * stride + 3:
                _fill(z, n, filled - top, rows, limits, stride, left, C, line, ring, filled % 3)
                filled += 1
            _nine_taps(ring, oh * stride, weight, stride, C, y, n, oh)
            add_moments(y, n, oh, pivot, totals)
    fold_moments(pivot, totals, (span[1] - span[0]) * OH, moments)


@inner_kernel
def depthwise_backward(
    g, y, pqr, z, rows, limits, weight, geometry, span, scratch, below, in_place, sums, dweight
):
    """Each row of dz meets the three rows of a it was computed from: both gradients grow at once.

    weight: (9, (OW + 2) C). dweight: (9, C).
    """
    stride, top, left = geometry.stride, geometry.top, geometry.left
    (_, H, L), (_, OH, OL), C = z.shape, y.shape, dweight.shape[1]
    target = g if in_place else below
    R = _ring_row(OL, C, stride)
    ring, spread = scratch[: 3 * R].reshape(3, R), scratch[3 * R : 6 * R].reshape(3, R)
    dz = scratch[6 * R : 6 * R + OL + 4 * C].reshape(1, OL + 4 * C)  # two pixels of zeros on either side
    line = scratch[6 * R + OL + 4 * C : 6 * R + OL + 4 * C + L].reshape(1, L)
    products = np.zeros((TAPS, OL), z.dtype)
    totals = np.zeros((2, L), z.dtype)
    ring[:] = 0
    dz[:] = 0
    for n in range(span[0], span[1]):
        spread[:] = 0
        filled, done = 0, 0
        for oh in range(OH):
            while filled < oh * stride + 3:
                _fill(z, n, filled - top, rows, limits, stride, left, C, line, ring, filled % 3)
                filled += 1
            gradient(g, y, n, oh, pqr, dz, 0, 2 * C)
            for kh in range(3):
                row = (oh * stride + kh) % 3
                _add_products(dz, ring, row, 3 * kh, stride, C, products)
                _spread(dz, weight, 3 * kh, stride, C, spread, row)
            while done < (H + top if oh == OH - 1 else (oh + 1) * stride):
                h = done - top
                if 0 <= h < H and len(target):
                    source, row, at = spread, done % 3, left * C
                    if stride == 2:
                        _in_order(spread, done % 3, left, C, line)
                        source, row, at = line, 0, 0
                    mask(source, row, at, z, n, h, rows, limits, target, totals)
                _clear(spread, done % 3)
                done += 1
    dweight[:] = 0
    for tap in range(TAPS):
        for w in range(OL // C):
            add(products[tap, w * C : (w + 1) * C], dweight[tap])
    fold_sums(totals, sums)


@inlined_kernel
def _nine_taps(ring, first, weight, stride, C, y, n, oh):
    """One row of the output: three rows of the ring from the padded row `first` on, three taps in each."""
    OL = y.shape[2]
    at1, at2 = np.uint64(_tap_offset(1, OL, C, stride)), np.uint64(_tap_offset(2, OL, C, stride))
    a, b, c = first % 3, (first + 1) % 3, (first + 2) % 3
    for j in range(np.uint64(OL)):
        value = ring[a, j] * weight[0, j] + ring[a, at1 + j] * weight[1, j] + ring[a, at2 + j] * weight[2, j]
        value += ring[b, j] * weight[3, j] + ring[b, at1 + j] * weight[4, j] + ring[b, at2 + j] * weight[5, j]
        value += ring[c, j] * weight[6, j] + ring[c, at1 + j] * weight[7, j] + ring[c, at2 + j] * weight[8, j]
        y[n, oh, j] = value


@inlined_kernel
def _add_products(dz, ring, row, tap, stride, C, products):
    """The gradient of three taps' weights from one row of dz and the padded row the taps read."""
    OL, begin = products.shape[1], np.uint64(2 * C)
    at1, at2 = np.uint64(_tap_offset(1, OL, C, stride)), np.uint64(_tap_offset(2, OL, C, stride))
    for j in range(np.uint64(OL)):
        products[tap, j] += dz[0, begin + j] * ring[row, j]
        products[tap + 1, j] += dz[0, begin + j] * ring[row, at1 + j]
        products[tap + 2, j] += dz[0, begin + j] * ring[row, at2 + j]


@inlined_kernel
def _spread(dz, weight, tap, stride, C, spread, row):
    """What three taps give back to the padded row they read. Pixel q was read for outputs q, q - 1 and q - 2;
    with stride 2, even pixel q for outputs q and q - 1, odd pixel q for output q. dz begins with two pixels
    of zeros.
    """
    at0, at1 = np.uint64(2 * C), np.uint64(C)
    if stride == 1:
        for j in range(np.uint64(spread.shape[1])):
            back = dz[0, at0 + j] * weight[tap, j] + dz[0, at1 + j] * weight[tap + 1, j]
            spread[row, j] += back + dz[0, j] * weight[tap + 2, j]
    else:
        half = np.uint64(spread.shape[1] // 2)
        for j in range(half):
            spread[row, j] += dz[0, at0 + j] * weight[tap, j] + dz[0, at1 + j] * weight[tap + 2, j]
            spread[row, half + j] += dz[0, at0 + j] * weight[tap + 1, j]


@inner_kernel
def _fill(z, n, h, rows, limits, stride, left, C, line, ring, row):
    """The activations of row h of image n as a padded row; zeros for a row outside the image."""
    if not 0 <= h < z.shape[1]:
        _clear(ring, row)
        return
    target, place, at = (ring, row, left * C) if stride == 1 else (line, 0, 0)
    activate(z, n, h, rows, limits, target, place, at)
    if stride == 2:
        for w in range(z.shape[2] // C):
            source, begin = np.uint64(w * C), np.uint64(_place(w + left, ring.shape[1], C))
            for c in range(np.uint64(C)):
                ring[row, begin + c] = line[0, source + c]


@inner_kernel
def _in_order(padded, row, left, C, line):
    """The reverse of `_fill` with stride 2: the pixels of a padded row in order."""
    for w in range(line.shape[1] // C):
        source, target = np.uint64(_place(w + left, padded.shape[1], C)), np.uint64(w * C)
        for c in range(np.uint64(C)):
            line[0, target + c] = padded[row, source + c]


@inlined_kernel
def _clear(padded, row):
    for j in range(np.uint64(padded.shape[1])):
        padded[row, j] = 0


@inner_kernel
def _place(q, R, C):
    """Where pixel q of a padded row of R numbers begins, with stride 2."""
    return q % 2 * (R // 2) + q // 2 * C


@inner_kernel
def _ring_row(OL, C, stride):
    return stride * (OL + 2 // stride * C)


@inner_kernel
def _tap_offset(kw, OL, C, stride):
    return kw % stride * (OL + 2 // stride * C) + kw // stride * C

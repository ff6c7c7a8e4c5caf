"""3x3 depthwise convolution within a chain: a few padded rows of activations at a time, in a ring.

The formulas and the shapes are at the top of `normed_rows.py`. A padded row has zeros where the image ends.
With stride 2 its even pixels come first, then the odd ones: each tap of the window then reads OW pixels in
a row, whatever the stride.

Backward goes two rows at a time: they share weights and sums, and with stride 1 most of what they read, and
its loops are bound by how many numbers they load. (Forward waits for memory: two rows at a time are slower.)
"""

from __future__ import annotations

import numpy as np

from ..kernels.compiling import inlined_kernel, inner_kernel
from .normed_rows import activate, add, add_moments, fold_moments, fold_sums, gradient, mask

TAPS = 9  # of a 3x3 window, the only one known here
RING = 5  # padded rows behind two rows of the output, at most
DZ_RING = 4  # rows of the output behind two padded rows, at most


@inner_kernel
def depthwise_forward(z, rows, limits, weight, geometry, span, scratch, y, moments):
    """A 3x3 depthwise convolution of a: (N, H, W C) and (9, (OW + 2) C) -> (N, OH, OW C)."""
    L, (_, OH, OL), C, stride = z.shape[2], y.shape, moments.shape[1], geometry.stride
    R = _ring_row(OL, C, stride)
    ring, line = scratch[: RING * R].reshape(RING, R), scratch[RING * R : RING * R + L].reshape(1, L)
    pivot = y[span[0], 0]
    totals = np.zeros((2, OL), z.dtype)
    ring[:] = 0
    for n in range(span[0], span[1]):
        filled = 0
        for oh in range(OH):
            while filled < oh * stride + 3:
                _fill(z, n, filled, geometry, rows, limits, C, line, ring)
                filled += 1
            _nine_taps(ring, oh * stride, weight, stride, C, y, n, oh)
            add_moments(y, n, oh, pivot, totals)
    fold_moments(pivot, totals, (span[1] - span[0]) * OH, moments)


@inner_kernel
def depthwise_backward(
    g, y, pqr, z, rows, limits, weight, geometry, span, scratch, below, in_place, sums, dweight
):
    """Two rows of dz meet the rows of a they were computed from; then the padded rows are done that no later
    row of dz will reach, two for each of them with stride 2.

    weight: (9, (OW + 2) C). dweight: (9, C).
    """
    (_, H, L), (_, OH, OL), C, stride = z.shape, y.shape, dweight.shape[1], geometry.stride
    target = g if in_place else below
    R, D, padded_rows = _ring_row(OL, C, stride), OL + 4 * C, H + geometry.top
    ring, da = scratch[: RING * R].reshape(RING, R), scratch[RING * R : (RING + 2) * R].reshape(2, R)
    end = (RING + 2) * R + DZ_RING * D
    dz = scratch[(RING + 2) * R : end].reshape(DZ_RING, D)  # two pixels of zeros on either side
    line = scratch[end : end + L].reshape(1, L)
    products = np.zeros((TAPS, OL), z.dtype)
    totals = np.zeros((2, L), z.dtype)
    ring[:] = 0
    for n in range(span[0], span[1]):
        dz[:] = 0
        first, filled, done = 0, 0, 0
        while first < OH or done < padded_rows:
            for oh in range(first, first + 2):
                if oh < OH:
                    gradient(g, y, n, oh, pqr, dz, oh % DZ_RING, 2 * C)
                else:
                    _clear(dz, oh % DZ_RING)
            if first < OH:
                while filled < (first + 1) * stride + 3:
                    _fill(z, n, filled, geometry, rows, limits, C, line, ring)
                    filled += 1
                for kh in range(3):
                    _add_products(dz, first, ring, first * stride + kh, kh, stride, C, products)
            first += 2
            while len(target) and done < min(first * stride, padded_rows):
                if stride == 1:
                    _two_back_rows(dz, done, C, weight, da)
                else:
                    _two_spread_rows(dz, done // 2, C, weight, da)
                for row in range(2):
                    h = done + row - geometry.top
                    if 0 <= h < H:
                        source, place, at = da, row, geometry.left * C
                        if stride == 2:
                            _in_order(da, row, geometry.left, C, line)
                            source, place, at = line, 0, 0
                        mask(source, place, at, z, n, h, rows, limits, target, totals)
                done += 2
            if not len(target):
                done = padded_rows
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
    a, b, c = first % RING, (first + 1) % RING, (first + 2) % RING
    for j in range(np.uint64(OL)):
        value = ring[a, j] * weight[0, j] + ring[a, at1 + j] * weight[1, j] + ring[a, at2 + j] * weight[2, j]
        value += ring[b, j] * weight[3, j] + ring[b, at1 + j] * weight[4, j] + ring[b, at2 + j] * weight[5, j]
        value += ring[c, j] * weight[6, j] + ring[c, at1 + j] * weight[7, j] + ring[c, at2 + j] * weight[8, j]
        y[n, oh, j] = value


@inlined_kernel
def _two_back_rows(dz, padded, C, weight, da):
    """Backward with stride 1: row `padded` of the padded image and the next one. A row was read by the row of
    the output of the same number and the two before it; the same holds for pixels.
    """
    a, b, c, d = (padded + 1) % DZ_RING, padded % DZ_RING, (padded - 1) % DZ_RING, (padded - 2) % DZ_RING
    at0, at1 = np.uint64(2 * C), np.uint64(C)
    for j in range(np.uint64(da.shape[1])):
        u0, u1, u2 = weight[0, j], weight[1, j], weight[2, j]
        v0, v1, v2 = weight[3, j], weight[4, j], weight[5, j]
        t0, t1, t2 = weight[6, j], weight[7, j], weight[8, j]
        b0, b1, b2 = dz[b, at0 + j], dz[b, at1 + j], dz[b, j]
        c0, c1, c2 = dz[c, at0 + j], dz[c, at1 + j], dz[c, j]
        below = dz[a, at0 + j] * u0 + dz[a, at1 + j] * u1 + dz[a, j] * u2
        da[1, j] = below + b0 * v0 + b1 * v1 + b2 * v2 + c0 * t0 + c1 * t1 + c2 * t2
        above = b0 * u0 + b1 * u1 + b2 * u2 + c0 * v0 + c1 * v1 + c2 * v2
        da[0, j] = above + dz[d, at0 + j] * t0 + dz[d, at1 + j] * t1 + dz[d, j] * t2


@inlined_kernel
def _two_spread_rows(dz, oh, C, weight, da):
    """Backward with stride 2: padded rows 2 oh and 2 oh + 1. An even row was read by rows oh and oh - 1 of
    the output, an odd one by row oh; the same holds for pixels.
    """
    row, before, half = oh % DZ_RING, (oh - 1) % DZ_RING, np.uint64(da.shape[1] // 2)
    at0, at1 = np.uint64(2 * C), np.uint64(C)
    for j in range(half):
        x0, x1, y0, y1 = dz[row, at0 + j], dz[row, at1 + j], dz[before, at0 + j], dz[before, at1 + j]
        even = x0 * weight[0, j] + x1 * weight[2, j]
        da[0, j] = even + y0 * weight[6, j] + y1 * weight[8, j]
        da[0, half + j] = x0 * weight[1, j] + y0 * weight[7, j]
        da[1, j] = x0 * weight[3, j] + x1 * weight[5, j]
        da[1, half + j] = x0 * weight[4, j]


@inlined_kernel
def _add_products(dz, oh, ring, padded, kh, stride, C, products):
    """The gradient of a window's row of taps from rows `oh` and `oh` + 1 of dz and the padded rows they read,
    `padded` and one stride further.
    """
    OL, begin = products.shape[1], np.uint64(2 * C)
    x, y, a, b = oh % DZ_RING, (oh + 1) % DZ_RING, padded % RING, (padded + stride) % RING
    at1, at2 = np.uint64(_tap_offset(1, OL, C, stride)), np.uint64(_tap_offset(2, OL, C, stride))
    for j in range(np.uint64(OL)):
        upper, lower = dz[x, begin + j], dz[y, begin + j]
        products[3 * kh, j] += upper * ring[a, j] + lower * ring[b, j]
        products[3 * kh + 1, j] += upper * ring[a, at1 + j] + lower * ring[b, at1 + j]
        products[3 * kh + 2, j] += upper * ring[a, at2 + j] + lower * ring[b, at2 + j]


@inner_kernel
def _fill(z, n, padded, geometry, rows, limits, C, line, ring):
    """The activations of image n as row `padded` of the padded image; zeros for one outside the image."""
    h, row, left, stride = padded - geometry.top, padded % RING, geometry.left, geometry.stride
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

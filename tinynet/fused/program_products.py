"""The stages of a program that multiply with a weight: products with a matrix, and convolutions.

`program.py` has the table that says what the fields of a stage mean. Images lie in the scratch array with
the borders they need, so no loop asks whether it is still inside one.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np

from ..kernels.blas import multiply as multiply_matrices
from ..kernels.compiling import kernel

_ZERO, _ONE, _TWO, _THREE, _FOUR = np.arange(5, dtype=np.uint64)


@kernel
def multiply(stage, weights, scratch, rows):
    """(rows, K) times (K, O), in even bands of at most the size that BLAS is fastest with."""
    K, O, a, o = stage["K"], stage["O"], stage["source"], stage["target"]
    weight = weights[stage["weight"] : stage["weight"] + K * O].reshape((K, O))
    pieces = (rows + stage["band"] - _ONE) // stage["band"]
    band = (rows + pieces - _ONE) // pieces
    done = _ZERO
    while done < rows:
        count = min(band, rows - done)
        matrix = scratch[a : a + count * K].reshape((count, K))
        multiply_matrices(matrix, weight, scratch[o : o + count * O].reshape((count, O)))
        done += count
        a += count * K
        o += count * O


@kernel
def convolve(stage, weights, scratch, source, target):
    """The windows of a band of output rows laid out as rows of a matrix, times the weight (K, O)."""
    OH, OW, K, O, begin = stage["OH"], stage["OW"], stage["K"], stage["O"], stage["windows"]
    weight = weights[stage["weight"] : stage["weight"] + K * O].reshape((K, O))
    first, o = _ZERO, target
    while first < OH:
        rows = min(stage["band"], OH - first)
        pixels = rows * OW
        windows = scratch[begin : begin + pixels * K]
        part = scratch[o : o + pixels * O].reshape((pixels, O))
        corner = source + first * stage["down"]
        if stage["C"] == _ONE:
            _lay_out_grey(stage, scratch, corner, rows, begin)
            multiply_matrices(windows.reshape((K, pixels)).T, weight, part)
        else:
            _lay_out(stage, scratch, corner, rows, begin)
            multiply_matrices(windows.reshape((pixels, K)), weight, part)
        first += rows
        o += pixels * O


@kernel
def _lay_out(stage, scratch, corner, rows, o):
    """One row of KH KW C numbers per window; KW C of them lie side by side in the image."""
    right, down, pitch = stage["right"], stage["down"], stage["pitch"]
    KH, count = stage["KH"], stage["KW"] * stage["C"]
    for row in range(rows):
        for column in range(stage["OW"]):
            a = corner + row * down + column * right
            for _ in range(KH):
                for j in range(count):
                    scratch[o + j] = scratch[a + j]
                o += count
                a += pitch


@kernel
def _lay_out_grey(stage, scratch, corner, rows, o):
    """The same transposed, one row per tap, for one channel, where the copies above would be short."""
    OW, right, down, pitch = stage["OW"], stage["right"], stage["down"], stage["pitch"]
    for kh in range(stage["KH"]):
        for kw in range(stage["KW"]):
            a = corner + kh * pitch + kw
            for _ in range(rows):
                for j in range(OW):
                    scratch[o + j] = scratch[a + j * right]
                o += OW
                a += down


@kernel
def convolve_depthwise(stage, weights, scratch, source, target):
    """The nine taps of a 3x3 window, the bias and the limits, in one pass over the output.

    Rows of stride 1 are computed two at a time, which share six of their nine pixels and all weights: the
    loop is bound by how many numbers it loads. Of an odd number of rows the last but one is computed twice.
    """
    OH, pitch, row = stage["OH"], stage["pitch"], stage["OW"] * stage["C"]
    if stage["down"] == pitch and stage["runs"] == _ONE and OH > _ONE:
        for i in range((OH + _ONE) // _TWO):
            first = min(_TWO * i, OH - _TWO)
            _two_rows(stage, weights, scratch, source + first * pitch, target + first * row)
    else:
        _single_rows(stage, weights, scratch, source, target)


@kernel
def _single_rows(stage, weights, scratch, source, target):
    C, pitch, tile, length, bias = stage["C"], stage["pitch"], stage["tile"], stage["length"], stage["bias"]
    low, high, runs = weights[stage["low"]], weights[stage["high"]], stage["runs"]
    w0 = stage["weight"]
    w1, w2, w3, w4 = w0 + tile, w0 + _TWO * tile, w0 + _THREE * tile, w0 + _FOUR * tile
    w5, w6, w7, w8 = w1 + w4 - w0, w2 + w4 - w0, w3 + w4 - w0, w4 + w4 - w0
    o = target
    for i in range(stage["OH"] * runs):
        a0 = source + i // runs * stage["down"] + i % runs * stage["right"]
        end = o + length
        while o < end:
            a1, a2 = a0 + C, a0 + _TWO * C
            b0, b1, b2 = a0 + pitch, a1 + pitch, a2 + pitch
            c0, c1, c2 = b0 + pitch, b1 + pitch, b2 + pitch
            count = min(tile, end - o)
            for j in range(count):
                value = weights[bias + j]
                value += scratch[a0 + j] * weights[w0 + j]
                value += scratch[a1 + j] * weights[w1 + j]
                value += scratch[a2 + j] * weights[w2 + j]
                value += scratch[b0 + j] * weights[w3 + j]
                value += scratch[b1 + j] * weights[w4 + j]
                value += scratch[b2 + j] * weights[w5 + j]
                value += scratch[c0 + j] * weights[w6 + j]
                value += scratch[c1 + j] * weights[w7 + j]
                value += scratch[c2 + j] * weights[w8 + j]
                scratch[o + j] = limited(value, low, high)
            o += count
            a0 += count


@kernel
def _two_rows(stage, weights, scratch, a0, o):
    """Output rows at o and below it, from the four source rows that begin at a0."""
    C, pitch, tile, length, bias = stage["C"], stage["pitch"], stage["tile"], stage["length"], stage["bias"]
    low, high = weights[stage["low"]], weights[stage["high"]]
    w0 = stage["weight"]
    w1, w2, w3, w4 = w0 + tile, w0 + _TWO * tile, w0 + _THREE * tile, w0 + _FOUR * tile
    w5, w6, w7, w8 = w1 + w4 - w0, w2 + w4 - w0, w3 + w4 - w0, w4 + w4 - w0
    end = o + length
    while o < end:
        a1, a2 = a0 + C, a0 + _TWO * C
        b0, b1, b2 = a0 + pitch, a1 + pitch, a2 + pitch
        c0, c1, c2 = b0 + pitch, b1 + pitch, b2 + pitch
        d0, d1, d2 = c0 + pitch, c1 + pitch, c2 + pitch
        p = o + length
        count = min(tile, end - o)
        for j in range(count):
            u0, u1, u2 = weights[w0 + j], weights[w1 + j], weights[w2 + j]
            v0, v1, v2 = weights[w3 + j], weights[w4 + j], weights[w5 + j]
            t0, t1, t2 = weights[w6 + j], weights[w7 + j], weights[w8 + j]
            y0, y1, y2 = scratch[b0 + j], scratch[b1 + j], scratch[b2 + j]
            z0, z1, z2 = scratch[c0 + j], scratch[c1 + j], scratch[c2 + j]
            above = below = weights[bias + j]
            above += scratch[a0 + j] * u0 + scratch[a1 + j] * u1 + scratch[a2 + j] * u2
            above += y0 * v0 + y1 * v1 + y2 * v2 + z0 * t0 + z1 * t1 + z2 * t2
            below += y0 * u0 + y1 * u1 + y2 * u2 + z0 * v0 + z1 * v1 + z2 * v2
            below += scratch[d0 + j] * t0 + scratch[d1 + j] * t1 + scratch[d2 + j] * t2
            scratch[o + j] = limited(above, low, high)
            scratch[p + j] = limited(below, low, high)
        o += count
        a0 += count


@kernel
def limited(value, low, high):
    """The value held between two limits; a NaN is neither below nor above."""
    value = low if value <= low else value
    return high if value >= high else value

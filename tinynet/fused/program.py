"""A network without gradients as a program: a table of stages, and the compiled function that runs it.

Between two layers of a network lies memory. Run layer by layer, a batch of activations goes out to it and
comes back at every layer. Here a few images pass through all layers before the next few begin, so that
their activations never leave the cache of the core that works on them. Cores take different images.

What a layer does is decided once, in `translation.py`, and written down as numbers: a stage is one row of
the table below and the network one array of such rows, beside one flat array with all weights. That makes
a whole network a single call, whatever its layers are.

All activations lie in one flat scratch array, and a stage names places in it by their offset. Every
number of a stage is unsigned: Numba then knows that no index is negative and that none has to be counted
from the end, without which the loops below do not vectorise (and run at half the speed or less).
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from ..kernels.compiling import kernel, parallel_kernel

# The kinds of stages. PLACE adds a bias per channel, holds each number between two limits, which is what
# ReLU and ReLU6 do, and leaves a border around the image where the next stage wants one. MAX_POOL and
# DEPTHWISE, which is always 3x3, do the former too; CONV and PRODUCT end in a matrix product and leave bias
# and limits to the stage after them.
PLACE, SCALE, CONV, DEPTHWISE, PRODUCT, MAX_POOL, MEAN_POOL, SIGMOID, TANH, SOFTMAX = np.arange(
    10, dtype=np.uint64
)

STAGE = np.dtype(
    [
        (name, np.uint64)
        for name in (
            "kind",
            # Where the first image begins in the scratch array, and how many numbers an image has.
            *("source", "source_size", "target", "target_size"),
            # The window, and the numbers from one row of the source to the next and from the first row (the
            # first pixel) of a window to that of the window below (to its right).
            *("KH", "KW", "pitch", "down", "right"),
            # The output: rows, columns, and channels that go in and come out. PRODUCT has one column.
            *("OH", "OW", "C", "O"),
            # Offsets in the array of weights; and how many numbers a bias, a scale or a tap of a depthwise
            # weight have there: they are repeated along a row, as a loop over few channels is a slow one.
            *("weight", "bias", "low", "high", "border", "shares", "tile"),
            # PLACE: `rows` of `length` numbers, the first after a `gap`, with `pitch` from row to row.
            *("rows", "length", "gap"),
            # DEPTHWISE: a row of the output is computed in `runs` pieces of `length` numbers.
            "runs",
            # CONV and PRODUCT: numbers in a row of the left matrix, rows of the output (PRODUCT: of the
            # matrix) that are multiplied at a time, and where CONV lays out its windows.
            *("K", "band", "windows"),
        )
    ]
)

_ZERO, _ONE, _TWO = np.arange(3, dtype=np.uint64)


@parallel_kernel
def run_on_lanes(program, weights, scratch, x, y, N, block, lanes):
    """The program for all images, their blocks dealt out to lanes, each with a scratch array of its own."""
    for lane in prange(scratch.shape[0]):
        run(program, weights, scratch[lane], x, y, N, block, np.int64(lane), lanes)


@kernel
def run(program, weights, scratch, x, y, N, block, lane, lanes):
    """The program for every block of images that falls to a lane.

    x: the N images, one after the other.  y: room for the N results.  block: images that pass through
    together. Block b falls to lane b % lanes; what it computes does not depend on the number of lanes.
    """
    N, block, step = np.uint64(N), np.uint64(block), np.uint64(lanes * block)
    begin, end = program[0], program[program.shape[0] - 1]
    first = np.uint64(lane) * block
    while first < N:
        images = min(block, N - first)
        size = begin["source_size"]
        _copy(x, first * size, images * size, scratch, begin["source"])
        for s in range(program.shape[0]):
            stage = program[s]
            if stage["kind"] == PRODUCT:  # of all images at once: they are rows of one matrix
                _multiply(stage, weights, scratch, images * stage["OH"])
                continue
            for n in range(images):
                source = stage["source"] + n * stage["source_size"]
                target = stage["target"] + n * stage["target_size"]
                if stage["kind"] == PLACE:
                    _place(stage, weights, scratch, source, target)
                elif stage["kind"] == SCALE:
                    _scale(stage, weights, scratch, source, target)
                elif stage["kind"] == CONV:
                    _convolve(stage, weights, scratch, source, target)
                elif stage["kind"] == DEPTHWISE:
                    _convolve_depthwise(stage, weights, scratch, source, target)
                elif stage["kind"] == MAX_POOL or stage["kind"] == MEAN_POOL:
                    _pool(stage, weights, scratch, source, target)
                else:
                    _bend(stage, scratch, source, target)
        size = end["target_size"]
        _copy(scratch, end["target"], images * size, y, first * size)
        first += step


@kernel
def _copy(source, a, count, target, o):
    for j in range(count):
        target[o + j] = source[a + j]


@kernel
def _place(stage, weights, scratch, source, target):
    """Rows of the image + bias, held between low and high, with the border around them."""
    length, tile, bias, pitch = stage["length"], stage["tile"], stage["bias"], stage["pitch"]
    low, high, border = weights[stage["low"]], weights[stage["high"]], weights[stage["border"]]
    a, o, gap = source, target, stage["gap"]
    for _ in range(stage["rows"]):
        for j in range(gap):
            scratch[o + j] = border
        o += gap
        end = a + length
        while a < end:
            count = min(tile, end - a)
            for j in range(count):
                scratch[o + j] = _limited(scratch[a + j] + weights[bias + j], low, high)
            a += count
            o += count
        gap = pitch - length
    for j in range(target + stage["target_size"] - o):
        scratch[o + j] = border


@kernel
def _scale(stage, weights, scratch, source, target):
    """image * scale + bias, per channel."""
    size, tile, scale, bias = stage["target_size"], stage["tile"], stage["weight"], stage["bias"]
    done = _ZERO
    while done < size:
        a, o = source + done, target + done
        for j in range(min(tile, size - done)):
            scratch[o + j] = scratch[a + j] * weights[scale + j] + weights[bias + j]
        done += tile


@kernel
def _multiply(stage, weights, scratch, rows):
    """(rows, K) times (K, O), in bands of the size that BLAS is fastest with."""
    K, O, a, o = stage["K"], stage["O"], stage["source"], stage["target"]
    weight = weights[stage["weight"] : stage["weight"] + K * O].reshape((K, O))
    done = _ZERO
    while done < rows:
        count = min(stage["band"], rows - done)
        matrix = scratch[a : a + count * K].reshape((count, K))
        np.dot(matrix, weight, scratch[o : o + count * O].reshape((count, O)))
        done += count
        a += count * K
        o += count * O


@kernel
def _convolve(stage, weights, scratch, source, target):
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
            np.dot(windows.reshape((K, pixels)).T, weight, part)
        else:
            _lay_out(stage, scratch, corner, rows, begin)
            np.dot(windows.reshape((pixels, K)), weight, part)
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
def _convolve_depthwise(stage, weights, scratch, source, target):
    """The nine taps of a 3x3 window, the bias and the limits, in one pass over the output."""
    C, pitch, tile, length, bias = stage["C"], stage["pitch"], stage["tile"], stage["length"], stage["bias"]
    low, high, runs = weights[stage["low"]], weights[stage["high"]], stage["runs"]
    w0 = stage["weight"]
    w1, w2, w3, w4 = w0 + tile, w0 + _TWO * tile, w0 + (_TWO + _ONE) * tile, w0 + (_TWO + _TWO) * tile
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
                scratch[o + j] = _limited(value, low, high)
            o += count
            a0 += count


@kernel
def _pool(stage, weights, scratch, source, target):
    """The largest number or the mean of each window, channel by channel."""
    C, o = stage["C"], target
    for row in range(stage["OH"]):
        for column in range(stage["OW"]):
            a = source + row * stage["down"] + column * stage["right"]
            if stage["kind"] == MEAN_POOL:
                _mean(stage, scratch, a, o, weights[stage["shares"] + row * stage["OW"] + column])
            elif stage["KH"] == _TWO and stage["KW"] == _TWO:
                _largest_of_four(stage, weights, scratch, a, o)
            else:
                _largest(stage, weights, scratch, a, o)
            o += C


@kernel
def _mean(stage, scratch, a, o, share):
    """share is 1 / (pixels of the window that are not border)."""
    C = stage["C"]
    for j in range(C):
        scratch[o + j] = 0
    for kh in range(stage["KH"]):
        for kw in range(stage["KW"]):
            b = a + kh * stage["pitch"] + kw * C
            for j in range(C):
                scratch[o + j] += scratch[b + j]
    for j in range(C):
        scratch[o + j] *= share


@kernel
def _largest(stage, weights, scratch, a, o):
    """The bias and the limits come after the largest number: they change no order."""
    C, bias, low, high = stage["C"], stage["bias"], weights[stage["low"]], weights[stage["high"]]
    for j in range(C):
        scratch[o + j] = scratch[a + j]
    for kh in range(stage["KH"]):
        for kw in range(stage["KW"]):
            b = a + kh * stage["pitch"] + kw * C
            for j in range(C):
                scratch[o + j] = _larger(scratch[o + j], scratch[b + j])
    for j in range(C):
        scratch[o + j] = _limited(scratch[o + j] + weights[bias + j], low, high)


@kernel
def _largest_of_four(stage, weights, scratch, a, o):
    """The common window, 2x2, in one pass."""
    C, bias, low, high = stage["C"], stage["bias"], weights[stage["low"]], weights[stage["high"]]
    b, c = a + C, a + stage["pitch"]
    d = c + C
    for j in range(C):
        above = _larger(scratch[a + j], scratch[b + j])
        largest = _larger(above, _larger(scratch[c + j], scratch[d + j]))
        scratch[o + j] = _limited(largest + weights[bias + j], low, high)


@kernel
def _limited(value, low, high):
    """The value held between two limits; a NaN is neither below nor above."""
    value = low if value <= low else value
    return high if value >= high else value


@kernel
def _larger(a, b):
    """The larger of two numbers, or NaN if one is."""
    return b if a < b or b != b else a


@kernel
def _bend(stage, scratch, source, target):
    """Sigmoid, tanh, or softmax over the channels of each pixel."""
    kind, C, one = stage["kind"], stage["C"], scratch.dtype.type(1)
    for pixel in range(stage["target_size"] // C):
        a, o = source + pixel * C, target + pixel * C
        top, total = scratch[a], one - one
        for j in range(C):
            top = _larger(top, scratch[a + j])
        for j in range(C):
            value = scratch[a + j]
            if kind == TANH:
                scratch[o + j] = np.tanh(value)
            elif kind == SIGMOID:
                decay = np.exp(-abs(value))  # cannot overflow
                scratch[o + j] = (one if value >= 0 else decay) / (one + decay)
            else:
                scratch[o + j] = np.exp(value - top)
                total += scratch[o + j]
        if kind == SOFTMAX:
            for j in range(C):
                scratch[o + j] /= total

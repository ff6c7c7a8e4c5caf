"""A network without gradients as a program: a table of stages, and the compiled function that runs it.

Between two layers of a network lies memory. Run layer by layer, a batch of activations goes out to it and
comes back at every layer. Here a few images pass through all layers before the next few begin, so that
their activations never leave the cache of the core that works on them. Cores take different images.

What a layer does is decided once, in `translation.py`, and written down as numbers: a stage is one row of
the table below and the network one array of such rows, beside one flat array with all weights. That makes
a whole network a single call, whatever its layers are. The stages that multiply with a weight are in
`program_products.py`, the others here.

All activations lie in one flat scratch array, and a stage names places in it by their offset. Every
number of a stage is unsigned: Numba then knows that no index is negative and that none has to be counted
from the end, without which the loops below do not vectorise (and run at half the speed or less).
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ..kernels.compiling import kernel, parallel_kernel
from .program_products import convolve, convolve_depthwise, limited, multiply

# The kinds of stages. PLACE adds a bias per channel, holds each number between two limits, which is what
# ReLU and ReLU6 do, and leaves a border around the image where the next stage wants one. MAX_POOL and
# DEPTHWISE, which is always 3x3, do the former too; CONV and PRODUCT end in a matrix product and leave bias
# and limits to the stage after them.
PLACE, SCALE, CONV, DEPTHWISE, PRODUCT, MAX_POOL, MEAN_POOL = np.arange(7, dtype=np.uint64)

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
                multiply(stage, weights, scratch, images * stage["OH"])
                continue
            for n in range(images):
                source = stage["source"] + n * stage["source_size"]
                target = stage["target"] + n * stage["target_size"]
                if stage["kind"] == PLACE:
                    _place(stage, weights, scratch, source, target)
                elif stage["kind"] == SCALE:
                    _scale(stage, weights, scratch, source, target)
                elif stage["kind"] == CONV:
                    convolve(stage, weights, scratch, source, target)
                elif stage["kind"] == DEPTHWISE:
                    convolve_depthwise(stage, weights, scratch, source, target)
                elif stage["kind"] == MEAN_POOL:
                    _mean(stage, weights, scratch, source, target)
                elif stage["KH"] == _TWO and stage["KW"] == _TWO:
                    _largest_of_four(stage, weights, scratch, source, target)
                else:
                    _largest(stage, weights, scratch, source, target)
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
                scratch[o + j] = limited(scratch[a + j] + weights[bias + j], low, high)
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
def _mean(stage, weights, scratch, source, target):
    """The mean of each window; shares are 1 / (its pixels that are not border)."""
    C, o, share = stage["C"], target, stage["shares"]
    for row in range(stage["OH"]):
        for column in range(stage["OW"]):
            a = source + row * stage["down"] + column * stage["right"]
            for j in range(C):
                scratch[o + j] = 0
            for kh in range(stage["KH"]):
                for kw in range(stage["KW"]):
                    b = a + kh * stage["pitch"] + kw * C
                    for j in range(C):
                        scratch[o + j] += scratch[b + j]
            for j in range(C):
                scratch[o + j] *= weights[share]
            o += C
            share += _ONE


@kernel
def _largest(stage, weights, scratch, source, target):
    """The largest number of each window; bias and limits come after it, as they change no order."""
    C, o, bias = stage["C"], target, stage["bias"]
    low, high = weights[stage["low"]], weights[stage["high"]]
    for row in range(stage["OH"]):
        for column in range(stage["OW"]):
            a = source + row * stage["down"] + column * stage["right"]
            for j in range(C):
                scratch[o + j] = scratch[a + j]
            for kh in range(stage["KH"]):
                for kw in range(stage["KW"]):
                    b = a + kh * stage["pitch"] + kw * C
                    for j in range(C):
                        scratch[o + j] = _larger(scratch[o + j], scratch[b + j])
            for j in range(C):
                scratch[o + j] = limited(scratch[o + j] + weights[bias + j], low, high)
            o += C


@kernel
def _largest_of_four(stage, weights, scratch, source, target):
    """The same for the common window, 2x2, in one pass."""
    C, o, bias = stage["C"], target, stage["bias"]
    low, high = weights[stage["low"]], weights[stage["high"]]
    for row in range(stage["OH"]):
        for column in range(stage["OW"]):
            a = source + row * stage["down"] + column * stage["right"]
            b, c = a + C, a + stage["pitch"]
            d = c + C
            for j in range(C):
                above = _larger(scratch[a + j], scratch[b + j])
                largest = _larger(above, _larger(scratch[c + j], scratch[d + j]))
                scratch[o + j] = limited(largest + weights[bias + j], low, high)
            o += C


@kernel
def _larger(a, b):
    """The larger of two numbers, or NaN if one is."""
    return b if a < b or b != b else a

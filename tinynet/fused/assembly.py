"""Putting a program together: stages in a row, the weights they read, and places for what they write.

A bias and the limits of a ReLU do not become a stage of their own if it can be avoided. They wait
(`Finish`) for a stage that has to touch every number anyway: the one that puts the border around the image
for the next convolution, or max pooling, which they do not disturb and which leaves them fewer numbers.

Every stage reads the output of the one before and nothing else, so two places in the scratch array, used
in turn, are enough.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..kernels.geometry import Pads, Pair, output_size, resolve_padding, tap_ranges
from ..kernels.memory import aligned
from ..nn.module import Shape
from . import program as p

_LINE = 16  # arrays begin at multiples of this many numbers: a line of the cache in float32
_TILE = 512  # numbers in a repeated bias or weight, about: a loop this long is at full speed
_PRODUCTS = 1_000_000  # up to so many products in one call OpenBLAS multiplies without repacking
_ROWS = 512  # rows multiplied at a time where that would leave too few
_SMALL_BLOCK = 4  # images that pass through a program together if they stay in the cache,
_SMALL_NUMBERS = 128 * 1024  # that is, if they have no more numbers in the scratch array: half a megabyte
_LARGE_BLOCK = 8  # images otherwise: at least each weight is read for many of them,
_LARGE_NUMBERS = 4 * 1024 * 1024  # up to so many numbers


class Program(NamedTuple):
    """A network for images of one size and one dtype, as `program.run` takes it."""

    stages: np.ndarray
    weights: np.ndarray
    scratch: int  # numbers of scratch memory per lane
    block: int  # images that pass through together, at most
    shape: Shape  # of one result
    multiply_adds: int  # for one image


class Finish(NamedTuple):
    """What is still to be done to the output of a stage: add a bias per channel, keep within limits."""

    bias: np.ndarray  # (C,)
    low: float = -math.inf
    high: float = math.inf

    def limited(self, low: float, high: float) -> Finish:
        """With narrower limits."""
        return self._replace(low=max(self.low, low), high=min(self.high, high))

    @property
    def is_limited(self) -> bool:
        return (self.low, self.high) != (-math.inf, math.inf)


class Assembly:
    """A program under construction. `shape` is that of the image so far, `finish` what it still lacks."""

    def __init__(self, shape: Shape, dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self.finish: Finish | None = None
        self._sizes = [math.prod(shape)]  # numbers of an image: at the beginning, then after each stage
        self._stages: list[dict[str, int]] = []
        self._arrays: list[tuple[int, np.ndarray]] = []
        self._used = 0
        self._windows = 0

    # The stages

    def convolution(self, weight: np.ndarray, finish: Finish, stride: Pair, padding: Any) -> None:
        KH, KW, C, O = weight.shape
        window = self._window((KH, KW), stride, padding, border=0.0)
        OH, OW, K = window["OH"], window["OW"], KH * KW * C
        band = min(OH, max(1, _PRODUCTS // (K * O * OW)))
        self._windows = max(self._windows, band * OW * K)
        self._add(p.CONV, (OH, OW, O), **window, O=O, K=K, band=band, weight=self._put(weight))
        self.finish = finish

    def depthwise(self, weight: np.ndarray, finish: Finish, stride: Pair, padding: Any) -> None:
        KH, KW, C = weight.shape
        window = self._window((KH, KW), stride, padding, border=0.0)
        OH, OW = window["OH"], window["OW"]
        runs = 1 if stride[1] == 1 else OW  # with another stride, the pixels are apart in the source
        times = max(1, min(OW // runs, _TILE // C))
        tiled = np.tile(weight.reshape(KH * KW, C), times)
        fields = {"runs": runs, "length": OW // runs * C, "weight": self._put(tiled)}
        self._add(p.DEPTHWISE, (OH, OW, C), **window, **fields, **self._finishing(finish, times))

    def product(self, weight: np.ndarray, finish: Finish) -> None:
        self.settle()
        K, O = weight.shape
        rows, band = math.prod(self.shape) // K, _PRODUCTS // (K * O)
        band = band if band >= _SMALL_BLOCK else _ROWS
        shape = (*self.shape[:-1], O)
        self._add(p.PRODUCT, shape, OH=rows, K=K, O=O, band=band, weight=self._put(weight))
        self.finish = finish

    def max_pool(self, size: Pair, stride: Pair, padding: Any) -> None:
        window = self._window(size, stride, padding, border=-math.inf)
        fields = self._finishing(Finish(np.zeros(window["C"])), 1)
        self._add(p.MAX_POOL, (window["OH"], window["OW"], window["C"]), **window, **fields)

    def mean_pool(self, size: Pair, stride: Pair, padding: Any) -> None:
        H, W, C = self.shape
        (top, _), (left, _) = resolve_padding(padding, (H, W), size, stride)
        window = self._window(size, stride, padding, border=0.0)
        OH, OW = window["OH"], window["OW"]
        taps = np.outer(_taps(H, size[0], stride[0], top, OH), _taps(W, size[1], stride[1], left, OW))
        self._add(p.MEAN_POOL, (OH, OW, C), **window, shares=self._put(1.0 / taps))

    def scale(self, scale: np.ndarray, shift: np.ndarray) -> None:
        self.settle()
        times = -(-_TILE // len(scale))
        weight, bias = self._put(np.tile(scale, times)), self._put(np.tile(shift, times))
        self._add(p.SCALE, self.shape, weight=weight, bias=bias, tile=times * len(scale))

    def limit(self, low: float, high: float) -> None:
        finish = self.finish or Finish(np.zeros(self.shape[-1]))
        self.finish = finish.limited(low, high)

    def settle(self) -> None:
        """Do what is still to be done."""
        finish, size = self.finish, self._sizes[-1]
        self.finish = None
        if finish is None or not (finish.is_limited or finish.bias.any()):
            return
        if self._stages and self._stages[-1]["kind"] == p.MAX_POOL:
            self._stages[-1] |= self._finishing(finish, 1)
        else:
            self._place(finish, size, rows=1, length=size, pitch=size, gap=0, border=0.0)

    def _window(self, size: Pair, stride: Pair, padding: Any, border: float) -> dict[str, int]:
        """How windows lie in the image, and in its border, which is put around it where there is one."""
        H, W, C = self.shape
        pads: Pads = resolve_padding(padding, (H, W), size, stride)
        (top, bottom), (left, right) = pads
        pitch = (left + W + right) * C
        if top or bottom or left or right:
            finish = self.finish or Finish(np.zeros(C))
            rows = {"rows": H, "length": W * C, "pitch": pitch, "gap": top * pitch + left * C}
            self._place(finish, (top + H + bottom) * pitch, border=border, **rows)
            self.finish = None
        elif border == 0.0:  # for the largest number, what is still to be done makes no difference
            self.settle()
        OH, OW = output_size((H, W), size, stride, pads)
        window = {"KH": size[0], "KW": size[1], "OH": OH, "OW": OW, "C": C}
        return {**window, "pitch": pitch, "down": stride[0] * pitch, "right": stride[1] * C}

    def _place(self, finish: Finish, size: int, border: float, **fields: int) -> None:
        self._sizes.append(size)
        fields |= self._finishing(finish, -(-_TILE // len(finish.bias)))
        self._stages.append({"kind": int(p.PLACE), "border": self._put(border), **fields})

    def _finishing(self, finish: Finish, times: int) -> dict[str, int]:
        bias = self._put(np.tile(finish.bias, times))
        tile = times * len(finish.bias)
        return {"bias": bias, "tile": tile, "low": self._put(finish.low), "high": self._put(finish.high)}

    def _add(self, kind: np.uint64, shape: Shape, **fields: int) -> None:
        self.shape = shape
        self._sizes.append(math.prod(shape))
        self._stages.append({"kind": int(kind), **fields})

    def _put(self, values: Any) -> int:
        """Keep an array for the program; its offset."""
        array = np.asarray(values, dtype=self.dtype).reshape(-1)
        offset = self._used
        self._arrays.append((offset, array))
        self._used += _whole_lines(array.size)
        return offset

    # The result

    def program(self, multiply_adds: int) -> Program | None:
        """None for a network in which there is nothing to do."""
        self.settle()
        if not self._stages:
            return None
        even, odd = (_whole_lines(max(self._sizes[turn::2])) for turn in (0, 1))
        block = _block(even + odd)
        places, windows = (0, block * even), block * (even + odd)
        stages = np.zeros(len(self._stages), p.STAGE)
        for i, fields in enumerate(self._stages):
            sizes = {"source_size": self._sizes[i], "target_size": self._sizes[i + 1]}
            offsets = {"source": places[i % 2], "target": places[(i + 1) % 2], "windows": windows}
            for name, value in {**fields, **sizes, **offsets}.items():
                stages[i][name] = value
        weights = aligned((self._used,), self.dtype)
        for offset, array in self._arrays:
            weights[offset : offset + array.size] = array
        scratch = _whole_lines(windows + self._windows)
        return Program(stages, weights, scratch, block, self.shape, multiply_adds)


def _taps(size: int, kernel: int, stride: int, before: int, outputs: int) -> np.ndarray:
    """Along one axis, how many taps of each window lie inside the image, (outputs,)."""
    first, last = tap_ranges(size, kernel, stride, before, outputs).T[..., np.newaxis]  # each (kernel, 1)
    positions = np.arange(outputs)
    return ((first <= positions) & (positions < last)).sum(axis=0)


def _block(numbers: int) -> int:
    """How many images pass through together, if one has so many numbers in the scratch array."""
    if _SMALL_BLOCK * numbers <= _SMALL_NUMBERS:
        return _SMALL_BLOCK
    return max(1, min(_LARGE_BLOCK, _LARGE_NUMBERS // numbers))


def _whole_lines(numbers: int) -> int:
    return -(-numbers // _LINE) * _LINE

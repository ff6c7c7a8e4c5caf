"""Exercises of lesson 14, beside PyTorch and Keras. Check them with `tinynet check 14`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def units(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays in units of float32's rounding.

    A unit is 2^-23 of the largest expected number, whatever its sign. `actual` may be float32 and `expected`
    float64. Arrays that are equal are 0 units apart, also where all expected numbers are 0.
    """
    raise NotImplementedError


def dense_from_torch(weight: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """The weight (inputs, outputs) that gives with our rows what PyTorch's gives with its own.

    weight: (outputs, inputs), of a Linear behind a Flatten of images (N, channels, height, width). Our
    Flatten takes images (N, height, width, channels). inputs = height · width · channels.
    """
    raise NotImplementedError


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, behind): how many zeros "same" adds on both sides of `size` pixels, in Keras.

    The output has size / stride pixels, rounded up, and no more zeros are added than that takes.
    """
    raise NotImplementedError


def first_parted(ours: list[np.ndarray], theirs: list[np.ndarray], roundings: list[int]) -> int | None:
    """The place of the first layer whose outputs are further apart than rounding explains; None without one.

    ours, theirs: what each layer gave, float32, each from the same numbers. roundings: how many there are on
    the way to a number of that layer on either side. Allowed are sqrt(2 · roundings) units of our largest
    number. What is not finite on one side alone is never explained.
    """
    raise NotImplementedError

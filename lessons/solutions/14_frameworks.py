"""Solutions of lesson 14, beside PyTorch and Keras."""

from __future__ import annotations

import math

import numpy as np


def units(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays in units of float32's rounding."""
    expected = np.asarray(expected, np.float64)
    difference = np.abs(np.asarray(actual, np.float64) - expected).max()
    if difference == 0:
        return 0.0
    return float(difference / (2.0**-23 * np.abs(expected).max()))


def dense_from_torch(weight: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """The weight (inputs, outputs) that gives with our rows what PyTorch's gives with its own."""
    outputs = len(weight)
    images = weight.reshape(outputs, channels, height, width)  # each row of weights is an image
    return images.transpose(2, 3, 1, 0).reshape(-1, outputs)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, behind): how many zeros "same" adds on both sides of `size` pixels, in Keras."""
    outputs = math.ceil(size / stride)
    read = (outputs - 1) * stride + kernel  # from the first pixel of the first window to the last of the last
    zeros = max(read - size, 0)  # with a stride beyond the kernel, less is read than there is
    return zeros // 2, zeros - zeros // 2


def first_parted(ours: list[np.ndarray], theirs: list[np.ndarray], roundings: list[int]) -> int | None:
    """The place of the first layer whose outputs are further apart than rounding explains; else None."""
    for place, (mine, other, count) in enumerate(zip(ours, theirs, roundings, strict=True)):
        if not units(other, mine) <= math.sqrt(2 * count):  # "not ... <=" is true of NaN, "... >" is not
            return place
    return None

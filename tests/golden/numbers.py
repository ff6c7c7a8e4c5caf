"""Inputs that are the same numbers everywhere, and the distance of two arrays in units of rounding."""

from __future__ import annotations

import math
import zlib

import numpy as np


def numbers(name: str, *shape: int) -> np.ndarray:
    """Numbers from -2 to 2 that depend on their name alone, float32.

    Made by integer arithmetic (splitmix64: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
    generators", figure 16), so no version of a library can change them: a golden file need not hold them.
    All are multiples of 2^-22, the same number in float32 and float64.
    """
    size = math.prod(shape)
    state = np.arange(1, size + 1, dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()) << 24)
    state *= np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    whole = (state >> np.uint64(40)).astype(np.int64) - 2**23  # 24 bits
    return (whole * 2.0**-22).astype(np.float32).reshape(shape)


def units(actual: np.ndarray, expected: np.ndarray, dtype: type) -> float:
    """The largest difference, in units of `dtype`'s rounding of the largest expected number.

    One unit is eps · max|expected|, where eps is 2^-23 in float32: two neighbouring numbers of that size are
    half a unit to one unit apart.
    """
    difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0)
    scale = np.abs(expected).max(initial=0.0)
    if difference == 0:
        return 0.0
    return float(difference / (np.finfo(dtype).eps * scale)) if scale else math.inf

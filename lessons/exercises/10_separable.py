"""Exercises of lesson 10, depthwise separable convolution. Check them with `tinynet check 10`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def multiply_adds(kernel: int, inputs: int, outputs: int, size: int, stride: int) -> tuple[int, int, int]:
    """(standard, depthwise, pointwise): multiply-adds for one image of size times size pixels.

    kernel: side of the kernel.  inputs, outputs: channels.  Padding is "same": the output has size / stride
    pixels on a side, rounded up. The pointwise convolution comes after the depthwise one, which has the
    stride.
    """
    raise NotImplementedError


def depthwise(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The depthwise convolution of one image with stride 1 and no padding.

    x: (H, W, C).  weight: (KH, KW, C).  The result: (H - KH + 1, W - KW + 1, C). As in all frameworks the
    filter is not turned round: its first number meets the first pixel of the window.
    """
    raise NotImplementedError


def as_standard(depthwise: np.ndarray, pointwise: np.ndarray) -> np.ndarray:
    """The weights (KH, KW, C, O) of the standard convolution that computes the same as the pair.

    depthwise: (KH, KW, C), comes first.  pointwise: (C, O).
    """
    raise NotImplementedError


def nearest_pair(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(depthwise, pointwise), (KH, KW, C) and (C, O), the pair that comes nearest to a standard convolution.

    weight: (KH, KW, C, O). Nearest: the sum of the squared differences between weight and
    as_standard(depthwise, pointwise) is as small as can be. `np.linalg.svd` helps.
    """
    raise NotImplementedError

"""Solutions of lesson 10, depthwise separable convolution."""

from __future__ import annotations

import numpy as np


def multiply_adds(kernel: int, inputs: int, outputs: int, size: int, stride: int) -> tuple[int, int, int]:
    """(standard, depthwise, pointwise): multiply-adds for one image of size times size pixels."""
    pixels = (-(-size // stride)) ** 2  # of the output: that is where the work is done
    return kernel**2 * inputs * outputs * pixels, kernel**2 * inputs * pixels, inputs * outputs * pixels


def depthwise(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The depthwise convolution of one image with stride 1 and no padding."""
    (height, width, _), (rows, columns, _) = x.shape, weight.shape
    y = np.zeros((height - rows + 1, width - columns + 1, x.shape[2]))
    for u, v in np.ndindex(rows, columns):  # one tap for the whole image at a time; channels keep apart
        y += x[u : u + y.shape[0], v : v + y.shape[1]] * weight[u, v]
    return y


def as_standard(depthwise: np.ndarray, pointwise: np.ndarray) -> np.ndarray:
    """The weights (KH, KW, C, O) of the standard convolution that computes the same as the pair."""
    return depthwise[:, :, :, np.newaxis] * pointwise  # (KH, KW, C, 1) times (C, O)


def nearest_pair(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(depthwise, pointwise), the pair that comes nearest to a standard convolution."""
    rows, columns, channels, outputs = weight.shape
    depthwise, pointwise = np.zeros((rows, columns, channels)), np.zeros((channels, outputs))
    for c in range(channels):
        # A column and a row whose products come nearest to a matrix: its first singular vectors.
        left, sizes, right = np.linalg.svd(weight[:, :, c].reshape(-1, outputs), full_matrices=False)
        depthwise[:, :, c] = sizes[0] * left[:, 0].reshape(rows, columns)
        pointwise[c] = right[0]
    return depthwise, pointwise

"""Exercises of lesson 06, convolution by hand. Check them with `tinynet check 06`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def convolve(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """One filter on one image, without padding: (H, W) and (KH, KW) -> (OH, OW).

    The filter moves `stride` pixels at a time, down and to the right, as long as it fits into the image.
    """
    raise NotImplementedError


def gradients(x: np.ndarray, w: np.ndarray, g: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(by the image, by the filter): the gradients of `convolve(x, w, stride)` if g arrives at its result.

    They have the shapes of x and of w; g has the shape of the result.
    """
    raise NotImplementedError


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, after): the padding of Keras's "same" along one axis.

    As little as makes ceil(size / stride) outputs of `size` pixels, a filter of `kernel` pixels and `stride`;
    an odd pixel comes after.
    """
    raise NotImplementedError


def learn_filter(x: np.ndarray, y: np.ndarray, size: int, steps: int, lr: float) -> np.ndarray:
    """The filter (size, size) that gradient descent finds, if y is to be `convolve(x, filter, 1)`.

    It starts as zeros; each step takes off lr times the gradient of the mean squared difference to y.
    """
    raise NotImplementedError

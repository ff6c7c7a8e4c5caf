"""Exercises of lesson 07, from seven loops to a matrix product. Check them with `tinynet check 07`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need. Images are (N, H, W, C),
weights (KH, KW, C, O); a filter moves `stride` pixels at a time as long as it fits; there is no padding.
"""

from __future__ import annotations

import numpy as np


def windows(x: np.ndarray, KH: int, KW: int, stride: int) -> np.ndarray:
    """Each window as a row: (N, H, W, C) -> (N OH OW, KH KW C).

    The rows follow the images, then the places from left to right and from top to bottom; within a row come
    the pixels of the window in the same order, each with all of its channels.
    """
    raise NotImplementedError


def add_back(rows: np.ndarray, shape: tuple[int, int, int, int], KH: int, KW: int, stride: int) -> np.ndarray:
    """The reverse of `windows`: each number added to the pixel it is a copy of, an array of `shape`.

    rows: (N OH OW, KH KW C).  shape: (N, H, W, C) of the images that `windows` would have made them from.
    """
    raise NotImplementedError


def gradients(x: np.ndarray, weight: np.ndarray, g: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(by the images, by the weights), in their shapes, if g (N, OH, OW, O) arrives at the convolution.

    With `windows`, `add_back` and two matrix products.
    """
    raise NotImplementedError


def cost(
    shape: tuple[int, int, int, int], kernel: tuple[int, int], filters: int, stride: int
) -> tuple[int, int]:
    """(multiply-adds, bytes): of a convolution, and of all its windows as rows in float32.

    shape: (N, H, W, C) of the images.  kernel: (KH, KW).  filters: O, how many there are.
    """
    raise NotImplementedError

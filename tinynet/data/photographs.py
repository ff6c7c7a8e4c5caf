"""Photographs: images that stay in their files until they are asked for.

A data set too large for memory holds one of these in the place of an array. It has what `Dataset`,
`Batches` and evaluation use of an array: shape, dtype, `take` and indexing, which give arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Read = Callable[[np.ndarray], np.ndarray]


class Photographs:
    """N images (H, W, C) of uint8, read by `read(numbers) -> (n, H, W, C)` whenever some are taken.

    numbers: which of the images that `read` knows these are, in which order.
    slow: whether reading takes as long as decoding does, so that it is worth doing ahead.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, read: Read, numbers: np.ndarray, image_shape: tuple[int, int, int], slow: bool):
        self.slow = slow
        self._read = read
        self._numbers = numbers
        self._image_shape = image_shape

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return (len(self._numbers), *self._image_shape)

    def __len__(self) -> int:
        return len(self._numbers)

    def take(self, indices: np.ndarray, axis: int = 0) -> np.ndarray:
        """The images at `indices`, (n, H, W, C), like NumPy's `take` along the first axis."""
        if axis != 0:
            raise ValueError(f"axis expects 0, the images, got {axis!r}.")
        return self._read(self._numbers[indices])

    def __getitem__(self, index: int | slice | np.ndarray) -> np.ndarray:
        chosen = self._numbers[index]
        return self._read(np.atleast_1d(chosen))[0] if np.ndim(chosen) == 0 else self._read(chosen)

    def select(self, indices: np.ndarray | slice) -> Photographs:
        """The images at `indices`, which stay in their files."""
        return Photographs(self._read, self._numbers[indices], self._image_shape, self.slow)

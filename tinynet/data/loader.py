"""Batches: the loop over a data set, a file of its own because speed and shuffling meet here.

Samples are shuffled, not batches: every epoch mixes the images anew, and one seed repeats the whole
sequence. A batch is gathered by one `take` and scaled into a fresh float32 array, so the data set
is never copied or converted as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import random
from ..arguments import positive_int
from ..watching import watched


class Batches:
    """Batches of (images, labels): (B, H, W, C) float32 in 0..1, C-contiguous, and (B,) int64.

    It can be iterated again and again, once per epoch. With `shuffle`, each iteration draws a new
    order from `random.stream("shuffle")` when it begins. The last batch holds what is left over and
    may be smaller. `len()` is the number of batches.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch_size: int, shuffle: bool = False):
        self.batch_size = positive_int("batch_size", batch_size)
        self.images = images
        self.labels = labels
        self.shuffle = shuffle

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)  # rounded up

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        count = len(self.labels)
        order = random.stream("shuffle").permutation(count) if self.shuffle else np.arange(count)
        for start in range(0, count, self.batch_size):
            yield watched(self, "load", self._gather, order[start : start + self.batch_size])

    def _gather(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return unit_range(self.images.take(chosen, axis=0)), self.labels.take(chosen)


def unit_range(images: np.ndarray) -> np.ndarray:
    """uint8 in 0..255 as float32 in 0..1; float32 as it is. Pixels are scaled nowhere else."""
    if images.dtype == np.uint8:
        return np.divide(images, np.float32(255), dtype=np.float32)
    return images

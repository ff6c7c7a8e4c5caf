"""Batches: the loop over a data set, a file of its own because speed, shuffling and augmentation meet here.

Samples are shuffled, not batches: every epoch mixes the images anew, and one seed repeats the whole
sequence. A batch is gathered by one `take` and scaled into a fresh float32 array, so the data set
is never copied or converted as a whole.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial

import numpy as np

from .. import random
from ..arguments import positive_int, whole_number
from ..errors import InputError
from ..watching import watched
from .ahead import ahead
from .augment import Augment, Augmentation

DEPTH = 2  # batches prepared ahead where images have to be decoded

Batch = tuple[np.ndarray, np.ndarray]


class Batches:
    """Batches of (images, labels): (B, H, W, C) float32 in 0..1, C-contiguous, and (B,) int64.

    It can be iterated again and again, once per epoch. With `shuffle`, each iteration draws a new
    order from `random.stream("shuffle")` when it begins. The last batch holds what is left over and
    may be smaller. `len()` is the number of batches.

    augment: changes the images of each batch, `augment(images, rng) -> images`. Each iteration draws one
        number from `random.stream("augment")`, and the generator of a batch is made of this number and
        its own: what happens to a batch depends on no other one.

    A batch is made when it is asked for: the kernels of a training step keep all cores at work, and a
    thread beside them takes from them what it gives. Only images that have to be decoded first are
    prepared ahead, by threads, so that the training waits for no disk.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        shuffle: bool = False,
        augment: Augment | None = None,
    ):
        if augment is not None and not callable(augment):
            raise InputError(
                f"augment expects a callable (images, rng) -> images, got {augment!r}: words become one "
                "with tinynet.data.augment.parse."
            )
        self.batch_size = positive_int("batch_size", batch_size)
        self.images = images
        self.labels = labels
        self.shuffle = shuffle
        self.augment = augment

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)  # rounded up

    def __iter__(self) -> Generator[Batch, None, None]:
        return self.starting_at(0)

    def starting_at(self, first: int) -> Generator[Batch, None, None]:
        """The batches of one epoch from number `first` on, counted from 0, as if the others had been used.

        They cost nothing. What is random is drawn now, not when the first batch is asked for.
        """
        numbers = range(whole_number("first", first, 0), len(self))
        count = len(self.labels)
        order = random.stream("shuffle").permutation(count) if self.shuffle else np.arange(count)
        key = 0 if self.augment is None else int(random.stream("augment").integers(2**62))
        make = partial(self._batch, order, key)
        if getattr(self.images, "slow", False):
            # What the training waits for is watched, not what the threads do meanwhile.
            return ahead(make, numbers, DEPTH, wait=partial(watched, self, "load"))
        return (watched(self, "load", make, number) for number in numbers)

    def settings(self) -> dict[str, int | str | None]:
        """What a record of a training says of its batches."""
        described = self.augment
        if described is not None and not isinstance(described, Augmentation):
            described = getattr(described, "__name__", described)
        return {
            "batch_size": self.batch_size,
            "augment": None if described is None else str(described),
        }

    def _batch(self, order: np.ndarray, key: int, number: int) -> Batch:
        chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
        images, labels = unit_range(self.images.take(chosen, axis=0)), self.labels.take(chosen)
        return images if self.augment is None else self._augmented(images, key, number), labels

    def _augmented(self, images: np.ndarray, key: int, number: int) -> np.ndarray:
        assert self.augment is not None
        shape = images.shape
        images = np.ascontiguousarray(self.augment(images, np.random.default_rng([key, number])))
        if images.shape != shape or images.dtype != np.float32:
            raise InputError(
                f"augment expects to return float32 images of the shape that came in, {shape}, got "
                f"{images.dtype} of shape {images.shape}."
            )
        return images


def unit_range(images: np.ndarray) -> np.ndarray:
    """uint8 in 0..255 as float32 in 0..1; float32 as it is. Pixels are scaled nowhere else."""
    if images.dtype == np.uint8:
        return np.divide(images, np.float32(255), dtype=np.float32)
    return images

"""What all augmentations share: how one is written as a word, and the checks of batches and numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from ...arguments import above_zero, share
from ...errors import DTypeError, InputError

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Augmentation:
    """Base of all augmentations: `str()` is the word, with its numbers, that `parse` reads."""

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The augmented images, float32 (N, H, W, C) in 0..1 like those that came in."""
        raise NotImplementedError

    def __str__(self) -> str:
        numbers = [(getattr(self, field.name), field.default) for field in fields(self)]  # type: ignore[arg-type]
        while numbers and numbers[-1][0] == numbers[-1][1]:
            numbers.pop()
        return ":".join([type(self).__name__.lower(), *(f"{number:.12g}" for number, _ in numbers)])


def checked_batch(images: np.ndarray) -> tuple[int, int, int, int]:
    """The shape of a batch; DTypeError or InputError unless it is one."""
    if images.dtype != np.float32:
        raise DTypeError(f"Augmentation expects float32 in 0..1, as batches are, got {images.dtype}.")
    if images.ndim != 4:
        raise InputError(f"Augmentation expects a batch (N, H, W, C), got shape {images.shape}.")
    N, H, W, C = images.shape
    return N, H, W, C


def up_to(name: str, value: float, most: float) -> None:
    """InputError unless 0 < value <= most."""
    if above_zero(name, value) > most:
        raise InputError(f"{name} expects a number above 0 and at most {most}, got {value!r}.")


def fraction(name: str, value: float) -> None:
    """InputError unless `value` is from 0 to 1."""
    if value != 0:
        share(name, value)

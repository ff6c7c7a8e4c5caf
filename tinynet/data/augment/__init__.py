"""Augmentation: what changes an image without changing its class, drawn anew for every batch.

Each augmentation is a small dataclass, callable as `augmentation(images, rng)`: a batch (N, H, W, C) of
float32 in 0..1 goes in and one of the same shape comes out, the same array or a new one. Each image draws
for itself, and only from the `np.random.Generator` that is passed, so a seed repeats everything. The
geometric ones draw matrices; `Compose` multiplies those that follow each other, and the images are
interpolated once. On the command line they are words: `flip,crop:2,erase:0.5`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from itertools import groupby

import numpy as np

from ...errors import InputError
from .base import Augment, Augmentation
from .geometric import Geometric, Rotate, Shear, Shift, Zoom, moved
from .pixels import Brightness, Contrast, Crop, Erase, Flip

__all__ = [
    "WORDS",
    "Augment",
    "Augmentation",
    "Brightness",
    "Compose",
    "Contrast",
    "Crop",
    "Erase",
    "Flip",
    "Geometric",
    "Rotate",
    "Shear",
    "Shift",
    "Zoom",
    "parse",
]


@dataclass(frozen=True)
class Compose(Augmentation):
    """Several augmentations, one after the other; neighbouring geometric ones in one interpolation."""

    augmentations: tuple[Augment, ...]

    def __init__(self, augmentations: Iterable[Augment]):
        steps = tuple(augmentations)
        for step in steps:
            if not callable(step):
                raise InputError(f"Compose expects callables (images, rng) -> images, got {step!r}.")
        object.__setattr__(self, "augmentations", steps)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for geometric, group in groupby(self.augmentations, lambda each: isinstance(each, Geometric)):
            if geometric:
                images = moved(images, rng, list(group))  # type: ignore[arg-type]
            else:
                for step in group:
                    images = step(images, rng)
        return images

    def __str__(self) -> str:
        return ",".join(map(str, self.augmentations))


WORDS: dict[str, type[Augmentation]] = {
    each.__name__.lower(): each
    for each in (Flip, Crop, Rotate, Zoom, Shear, Shift, Brightness, Contrast, Erase)
}


def parse(words: str) -> Compose:
    """The augmentations that `words` such as "flip,crop:2,erase:0.5" name, in that order.

    The numbers after a word are those of its class, in their order. Raises InputError for an unknown word
    and for numbers that are missing, too many or impossible.
    """
    if not isinstance(words, str):
        raise InputError(f'augment expects words such as "flip,crop:2", got {words!r}.')
    return Compose(map(_augmentation, words.split(",")))


def _augmentation(text: str) -> Augmentation:
    word, *numbers = text.strip().split(":")
    if word not in WORDS:
        raise InputError(
            f"augment expects words among {', '.join(WORDS)}, separated by commas, got {word!r}."
        )
    known = fields(WORDS[word])  # type: ignore[arg-type]
    needed = sum(field.default is MISSING for field in known)
    if not needed <= len(numbers) <= len(known):
        form = ":".join(field.name for field in known)
        raise InputError(
            f"augment's {word} expects {word}:{form}, of which the first "
            f"{needed or 'one'} at least, got {text.strip()!r}."
        )
    return WORDS[word](*map(_number, numbers))


def _number(text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    raise InputError(f"augment expects numbers after its words, as in crop:2, got {text!r}.")

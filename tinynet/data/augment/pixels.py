"""Augmentations that need no interpolation: mirror images, whole-pixel shifts, other values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...arguments import positive_int, share
from ...errors import InputError
from .base import Augmentation, checked_batch, fraction

_TRIES = 10  # rectangles drawn per image before one is left as it is


@dataclass(frozen=True)
class Flip(Augmentation):
    """Swaps left and right, of each image with this probability."""

    probability: float = 0.5

    def __post_init__(self):
        share("Flip's probability", self.probability)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        checked_batch(images)
        for n in np.flatnonzero(rng.random(len(images)) < self.probability).tolist():
            image = images[n].copy()
            for channel in range(images.shape[3]):  # NumPy copies long rows of single numbers fastest
                images[n, :, :, channel] = image[:, ::-1, channel]
        return images


@dataclass(frozen=True)
class Crop(Augmentation):
    """Pads all sides by `padding` pixels of the value `fill` and cuts the old size out at random.

    In other words, shifts by up to `padding` whole pixels in each direction.
    """

    padding: int
    fill: float = 0.0

    def __post_init__(self):
        positive_int("Crop's padding", self.padding)
        fraction("Crop's fill", self.fill)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        N, H, W, C = checked_batch(images)
        p = self.padding
        if p >= min(H, W):
            raise InputError(
                f"Crop's padding {p} could empty images of {H}x{W}: choose one below {min(H, W)}."
            )
        padded = np.full((H + 2 * p, W + 2 * p, C), self.fill, np.float32)
        inner = padded[p : p + H, p : p + W]
        for image, (top, left) in zip(images, rng.integers(0, 2 * p + 1, (N, 2)).tolist(), strict=True):
            inner[...] = image
            image[...] = padded[top : top + H, left : left + W]
        return images


@dataclass(frozen=True)
class Brightness(Augmentation):
    """Multiplies all pixels by a factor drawn from 1 - amount..1 + amount, as a longer exposure would.

    What becomes brighter than 1 is 1.
    """

    amount: float

    def __post_init__(self):
        share("Brightness's amount", self.amount)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        checked_batch(images)
        images *= _factors(self.amount, len(images), rng)
        return np.minimum(images, np.float32(1), out=images)


@dataclass(frozen=True)
class Contrast(Augmentation):
    """Multiplies the distance from the image's mean by a factor drawn from 1 - amount..1 + amount.

    y = m + f (x - m), cut to 0..1, with the mean m over pixels and channels.
    """

    amount: float

    def __post_init__(self):
        share("Contrast's amount", self.amount)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        checked_batch(images)
        mean = images.mean(axis=(1, 2, 3), keepdims=True)
        images -= mean
        images *= _factors(self.amount, len(images), rng)
        images += mean
        return np.clip(images, np.float32(0), np.float32(1), out=images)


@dataclass(frozen=True)
class Erase(Augmentation):
    """Puts noise, or `fill`, on a rectangle somewhere, in each image with this probability.

    The rectangle covers `smallest`..`largest` of the image, its height is `aspect`..1/aspect times its
    width, and it lies within the image. The noise is uniform in 0..1, for each number of its own.

    Zhong et al. 2017, "Random Erasing Data Augmentation" (arXiv 1708.04896), algorithm 1, with the
    paper's settings as defaults; aspects are drawn on a logarithmic scale, so that tall is as likely as wide.
    """

    probability: float
    smallest: float = 0.02
    largest: float = 0.4
    aspect: float = 0.3
    fill: float | None = None

    def __post_init__(self):
        for name in ("probability", "smallest", "largest", "aspect"):
            share(f"Erase's {name}", getattr(self, name))
        if self.smallest > self.largest:
            raise InputError(
                f"Erase's smallest {self.smallest} exceeds its largest {self.largest}: swap them."
            )
        if self.fill is not None:
            fraction("Erase's fill", self.fill)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        N, H, W, C = checked_batch(images)
        chosen = np.flatnonzero(rng.random(N) < self.probability)
        tries = (len(chosen), _TRIES)
        area = rng.uniform(self.smallest, self.largest, tries) * (H * W)
        aspect = np.exp(rng.uniform(math.log(self.aspect), -math.log(self.aspect), tries))
        heights = np.rint(np.sqrt(area * aspect)).astype(int)
        widths = np.rint(np.sqrt(area / aspect)).astype(int)
        fits = (heights < H) & (widths < W)
        first = (np.arange(len(chosen)), fits.argmax(axis=1))  # where none fits, it is empty
        heights, widths = (heights * fits)[first], (widths * fits)[first]
        tops, lefts = rng.integers(0, H - heights + 1), rng.integers(0, W - widths + 1)
        for n, top, left, h, w in np.stack([chosen, tops, lefts, heights, widths], axis=1).tolist():
            value = rng.random((h, w, C), np.float32) if self.fill is None else self.fill
            images[n, top : top + h, left : left + w] = value
        return images


def _factors(amount: float, count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(1 - amount, 1 + amount, (count, 1, 1, 1)).astype(np.float32)

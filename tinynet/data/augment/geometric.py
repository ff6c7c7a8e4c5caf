"""Augmentations that move pixels: each draws matrices, and one interpolation does what all of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ... import arguments
from ...arguments import below_one
from ...kernels.warp import warp
from .base import Augmentation, checked_batch, up_to


class Geometric(Augmentation):
    """An augmentation that moves pixels: it draws matrices, and bilinear interpolation does the rest.

    Beyond the border lies the mirror image of what is within; see `kernels/warp.py`.
    """

    def matrices(self, size: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, 3, 3) float64, for images of `size` (H, W): where the point (row, column, 1) comes from.

        Both are measured from the middle of the image, in pixels.
        """
        raise NotImplementedError

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return moved(images, rng, [self])


@dataclass(frozen=True)
class Rotate(Geometric):
    """Turns about the middle by an angle drawn from -degrees..degrees."""

    degrees: float

    def __post_init__(self):
        up_to("Rotate's degrees", self.degrees, 180)

    def matrices(self, size: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
        angle = np.radians(rng.uniform(-self.degrees, self.degrees, count))
        result = _identity(count)
        result[:, 0, 0] = result[:, 1, 1] = np.cos(angle)
        result[:, 0, 1] = np.sin(angle)
        result[:, 1, 0] = -result[:, 0, 1]
        return result


@dataclass(frozen=True)
class Zoom(Geometric):
    """Enlarges by a factor drawn from 1 - amount..1 + amount, the same in both directions."""

    amount: float

    def __post_init__(self):
        below_one("Zoom's amount", self.amount)

    def matrices(self, size: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
        result = _identity(count)
        result[:, 0, 0] = result[:, 1, 1] = 1 / rng.uniform(1 - self.amount, 1 + self.amount, count)
        return result


@dataclass(frozen=True)
class Shear(Geometric):
    """Slants upright lines by an angle drawn from -degrees..degrees; level lines stay level."""

    degrees: float

    def __post_init__(self):
        up_to("Shear's degrees", self.degrees, 60)

    def matrices(self, size: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
        result = _identity(count)
        result[:, 1, 0] = np.tan(np.radians(rng.uniform(-self.degrees, self.degrees, count)))
        return result


@dataclass(frozen=True)
class Shift(Geometric):
    """Moves by up to `share` of the height and of the width, in parts of pixels too."""

    share: float

    def __post_init__(self):
        arguments.share("Shift's share", self.share)

    def matrices(self, size: tuple[int, int], count: int, rng: np.random.Generator) -> np.ndarray:
        result = _identity(count)
        result[:, :2, 2] = rng.uniform(-self.share, self.share, (count, 2)) * size
        return result


def moved(images: np.ndarray, rng: np.random.Generator, steps: Sequence[Geometric]) -> np.ndarray:
    """The images after all the steps. The last one says first where a pixel comes from."""
    N, H, W, _ = checked_batch(images)
    result = _identity(N)
    for step in steps:
        result = result @ step.matrices((H, W), N, rng)
    middle = np.array([(H - 1) / 2, (W - 1) / 2])
    result[:, :2, 2] += middle - result[:, :2, :2] @ middle
    return warp(images, result[:, :2])


def _identity(count: int) -> np.ndarray:
    return np.tile(np.eye(3), (count, 1, 1))

"""Exercises of lesson 14, beside PyTorch and Keras. Check them with `tinynet check 14`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def units(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays in units of float32's rounding.

    A unit is 2^-23 of the largest expected number, whatever its sign. `actual` may be float32 and `expected`
    float64. Arrays that are equal are 0 units apart, also where all expected numbers are 0.
    """
    raise NotImplementedError


def dense_from_torch(weight: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """The weight (inputs, outputs) that gives with our rows what PyTorch's gives with its own.

    weight: (outputs, inputs), of a Linear behind a Flatten of images (N, channels, height, width). Our
    Flatten takes images (N, height, width, channels). inputs = height · width · channels.
    """
    raise NotImplementedError


def adam_of_keras(
    start: np.ndarray, gradients: np.ndarray, lr: float, betas: tuple[float, float], eps: float
) -> np.ndarray:
    """The weights after each step (steps, n), as Keras's Adam moves them; start: (n,), gradients: (steps, n).

    Running means m of the gradient and s of its square start at 0 and keep the share betas of themselves. In
    step t = 1, 2, ... both are corrected, by 1 - beta^t, but only after eps was added to the root of s:
    w = w - lr sqrt(1 - beta2^t) / (1 - beta1^t) · m / (sqrt(s) + eps).
    """
    raise NotImplementedError


def first_parted(ours: list[np.ndarray], theirs: list[np.ndarray], roundings: list[int]) -> int | None:
    """The place of the first layer whose outputs are further apart than rounding explains; None without one.

    ours, theirs: what each layer gave, float32, each from the same numbers. roundings: how many there are on
    the way to a number of that layer on either side. Allowed are sqrt(2 · roundings) units of our largest
    number. What is not finite on one side alone is never explained.
    """
    raise NotImplementedError

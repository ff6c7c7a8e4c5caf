"""Solutions of lesson 14, beside PyTorch and Keras."""

from __future__ import annotations

import math

import numpy as np


def units(actual: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays in units of float32's rounding."""
    expected = np.asarray(expected, np.float64)
    difference = np.abs(np.asarray(actual, np.float64) - expected).max()
    if difference == 0:
        return 0.0
    return float(difference / (2.0**-23 * np.abs(expected).max()))


def dense_from_torch(weight: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """The weight (inputs, outputs) that gives with our rows what PyTorch's gives with its own."""
    outputs = len(weight)
    images = weight.reshape(outputs, channels, height, width)  # each row of weights is an image
    return images.transpose(2, 3, 1, 0).reshape(-1, outputs)


def adam_of_keras(
    start: np.ndarray, gradients: np.ndarray, lr: float, betas: tuple[float, float], eps: float
) -> np.ndarray:
    """The weights after each step (steps, n), as Keras's Adam moves them."""
    weight, m, s = start, np.zeros(len(start)), np.zeros(len(start))
    path = []
    for t, gradient in enumerate(gradients, start=1):
        m = betas[0] * m + (1 - betas[0]) * gradient
        s = betas[1] * s + (1 - betas[1]) * gradient**2
        rate = lr * np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
        weight = weight - rate * m / (np.sqrt(s) + eps)  # a new array: those in the path stay
        path.append(weight)
    return np.array(path)


def first_parted(ours: list[np.ndarray], theirs: list[np.ndarray], roundings: list[int]) -> int | None:
    """The place of the first layer whose outputs are further apart than rounding explains; else None."""
    for place, (mine, other, count) in enumerate(zip(ours, theirs, roundings, strict=True)):
        if not units(other, mine) <= math.sqrt(2 * count):  # "not ... <=" is true of NaN, "... >" is not
            return place
    return None

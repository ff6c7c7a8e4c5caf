"""Checks of lesson 14: sums one unit apart, weights that name their inputs, steps of Keras's Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "14_frameworks.py")


def units_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The sums of the lesson; a small number beside a large one; a loss of digits; zeros."""
    yield Case("units(2^24, 2^24 + 2)", answer(np.float32([2**24]), np.array([2.0**24 + 2])), 1.0, 1e-6)
    three = answer(np.float32([1, 2, -4]), np.array([1 + 2.0**-21, 2.0, -4.0]))
    yield Case("units([1, 2, -4], [1 + 2^-21, 2, -4])", three, 1.0)
    small = answer(np.array([1.0, 1e-9], np.float32), np.array([1.0, 0.0]))
    yield Case("units([1, 1e-9], [1, 0])", small, 1e-9 * 2**23)
    fine = answer(np.ones(1, np.float32), np.array([1 + 2.0**-26]))
    yield Case("units(1, 1 + 2^-26), with float64 expected", fine, 0.125)
    yield Case("units([0, 0], [0, 0])", answer(np.zeros(2, np.float32), np.zeros(2)), 0.0)


def element_by_element(actual, expected):
    with np.errstate(all="ignore"):
        return float((np.abs(actual - expected) / np.abs(expected)).max() * 2**23)


def largest_signed(actual, expected):
    return float(np.abs(actual - expected).max() / expected.max() * 2**23) if expected.any() else 0.0


def signed_difference(actual, expected):
    return float((actual - expected).max() / np.abs(expected).max() * 2**23) if expected.any() else 0.0


def of_doubles(actual, expected):
    return solution.units(actual, expected) * 2.0**29


def in_float32(actual, expected):
    return solution.units(actual, np.float32(expected))


def a_mean(actual, expected):
    if not expected.any():
        return 0.0
    return float(np.abs(actual - expected).mean() / np.abs(expected).max() * 2**23)


def without_zeros(actual, expected):
    with np.errstate(all="ignore"):
        return float(np.abs(actual - expected).max() / np.abs(expected).max() * 2**23)


def dense_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two pixels; then weights that are numbered in PyTorch's order; a single channel; a result."""
    got = answer(np.array([[1.0, 2, 10, 20], [3, 4, 30, 40]]), 1, 2, 2)
    expected = [[1, 3], [10, 30], [2, 4], [20, 40]]
    yield Case("weight [[1, 2, 10, 20], [3, 4, 30, 40]] of 1x2 pixels with 2 channels", got, expected)
    weight = np.arange(48.0).reshape(2, 24)
    got = answer(weight.copy(), 2, 3, 4)
    expected = [[weight[o, c * 6 + h * 3 + w] for o in range(2)] for h, w, c in np.ndindex(2, 3, 4)]
    yield Case("weight 0, 1, 2, ... (2, 24) of 2x3 pixels with 4 channels", got, expected)
    images = np.sin(np.arange(24.0)).reshape(1, 2, 3, 4)
    theirs = images.transpose(0, 3, 1, 2).reshape(1, 24) @ weight.T
    yield Case("what the layer gives for an image", images.reshape(1, 24) @ np.asarray(got), theirs)


def turned_alone(weight, height, width, channels):
    return weight.T


def reshaped_alone(weight, height, width, channels):
    return weight.reshape(-1, len(weight))


def the_other_way(weight, height, width, channels):
    images = weight.reshape(len(weight), height, width, channels)
    return images.transpose(3, 1, 2, 0).reshape(-1, len(weight))


def across_first(weight, height, width, channels):
    images = weight.reshape(len(weight), channels, height, width)
    return images.transpose(3, 2, 1, 0).reshape(-1, len(weight))


def not_turned(weight, height, width, channels):
    return solution.dense_from_torch(weight, height, width, channels).T


def adam_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The gradient 1 twice, by hand: sqrt(1 - 0.9375) is 0.25. Then what Keras 3.15.1 answered."""
    betas = 0.75, 0.9375
    got = answer(np.array([2.0]), np.array([[1.0]]), 1.0, betas, 0.25)
    yield Case("one step of 1 from 2 with eps 0.25", got, [[1.5]])
    got = answer(np.array([2.0]), np.ones((2, 1)), 1.0, betas, 0.25)
    yield Case("two such steps", got, [[1.5], [0.9180704967546726]])
    gradients = np.array([[3.0, 0.25], [-1.0, 0.25], [0.5, 0.25]])
    got = answer(np.array([2.0, -1.0]), gradients, 0.125, betas, 0.25)
    expected = [
        [1.90625, -1.025],
        [1.875729645184478, -1.057269016558489],
        [1.843260940083087, -1.094213178132877],
    ]
    yield Case("three steps of two weights", got, expected)


def moved(step: Callable[..., Any], first: int = 1, exchanged: bool = False) -> Callable[..., Any]:
    """An `adam_of_keras` with this step, counted from `first`, or with old and new shares exchanged."""

    def adam_of_keras(start, gradients, lr, betas, eps):
        weight, m, s, path = start, np.zeros(len(start)), np.zeros(len(start)), []
        b1, b2 = (1 - betas[0], 1 - betas[1]) if exchanged else betas
        for t, g in enumerate(gradients, first):
            m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g**2
            with np.errstate(all="ignore"):
                weight = weight - lr * step(m, s, *(1 - np.array(betas) ** t), eps)
            path.append(weight)
        return np.array(path)

    return adam_of_keras


def as_keras(m, s, c1, c2, eps):
    return np.sqrt(c2) / c1 * m / (np.sqrt(s) + eps)


def as_pytorch(m, s, c1, c2, eps):
    return m / c1 / (np.sqrt(s / c2) + eps)


def uncorrected(m, s, c1, c2, eps):
    return m / (np.sqrt(s) + eps)


def under_the_root(m, s, c1, c2, eps):
    return np.sqrt(c2) / c1 * m / np.sqrt(s + eps)


def last_alone(start, gradients, lr, betas, eps):
    return solution.adam_of_keras(start, gradients, lr, betas, eps)[-1]


def in_place(start, gradients, lr, betas, eps):
    weight = start.copy()
    path = []
    for after in solution.adam_of_keras(start, gradients, lr, betas, eps):
        weight[:] = after
        path.append(weight)
    return np.array(path)


def parted_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Layers of ones with one number moved by so many units, in all of three layers."""

    def layers(*moves: float, scale: float = 1.0) -> list[np.ndarray]:
        return [np.float32(scale) * np.array([1, 1 + move * 2.0**-23], np.float32) for move in moves]

    def parted(*moves: float, scale: float = 1.0) -> Any:
        with np.errstate(all="ignore"):
            return answer(layers(0, 0, 0, scale=scale), layers(*moves, scale=scale), [8, 32, 8])

    yield Case("moved by 2, 2 and 2 units, with 8, 32 and 8 roundings", parted(2, 2, 2), None)
    yield Case("moved by 0, 6 and 6 units: 32 roundings allow 8", parted(0, 6, 6), 2)
    yield Case("moved by 0, 20 and 900 units", parted(0, 20, 900), 1)
    yield Case("the same with all numbers a thousandth as large", parted(0, 20, 900, scale=2.0**-10), 1)
    yield Case("the same with all numbers a thousand times as large", parted(0, 2, 2, scale=2.0**10), None)
    yield Case("the second layer NaN on one side", parted(0, math.nan, 0), 1)


def parted_when(too_far: Callable[..., bool]) -> Callable[..., Any]:
    """A `first_parted` with this test."""

    def first_parted(ours, theirs, roundings):
        rows = enumerate(zip(ours, theirs, roundings, strict=True))
        return next((place for place, row in rows if too_far(*row)), None)

    return first_parted


def largest(ours, theirs, roundings):
    distances = [
        solution.units(b, a) / math.sqrt(2 * n) for a, b, n in zip(ours, theirs, roundings, strict=True)
    ]
    worst = int(np.argmax(distances))
    return worst if distances[worst] > 1 else None


at_all = parted_when(lambda a, b, n: not np.array_equal(a, b))
absolutely = parted_when(lambda a, b, n: not np.abs(a - b).max() <= math.sqrt(2 * n) * 2.0**-23)
one_side = parted_when(lambda a, b, n: not solution.units(b, a) <= math.sqrt(n))
linear = parted_when(lambda a, b, n: not solution.units(b, a) <= n)
blind = parted_when(lambda a, b, n: solution.units(b, a) > math.sqrt(2 * n))

CHECKS = [
    Check(
        "units",
        units_cases,
        "Take the difference in float64, the largest magnitude of it, and divide by 2^-23 times the largest "
        "magnitude of the expected numbers. If nothing differs, return 0.",
        (
            Mistake(element_by_element, "Divide by the largest expected number, not each by its own."),
            Mistake(largest_signed, "The largest number may be negative: take magnitudes first."),
            Mistake(signed_difference, "Differences count downwards, too: take their magnitude."),
            Mistake(of_doubles, "float32's epsilon is 2^-23; 2^-52 is that of float64."),
            Mistake(in_float32, "Converting the expected numbers to float32 rounds away what is measured."),
            Mistake(a_mean, "The largest difference, not the mean."),
            Mistake(without_zeros, "0 divided by 0: two arrays of zeros are 0 units apart."),
        ),
    ),
    Check(
        "dense_from_torch",
        dense_cases,
        "Each output has a weight for every pixel and channel: reshape to (outputs, channels, height, "
        "width), bring the axes into the order height, width, channels, outputs, flatten the first three.",
        (
            Mistake(turned_alone, "Turned, but the inputs are still in PyTorch's order, channel by channel."),
            Mistake(reshaped_alone, "A reshape moves no number: axes change their places by transpose."),
            Mistake(the_other_way, "The array comes in PyTorch's order: channels before height and width."),
            Mistake(across_first, "Our rows run over the height first, then the width, then the channels."),
            Mistake(not_turned, "Right inputs, but the result is (inputs, outputs): turn it."),
        ),
    ),
    Check(
        "adam_of_keras",
        adam_cases,
        "m = b1 m + (1 - b1) g; s = b2 s + (1 - b2) g^2; w = w - lr sqrt(1 - b2^t) / (1 - b1^t) m / "
        "(sqrt(s) + eps), with t from 1. Keep each w.",
        (
            Mistake(moved(as_pytorch), "This is PyTorch's: add eps before the root of s is corrected."),
            Mistake(moved(uncorrected), "Early means are too small: correct both by 1 - beta^t."),
            Mistake(moved(under_the_root), "eps stands beside the root of s, not under it."),
            Mistake(moved(as_keras, first=0), "Steps count from 1: with t = 0 the correction divides by 0."),
            Mistake(
                moved(as_keras, exchanged=True), "beta is the share that is kept, 1 - beta that of the new."
            ),
            Mistake(last_alone, "The weights after every step, one row each."),
            Mistake(in_place, "All rows are one array that went on changing: put a new one into the path."),
        ),
    ),
    Check(
        "first_parted",
        parted_cases,
        "Go through the layers in order; return the place of the first where units(theirs, ours) is above "
        "sqrt(2 · roundings) or no number, and None at the end.",
        (
            Mistake(largest, "The first place that is too far apart, not the worst."),
            Mistake(at_all, "Rounding explains some units: sqrt(2 · roundings) are allowed."),
            Mistake(absolutely, "A unit is relative to the layer's largest number."),
            Mistake(one_side, "Both sides round: 2 · roundings under the root."),
            Mistake(linear, "Errors walk by chance: the square root of their number, not the number."),
            Mistake(blind, "NaN > 5 is False: ask `not distance <= allowed`."),
        ),
    ),
]

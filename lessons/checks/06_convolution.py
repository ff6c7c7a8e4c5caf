"""Checks of lesson 06: the numbers of the lesson, and sizes that differ, so that no swapped axis can hide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "06_convolution.py")


def small() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, filter and arriving gradient of the lesson."""
    image = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]])
    return image, np.array([[1.0, -1], [2, 0]]), np.array([[1.0, 2], [4, 3]])


def wide() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels 0 to 23 in four rows, a filter of 3 x 2, and a gradient for stride 2."""
    return np.arange(24.0).reshape(4, 6), np.array([[0.0, 1], [0, 10], [-1, 0]]), np.array([[1.0, 2, -3]])


def convolve_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; then stride 2: the windows begin at the pixels 0, 2, 4, and the second row does not fit."""
    x, w, _ = small()
    yield Case("convolve(x, w, 1) of the lesson", answer(x, w, 1), [[-1.0, 4.0], [3.0, 0.0]])
    x, w, _ = wide()
    expected = [[1 + 70 - 12, 3 + 90 - 14, 5 + 110 - 16]]
    yield Case("convolve of 0 to 23 in four rows, [[0, 1], [0, 10], [-1, 0]], 2", answer(x, w, 2), expected)
    x, w, _ = wide()
    yield Case("the same with stride 4", answer(x, w, 4), [[59.0, 99.0]])


def turned(x, w, stride):
    return solution.convolve(x, w[::-1, ::-1], stride)


def without_stride(x, w, stride):
    return solution.convolve(x, w, 1)


def stride_in_the_size_only(x, w, stride):
    y = np.zeros(((x.shape[0] - w.shape[0]) // stride + 1, (x.shape[1] - w.shape[1]) // stride + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + w.shape[0], j : j + w.shape[1]] * w).sum()
    return y


def last_place_forgotten(x, w, stride):
    return solution.convolve(x, w, stride)[: (x.shape[0] - w.shape[0]) // stride or None, :-1]


def gradients_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; then three windows in a row that stand side by side; then windows that leave pixels out."""
    expected = np.array([[1.0, 1, -2], [6, 3, -3], [8, 6, 0]]), np.array([[8.0, 15], [13, 14]])
    yield Case("gradients by image and filter, as in the lesson", answer(*small(), 1), expected)
    by_image = [[0, 1, 0, 2, 0, -3], [0, 10, 0, 20, 0, -30], [-1, 0, -2, 0, 3, 0], [0] * 6]
    # Each weight: 1, 2 and -3 times its pixels, which are 2 apart. The sum of 1, 2, -3 is 0.
    by_filter = np.full((3, 2), 1 * 0 + 2 * 2 - 3 * 4.0)
    yield Case(
        "of 0 to 23 in four rows, filter 3 x 2, stride 2",
        answer(*wide(), 2),
        (np.array(by_image, float), by_filter),
    )
    x, w, _ = wide()
    g = np.array([[1.0, 2]])
    by_image = [[0, 1, 0, 0, 0, 2], [0, 10, 0, 0, 0, 20], [-1, 0, 0, 0, -2, 0], [0] * 6]
    by_filter = [[8.0, 11], [26, 29], [44, 47]]
    yield Case("the same with stride 4", answer(x, w, g, 4), (np.array(by_image, float), np.array(by_filter)))


def with_unturned_filter(x, w, g, stride):
    return solution.gradients(x, w[::-1, ::-1], g, stride)[0], solution.gradients(x, w, g, stride)[1]


def overwritten(x, w, g, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        dx[i * stride : i * stride + w.shape[0], j * stride : j * stride + w.shape[1]] = g[i, j] * w
    return dx, solution.gradients(x, w, g, stride)[1]


def swapped(x, w, g, stride):
    return solution.gradients(x, w, g, stride)[::-1]


def as_with_stride_1(x, w, g, stride):
    return solution.gradients(x, w, g, 1)


def by_the_padded_formula(x, w, g, stride):
    dx = solution.convolve(np.pad(g, [(k - 1, k - 1) for k in w.shape]), w[::-1, ::-1], 1)
    return dx, solution.gradients(x, w, g, stride)[1]


def same_padding_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """3 x 3 filters at stride 1 and 2, an even filter, a filter smaller than the stride."""
    yield Case("same_padding(28, 3, 1)", answer(28, 3, 1), (1, 1))
    for size, kernel, stride in ((10, 2, 1), (28, 3, 2)):
        yield Case(f"the sum of both for ({size}, {kernel}, {stride})", sum(answer(size, kernel, stride)), 1)
    for size, kernel, stride, expected in (
        (28, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (10, 2, 1, (0, 1)),
        (224, 7, 2, (2, 3)),
        (10, 5, 3, (2, 2)),
        (8, 1, 2, (0, 0)),
    ):
        yield Case(f"same_padding({size}, {kernel}, {stride})", answer(size, kernel, stride), expected)


def odd_one_before(size, kernel, stride):
    return solution.same_padding(size, kernel, stride)[::-1]


def half_a_kernel(size, kernel, stride):
    return (kernel - 1) // 2, (kernel - 1) - (kernel - 1) // 2


def on_both_sides(size, kernel, stride):
    return kernel // 2, kernel // 2


def rounded_down(size, kernel, stride):
    total = max(0, (size // stride - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def below_zero(size, kernel, stride):
    total = (-(-size // stride) - 1) * stride + kernel - size
    return total // 2, total - total // 2


def learn_filter_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """One step by hand: with w = 0 the gradient by the one weight is -2 mean(x y). Then a filter is found."""
    x, y = np.array([[1.0, 2], [3, 0]]), np.array([[2.0, 4], [6, 0]])
    yield Case("x = [[1, 2], [3, 0]], y = 2 x, one weight, one step of 0.1", answer(x, y, 1, 1, 0.1), [[1.4]])
    yield Case("the same, 20 steps", answer(x, y, 1, 20, 0.1), [[2.0]], 1e-6)
    x = np.random.default_rng(6).standard_normal((9, 8))
    wanted = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    got = answer(x, solution.convolve(x, wanted, 1), 3, 300, 0.1)
    yield Case("the filter found for an edge, 300 steps", got, wanted, 1e-4)


def learned(scale: float = 1.0, turn: bool = False, sign: float = 1.0, keep: bool = True):
    """A `learn_filter` with one thing wrong."""

    def learn_filter(x, y, size, steps, lr):
        w = np.zeros((size, size))
        for _ in range(steps):
            g = scale * 2 * (solution.convolve(x, w, 1) - y) / y.size
            change = sign * lr * solution.gradients(x, w, g, 1)[1]
            change = change[::-1, ::-1] if turn else change
            w = w - change if keep else -change
        return w

    return learn_filter


def of_the_sum(x, y, size, steps, lr):
    return learned(scale=y.size)(x, y, size, steps, lr)


CHECKS = [
    Check(
        "convolve",
        convolve_cases,
        "Output (i, j) is the sum of x[i s : i s + KH, j s : j s + KW] * w; rows: (H - KH) // s + 1.",
        (
            Mistake(turned, "Lay the filter down as it is: only the gradient by the image turns it."),
            Mistake(without_stride, "The filter moves `stride` pixels at a time."),
            Mistake(stride_in_the_size_only, "Output (i, j) looks at the window that begins at i s, j s."),
            Mistake(last_place_forgotten, "Where the filter just fits counts, too: (H - KH) // s + 1 rows."),
        ),
    ),
    Check(
        "gradients",
        gradients_cases,
        "Go through the places of the output, as in convolve: the window of dx gets g[i, j] * w, and dw gets "
        "g[i, j] times the window of x. Both are added to what is there.",
        (
            Mistake(with_unturned_filter, "A pixel in the first place of the window met the first weight."),
            Mistake(overwritten, "Windows overlap: add to dx, do not overwrite it."),
            Mistake(swapped, "First the gradient by the image, then the one by the filter."),
            Mistake(as_with_stride_1, "Output (i, j) saw the window that begins at i s, j s."),
            Mistake(by_the_padded_formula, "The formula with the turned filter holds for stride 1 only."),
        ),
    ),
    Check(
        "same_padding",
        same_padding_cases,
        "outputs = ceil(size / stride); the last window ends at (outputs - 1) stride + kernel; as far as "
        "that is beyond the image there is padding, half of it (rounded down) before.",
        (
            Mistake(odd_one_before, "The odd pixel comes after."),
            Mistake(half_a_kernel, "kernel - 1 is right at stride 1 only: look where the last window ends."),
            Mistake(on_both_sides, "That is PyTorch's padding=kernel // 2, not Keras's."),
            Mistake(rounded_down, "size / stride is rounded up."),
            Mistake(below_zero, "The last window may end before the image: no padding is 0, not less."),
        ),
    ),
    Check(
        "learn_filter",
        learn_filter_cases,
        "In each step g = 2 (convolve(x, w) - y) / y.size arrives; the gradient by the filter follows from x "
        "and g as in `gradients`; take lr times it off w.",
        (
            Mistake(of_the_sum, "The difference is a mean: divide by the number of elements of y."),
            Mistake(learned(scale=0.5), "The derivative of d squared is 2 d."),
            Mistake(learned(turn=True), "The gradient by the filter needs no turning."),
            Mistake(learned(sign=-1.0), "The difference grows along the gradient: take it off."),
            Mistake(learned(keep=False), "Each step goes on from the weights of the step before."),
        ),
    ),
]

"""Checks of lesson 07: windows whose numbers name their pixels, and what tinynet's plain loops give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake
from tinynet.kernels import conv

solution = shelf.load(shelf.FOLDER / "solutions" / "07_matrix.py")
NO_PADDING = (0, 0), (0, 0)
LARGER = 2, 4, 5, 3  # the shape of images of which filters of 2 x 3 see all at stride 2


def named(N: int, H: int, W: int, C: int) -> np.ndarray:
    """Pixels that say who they are: 3120 is image 3, row 1, column 2, channel 0."""
    n, h, w, c = np.indices((N, H, W, C))
    return 1000.0 * n + 100 * h + 10 * w + c


def small() -> np.ndarray:
    """The image of the lesson."""
    return np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]]).reshape(1, 3, 3, 1)


def windows_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; then pixels with names: one window with channels, many of several images."""
    expected: Any = np.array([[1.0, 2, 0, 1], [2, 0, 1, 3], [0, 1, 2, 1], [1, 3, 1, 1]])
    yield Case("windows of the lesson's image", answer(small(), 2, 2, 1), expected)
    expected = [[0.0, 1, 10, 11, 100, 101, 110, 111]]
    got = answer(named(1, 2, 2, 2), 2, 2, 1)
    yield Case("the one window of the pixels 100 h + 10 w + c, h, w, c = 0 or 1", got, expected)
    expected = conv.windows_definition(named(*LARGER), (2, 3), (2, 2), NO_PADDING).reshape(8, 18)
    got = answer(named(*LARGER), 2, 3, 2)
    yield Case("windows of 2 x 3, stride 2, of the pixels 1000 n + 100 h + 10 w + c", got, expected)


def channels_first(x, KH, KW, stride):
    rows = solution.windows(x, KH, KW, stride)
    return rows.reshape(len(rows), KH * KW, -1).swapaxes(1, 2).reshape(rows.shape)


def without_stride(x, KH, KW, stride):
    return solution.windows(x, KH, KW, 1)


def columns_first(x, KH, KW, stride):
    rows = [
        x[n, h : h + KH, w : w + KW].ravel()
        for n in range(len(x))
        for w in range(0, x.shape[2] - KW + 1, stride)
        for h in range(0, x.shape[1] - KH + 1, stride)
    ]
    return np.array(rows)


def as_columns(x, KH, KW, stride):
    return solution.windows(x, KH, KW, stride).T


def images_last(x, KH, KW, stride):
    rows = solution.windows(x, KH, KW, stride)
    return rows.reshape(len(x), -1, rows.shape[1]).swapaxes(0, 1).reshape(rows.shape)


def add_back_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; ones, which count the windows of a pixel; then channels, images and a stride."""
    got = answer(np.outer([1.0, 2, 4, 3], [1.0, -1, 2, 0]), (1, 3, 3, 1), 2, 2, 1)
    expected = np.reshape([1.0, 1, -2, 6, 3, -3, 8, 6, 0], (1, 3, 3, 1))
    yield Case("the lesson's gradient by the image", got, expected)
    got = answer(np.ones((6, 9)), (1, 4, 5, 1), 3, 3, 1)
    expected = np.outer([1, 2, 2, 1], [1.0, 2, 3, 2, 1]).reshape(1, 4, 5, 1)
    yield Case("ones added back: how many windows of 3 x 3 see each pixel of 4 x 5", got, expected)
    rows = np.arange(144.0).reshape(8, 18)
    got = answer(rows.copy(), LARGER, 2, 3, 2)
    expected = conv.windows_grad_definition(rows.reshape(2, 2, 2, 18), LARGER, (2, 3), (2, 2), NO_PADDING)
    yield Case("0, 1, 2, ... added back to (2, 4, 5, 3), windows of 2 x 3, stride 2", got, expected)


def overwritten(rows, shape, KH, KW, stride):
    x = np.zeros(shape)
    OH, OW = (shape[1] - KH) // stride + 1, (shape[2] - KW) // stride + 1
    for number, (n, i, j) in enumerate(np.ndindex(shape[0], OH, OW)):
        window = rows[number].reshape(KH, KW, shape[3])
        x[n, i * stride : i * stride + KH, j * stride : j * stride + KW] = window
    return x


def side_by_side(rows, shape, KH, KW, stride):
    x = np.zeros(shape)
    OH, OW = (shape[1] - KH) // stride + 1, (shape[2] - KW) // stride + 1
    for number, (n, i, j) in enumerate(np.ndindex(shape[0], OH, OW)):
        x[n, i : i + KH, j : j + KW] += rows[number].reshape(KH, KW, shape[3])
    return x


def averaged(rows, shape, KH, KW, stride):
    counted = solution.add_back(np.ones(rows.shape), shape, KH, KW, stride)
    return solution.add_back(rows, shape, KH, KW, stride) / np.maximum(1, counted)


def from_channels_first(rows, shape, KH, KW, stride):
    moved = rows.reshape(len(rows), shape[3], KH * KW).swapaxes(1, 2).reshape(rows.shape)
    return solution.add_back(moved, shape, KH, KW, stride)


def gradients_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; then two images, three channels, two filters and a stride."""
    weight, g = np.reshape([1.0, -1, 2, 0], (2, 2, 1, 1)), np.reshape([1.0, 2, 4, 3], (1, 2, 2, 1))
    by_image = np.reshape([1.0, 1, -2, 6, 3, -3, 8, 6, 0], (1, 3, 3, 1))
    expected = by_image, np.reshape([8.0, 15, 13, 14], (2, 2, 1, 1))
    yield Case("gradients by image and weight, as in the lesson", answer(small(), weight, g, 1), expected)
    rng = np.random.default_rng(7)
    x, weight, g = (
        rng.integers(-5, 6, shape).astype(float) for shape in (LARGER, (2, 3, 3, 2), (2, 2, 2, 2))
    )
    expected = (
        conv.conv2d_grad_input_definition(g, weight, LARGER, (2, 2), NO_PADDING),
        conv.conv2d_grad_weight_definition(x, g, weight.shape, (2, 2), NO_PADDING),
    )
    got = answer(x.copy(), weight.copy(), g.copy(), 2)
    yield Case("gradients by (2, 4, 5, 3) and (2, 3, 3, 2), stride 2", got, expected)


def swapped(x, weight, g, stride):
    return solution.gradients(x, weight, g, stride)[::-1]


def left_as_matrix(x, weight, g, stride):
    by_image, by_weight = solution.gradients(x, weight, g, stride)
    return by_image, by_weight.reshape(-1, weight.shape[3])


def overwriting(x, weight, g, stride):
    rows = g.reshape(-1, weight.shape[3]) @ weight.reshape(-1, weight.shape[3]).T
    by_image = overwritten(rows, x.shape, *weight.shape[:2], stride)
    return by_image, solution.gradients(x, weight, g, stride)[1]


def filters_as_rows(x, weight, g, stride):
    KH, KW, channels, filters = weight.shape
    rows = g.reshape(-1, filters) @ weight.reshape(filters, -1)
    by_image = solution.add_back(rows, x.shape, KH, KW, stride)
    return by_image, solution.gradients(x, weight, g, stride)[1]


def weight_of_another_order(x, weight, g, stride):
    KH, KW, channels, filters = weight.shape
    by_weight = solution.gradients(x, weight, g, stride)[1].reshape(KH * KW, channels, filters)
    return solution.gradients(x, weight, g, stride)[0], by_weight.swapaxes(0, 1).reshape(weight.shape)


def cost_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; the layer of the lesson; sizes that differ, with a stride."""
    yield Case("cost((1, 3, 3, 1), (2, 2), 1, 1)", answer((1, 3, 3, 1), (2, 2), 1, 1), (16, 64))
    got = answer((32, 30, 30, 32), (3, 3), 32, 1)
    yield Case("cost((32, 30, 30, 32), (3, 3), 32, 1)", got, (231_211_008, 28_901_376), 0)
    yield Case("cost((2, 7, 9, 3), (3, 2), 5, 2)", answer((2, 7, 9, 3), (3, 2), 5, 2), (2160, 1728))


def every_pixel(shape, kernel, filters, stride):
    numbers = shape[0] * shape[1] * shape[2] * kernel[0] * kernel[1] * shape[3]
    return numbers * filters, numbers * 4


def numbers_not_bytes(shape, kernel, filters, stride):
    multiply_adds, size = solution.cost(shape, kernel, filters, stride)
    return multiply_adds, size // 4


def two_operations(shape, kernel, filters, stride):
    multiply_adds, size = solution.cost(shape, kernel, filters, stride)
    return 2 * multiply_adds, size


def one_filter(shape, kernel, filters, stride):
    return solution.cost(shape, kernel, 1, stride)


def stride_1(shape, kernel, filters, stride):
    return solution.cost(shape, kernel, filters, 1)


CHECKS = [
    Check(
        "windows",
        windows_cases,
        "For each image n and place (i, j) the row is x[n, i s : i s + KH, j s : j s + KW] read in its own "
        "order (ravel). There are (H - KH) // s + 1 places down and (W - KW) // s + 1 to the right.",
        (
            Mistake(channels_first, "The channels come last: all channels of a pixel, then the next pixel."),
            Mistake(without_stride, "The windows begin `stride` pixels apart."),
            Mistake(columns_first, "Go through the places from left to right first, then down."),
            Mistake(as_columns, "Each window is a row of the result, not a column."),
            Mistake(images_last, "All windows of the first image come first, then those of the next."),
        ),
    ),
    Check(
        "add_back",
        add_back_cases,
        "Start with zeros of `shape`. Go through the windows in the order of `windows`, see each row as "
        "(KH, KW, C), and add it to the place that the window was taken from.",
        (
            Mistake(overwritten, "Windows overlap: add to what is there."),
            Mistake(side_by_side, "The window (i, j) begins at i stride, j stride."),
            Mistake(averaged, "Effects add up: the sum over the copies, not their mean."),
            Mistake(from_channels_first, "A row is (KH, KW, C): the channels of a pixel stand together."),
        ),
    ),
    Check(
        "gradients",
        gradients_cases,
        "With G = g as (N OH OW, O), W = weight as (KH KW C, O) and X = windows(x, ...): the weights get "
        "X^T G in their own shape, the images add_back(G W^T, ...).",
        (
            Mistake(swapped, "First the gradient by the images, then the one by the weights."),
            Mistake(left_as_matrix, "The gradient by the weights has their shape, (KH, KW, C, O)."),
            Mistake(overwriting, "A pixel in several windows gets the sum of what they say: add_back adds."),
            Mistake(filters_as_rows, "weight.reshape(O, -1) is no transposition: reshape(-1, O).T is."),
            Mistake(weight_of_another_order, "The columns of X and the rows of W have one order: KH, KW, C."),
        ),
    ),
    Check(
        "cost",
        cost_cases,
        "The windows have N OH OW rows of KH KW C numbers of four bytes each. Every one of these numbers is "
        "multiplied with a weight of each filter.",
        (
            Mistake(every_pixel, "Windows begin only where the filter fits: OH OW places, not H W."),
            Mistake(numbers_not_bytes, "A number in float32 has four bytes."),
            Mistake(two_operations, "A multiplication and its addition count once, as one multiply-add."),
            Mistake(one_filter, "Each filter does all the work once more, on the same windows."),
            Mistake(stride_1, "With a stride there are fewer places: (H - KH) // stride + 1."),
        ),
    ),
]

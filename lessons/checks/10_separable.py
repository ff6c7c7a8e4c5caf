"""Checks of lesson 10: its counts, strides, images that are not square, filters that no pair can make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "10_separable.py")


def multiply_adds_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's layer; another kernel; strides, also where the size is odd."""
    got = answer(3, 16, 32, 14, 1)
    yield Case("kernel 3, 16 and 32 channels, size 14, stride 1", got, (903_168, 28_224, 100_352))
    got = answer(5, 2, 3, 4, 1)
    yield Case("kernel 5, 2 and 3 channels, size 4, stride 1", got, (2400, 800, 96))
    got = answer(3, 64, 128, 112, 2)
    yield Case("kernel 3, 64 and 128 channels, size 112, stride 2", got, (231_211_008, 1_806_336, 25_690_112))
    yield Case("kernel 3, 4 and 8 channels, size 7, stride 2", answer(3, 4, 8, 7, 2), (4608, 576, 512))


def counted(power: int = 2, stride: bool = True, pointwise_stride: bool = True, up: bool = True, by: int = 0):
    """A `multiply_adds` with one thing different; the depthwise is multiplied by argument `by` as well."""

    def multiply_adds(kernel, inputs, outputs, size, stride_):
        side = (-(-size // stride_) if up else size // stride_) if stride else size
        last = side if pointwise_stride else size
        window = kernel**power
        depthwise = window * inputs * side**2 * (outputs if by else 1)
        return window * inputs * outputs * side**2, depthwise, inputs * outputs * last**2

    return multiply_adds


def pair_together(kernel, inputs, outputs, size, stride):
    standard, depthwise, pointwise = solution.multiply_adds(kernel, inputs, outputs, size, stride)
    return standard, depthwise, depthwise + pointwise


def with_window_twice(kernel, inputs, outputs, size, stride):
    standard, depthwise, _ = solution.multiply_adds(kernel, inputs, outputs, size, stride)
    return standard, depthwise, standard


def depthwise_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two channels by hand, then an image and a window that are not square."""
    x = np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])  # one row of three pixels
    weight = np.array([[[1.0, 2.0], [10.0, 0.0]]])
    yield Case(
        "row (1, 10), (2, 20), (3, 30); taps (1, 2), (10, 0)",
        answer(x, weight),
        [[[21.0, 20.0], [32.0, 40.0]]],
    )
    x, weight = np.arange(60.0).reshape(5, 4, 3) % 7, np.array([[[1.0, -1.0, 2.0]], [[0.0, 3.0, 1.0]]])
    expected = np.zeros((4, 4, 3))
    for i, j, c in np.ndindex(4, 4, 3):
        expected[i, j, c] = x[i, j, c] * weight[0, 0, c] + x[i + 1, j, c] * weight[1, 0, c]
    yield Case("an image of 5 x 4 x 3 with a window of 2 x 1", answer(x.copy(), weight.copy()), expected)


def channels_summed(x, weight):
    return solution.depthwise(x, weight).sum(axis=2)


def summed_and_kept(x, weight):
    y = solution.depthwise(x, weight)
    return np.repeat(y.sum(axis=2, keepdims=True), y.shape[2], axis=2)


def turned_round(x, weight):
    return solution.depthwise(x, weight[::-1, ::-1])


def first_filter(x, weight):
    return solution.depthwise(x, np.repeat(weight[:, :, :1], weight.shape[2], axis=2))


def padded(x, weight):
    rows, columns = weight.shape[0] - 1, weight.shape[1] - 1
    around = (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0)
    return solution.depthwise(np.pad(x, around), weight)


def one_too_few(x, weight):
    return solution.depthwise(x, weight)[: len(x) - len(weight), : x.shape[1] - weight.shape[1]]


D = np.array([[[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]]])  # (1, 3, 2)
P = np.array([[1.0, 10.0, -1.0, 0.5], [2.0, 0.0, 3.0, 5.0]])  # (2, 4)


def as_standard_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The numbers by hand, and the convolution that they make."""
    got = np.asarray(answer(D.copy(), P.copy()))
    yield Case("the shape for a window of 1 x 3, 2 channels, 4 outputs", got.shape, (1, 3, 2, 4))
    by_hand = [[1.0, 10.0, -1.0, 0.5], [4.0, 0.0, 6.0, 10.0]]
    yield Case("the first tap's weights, channels by outputs", got[0, 0], by_hand)
    x = np.arange(12.0).reshape(2, 3, 2)
    windows = np.stack([x[:, v : v + 1] for v in range(3)])  # (3, 2, 1, 2)
    together = np.einsum("vijc,vco->ijo", windows, got[0])
    yield Case("its output for an image of 2 x 3 x 2", together, solution.depthwise(x, D) @ P)


def summed_over_channels(depthwise, pointwise):
    return np.tensordot(depthwise, pointwise, axes=1)


def outputs_before_channels(depthwise, pointwise):
    return solution.as_standard(depthwise, pointwise).swapaxes(2, 3)


def added(depthwise, pointwise):
    return depthwise[..., np.newaxis] + pointwise


def without_pointwise(depthwise, pointwise):
    return np.repeat(depthwise[..., np.newaxis], pointwise.shape[1], axis=3)


def nearest_pair_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A pair that can be found again; filters at right angles, of which the larger is kept; a random one."""
    weight = solution.as_standard(D, P)
    d, p = answer(weight.copy())
    yield Case("the shapes", (np.shape(d), np.shape(p)), ((1, 3, 2), (2, 4)))
    yield Case("the pair's weights where a pair can make them", solution.as_standard(d, p), weight)
    corner = np.array([[[[3.0, 0.0]], [[0.0, 1.0]]]])  # (1, 2, 1, 2): two filters at right angles
    d, p = answer(corner.copy())
    expected = np.array([[[[3.0, 0.0]], [[0.0, 0.0]]]])
    yield Case("the pair's weights for the filters (3, 0) and (0, 1)", solution.as_standard(d, p), expected)
    weight = np.random.default_rng(10).standard_normal((3, 3, 4, 5))
    d, p = answer(weight.copy())
    left = ((solution.as_standard(d, p) - weight) ** 2).sum()
    expected = ((solution.as_standard(*solution.nearest_pair(weight)) - weight) ** 2).sum()
    yield Case("the squared differences for random weights (3, 3, 4, 5)", left, expected)


def averaged(weight):
    depthwise = weight.mean(axis=3)
    sizes = (depthwise**2).sum(axis=(0, 1))
    return depthwise, np.einsum("uvc,uvco->co", depthwise, weight) / sizes[:, np.newaxis]


def filter_of_first_output(weight):
    depthwise = weight[..., 0]
    sizes = np.maximum((depthwise**2).sum(axis=(0, 1)), 1e-12)
    return depthwise, np.einsum("uvc,uvco->co", depthwise, weight) / sizes[:, np.newaxis]


def one_filter_for_all_channels(weight):
    rows, columns, channels, outputs = weight.shape
    left, sizes, right = np.linalg.svd(weight.reshape(rows * columns, -1), full_matrices=False)
    depthwise = np.repeat((sizes[0] * left[:, 0]).reshape(rows, columns, 1), channels, axis=2)
    return depthwise, right[0].reshape(channels, outputs)


def without_size(weight):
    depthwise, pointwise = solution.nearest_pair(weight)
    return depthwise / np.sqrt((depthwise**2).sum(axis=(0, 1))), pointwise


def last_vectors(weight):
    rows, columns, channels, outputs = weight.shape
    depthwise, pointwise = np.zeros((rows, columns, channels)), np.zeros((channels, outputs))
    for c in range(channels):
        left, sizes, right = np.linalg.svd(weight[:, :, c].reshape(-1, outputs), full_matrices=False)
        depthwise[:, :, c], pointwise[c] = sizes[-1] * left[:, -1].reshape(rows, columns), right[-1]
    return depthwise, pointwise


CHECKS = [
    Check(
        "multiply_adds",
        multiply_adds_cases,
        "Pixels of the output times what each of its numbers needs: kernel^2 inputs for each of the outputs; "
        "kernel^2 for each of the inputs; inputs for each of the outputs.",
        (
            Mistake(counted(power=1), "The window has kernel times kernel taps."),
            Mistake(counted(stride=False), "Work is done once per pixel of the output, not of the input."),
            Mistake(
                counted(pointwise_stride=False), "The pointwise convolution gets what the stride has left."
            ),
            Mistake(counted(up=False), "size / stride is rounded up."),
            Mistake(counted(by=1), "A depthwise convolution makes as many channels as it gets."),
            Mistake(pair_together, "The third number is the pointwise convolution alone."),
            Mistake(with_window_twice, "A pointwise convolution has a window of one pixel."),
        ),
    ),
    Check(
        "depthwise",
        depthwise_cases,
        "For each tap (u, v): y += x[u : u + OH, v : v + OW] * weight[u, v]. Channels are never added up.",
        (
            Mistake(channels_summed, "The channels stay apart: nothing is summed over them."),
            Mistake(summed_and_kept, "The channels stay apart: each is filtered on its own."),
            Mistake(turned_round, "The filter is not turned round: weight[u, v] meets x[i + u, j + v]."),
            Mistake(first_filter, "Each channel has a filter of its own."),
            Mistake(padded, "No padding: the result is smaller than the image."),
            Mistake(one_too_few, "A window of KH rows fits H - KH + 1 times."),
        ),
    ),
    Check(
        "as_standard",
        as_standard_cases,
        "w[u, v, c, o] = depthwise[u, v, c] * pointwise[c, o]: one broadcast product.",
        (
            Mistake(summed_over_channels, "The sum over channels belongs to the convolution, not to w."),
            Mistake(outputs_before_channels, "The order of the axes is (KH, KW, C, O)."),
            Mistake(added, "One after the other, the two weights multiply."),
            Mistake(without_pointwise, "The pointwise weights take part, too."),
        ),
    ),
    Check(
        "nearest_pair",
        nearest_pair_cases,
        "For each channel c, weight[:, :, c] as a matrix (KH KW, O) should be near a column times a row: "
        "the first left and right singular vectors, one of them multiplied by the first singular value.",
        (
            Mistake(averaged, "The mean of the filters is not the best: filters of opposite sign cancel."),
            Mistake(filter_of_first_output, "All outputs have a say in the filter, not only the first."),
            Mistake(one_filter_for_all_channels, "Each channel has a filter of its own: one svd for each."),
            Mistake(without_size, "One of the two vectors has to be multiplied by the singular value."),
            Mistake(last_vectors, "The largest singular value is the first."),
        ),
    ),
]

"""Checks of lesson 09: its numbers by hand, ties, both modes, and batches whose sizes are not square."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "09_batch_norm.py")
IMAGE = np.array([[1.0, 3.0, 2.0, 2.0], [3.0, 2.0, 0.0, 2.0]])


def max_pool_gradient_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's image with its ties; negative numbers; three by three windows."""
    got = answer(IMAGE.copy(), np.array([[8.0, 80.0]]), 2)
    expected = np.array([[0.0, 8.0, 80.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    yield Case("gradient at [[1, 3, 2, 2], [3, 2, 0, 2]] for (8, 80)", got, expected)
    got = answer(-IMAGE, np.array([[8.0, 80.0]]), 2)
    yield Case("the same at the negative image", got, np.array([[8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 80.0, 0.0]]))
    tall = np.arange(54.0).reshape(6, 9) % 11
    got = answer(tall, np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 3)
    expected = np.zeros((6, 9))
    expected[[1, 2, 0, 3, 3, 4], [1, 3, 8, 2, 5, 7]] = 1, 2, 3, 4, 5, 6
    yield Case("gradient of windows of 3 x 3 at an image of 6 x 9", got, expected)


def pooled(share: Callable[[np.ndarray], np.ndarray]):
    """A `max_pool_gradient` in which `share(window)` says what each pixel gets of its window's gradient."""

    def max_pool_gradient(x, grad, size):
        dx = np.zeros(x.shape)
        for i, j in np.ndindex(grad.shape):
            place = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
            dx[place] = grad[i, j] * share(x[place])
        return dx

    return max_pool_gradient


def last_of_equals(window):
    share = np.zeros(window.size)
    share[window.size - 1 - window.ravel()[::-1].argmax()] = 1
    return share.reshape(window.shape)


def split_among_equals(window):
    return (window == window.max()) / np.count_nonzero(window == window.max())


def largest_size(window):
    return solution.max_pool_gradient(np.abs(window), np.ones((1, 1)), len(window))


def dropout_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's 6 and 8; a rate that is not its own complement; evaluation; nothing dropped."""
    x, chance = np.array([6.0, 6.0, -3.0, 9.0]), np.array([0.1, 0.25, 0.9, 0.5])
    got = answer(x.copy(), chance, 0.25, True)
    expected = np.array([0.0, 8.0, -4.0, 12.0]), np.array([0.0, 4.0, 4.0, 4.0]) / 3
    yield Case("(y, slope) of [6, 6, -3, 9], chances [0.1, 0.25, 0.9, 0.5], rate 0.25", got, expected)
    yield Case("the same in evaluation", answer(x.copy(), chance, 0.25, False), (x, np.ones(4)))
    yield Case("in training with rate 0", answer(x.copy(), chance, 0.0, True), (x, np.ones(4)))


def not_divided(x, chance, rate, training):
    slope = (chance >= rate) * 1.0 if training else np.ones(x.shape)
    return x * slope, slope


def divided_by_rate(x, chance, rate, training):
    slope = (chance >= rate) / np.maximum(rate, 1e-9) if training else np.ones(x.shape)
    return x * slope, slope


def kept_below(x, chance, rate, training):
    slope = (chance < rate) / (1 - rate) if training else np.ones(x.shape)
    return x * slope, slope


def rate_itself_dropped(x, chance, rate, training):
    slope = (chance > rate) / (1 - rate) if training else np.ones(x.shape)
    return x * slope, slope


def scaled_in_evaluation(x, chance, rate, training):
    slope = (chance >= rate) / (1 - rate) if training else np.full(x.shape, 1 - rate)
    return x * slope, slope


def in_both_modes(x, chance, rate, training):
    return solution.dropout(x, chance, rate, True)


def slope_without_scale(x, chance, rate, training):
    y, slope = solution.dropout(x, chance, rate, training)
    return y, (slope > 0) * 1.0


COLUMN, ONE = np.array([[1.0], [1.0], [5.0], [5.0]]), np.array([[1.0], [0.0], [0.0], [0.0]])
TWO_COLUMNS = np.array([[0.0, 7.0], [1.0, 3.0], [2.0, -2.0], [3.0, 0.0], [-6.0, 2.0]])
ARRIVING = np.array([[1.0, -2.0], [0.5, 1.0], [-1.0, 2.0], [2.0, 0.0], [3.0, 1.0]])


def batch_norm_gradient_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's column; gamma and eps; and what no gradient may point at."""
    got = answer(ONE.copy(), COLUMN.copy(), np.ones(1), 0.0)
    expected = np.array([[0.25], [-0.25], [0.0], [0.0]]), [-1.0], [1.0]
    yield Case("(dx, dgamma, dbeta) for x = (1, 1, 5, 5), grad = (1, 0, 0, 0), gamma 1", got, expected)
    # With eps = 5 sigma is 3, so xhat is 2/3 of what it was: dx = 2/3 (grad - 1/4 + (-1, -1, 1, 1) / 9).
    got = answer(ONE.copy(), COLUMN.copy(), np.full(1, 2.0), 5.0)
    expected = np.array([[23.0], [-13.0], [-5.0], [-5.0]]) / 54, [-2 / 3], [1.0]
    yield Case("the same with gamma 2 and eps 5", got, expected)
    gamma = np.array([2.0, -0.5])
    dx, dgamma, dbeta = answer(ARRIVING.copy(), TWO_COLUMNS.copy(), gamma, 1e-9)
    yield Case("sums of the columns of dx for a batch of 5 with 2 channels", np.sum(dx, axis=0), [0.0, 0.0])
    yield Case("sums of dx times x of that batch", np.sum(dx * TWO_COLUMNS, axis=0), [0.0, 0.0], 1e-5)
    expected = solution.batch_norm_gradient(ARRIVING, TWO_COLUMNS, gamma, 1e-9)
    yield Case("(dx, dgamma, dbeta) of that batch", (dx, dgamma, dbeta), expected)


def normed(terms: int = 3, with_gamma: bool = True, inside: bool = True, ddof: int = 0, axis: int = 0):
    """A `batch_norm_gradient` with one thing different."""

    def batch_norm_gradient(grad, x, gamma, eps):
        std = np.sqrt(x.var(axis=0, ddof=ddof) + eps) if inside else x.std(axis=0) + eps
        xhat = (x - x.mean(axis=0)) / std
        parts = grad, -grad.mean(axis=axis), -xhat * (grad * xhat).mean(axis=axis)
        dx = (gamma if with_gamma else 1.0) / std * sum(parts[:terms])
        return dx, (grad * xhat).sum(axis=0), grad.sum(axis=0)

    return batch_norm_gradient


def means_for_sums(grad, x, gamma, eps):
    dx, dgamma, dbeta = solution.batch_norm_gradient(grad, x, gamma, eps)
    return dx, dgamma / len(x), dbeta / len(x)


def sums_for_means(grad, x, gamma, eps):
    dx, dgamma, dbeta = solution.batch_norm_gradient(grad, x, gamma, eps)
    std = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / std
    return gamma / std * (grad - dbeta - xhat * dgamma), dgamma, dbeta


BATCHES = [np.array([[1.0, 0.0], [1.0, 4.0], [5.0, 0.0], [5.0, 4.0]]), np.array([[2.0, 9.0], [4.0, 1.0]])]


def running_statistics_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's 16/3 and 4; two batches of different sizes."""
    got = answer(BATCHES[:1], 0.1, False)
    yield Case("PyTorch's after one batch, momentum 0.1", got, ([0.3, 0.2], [0.9 + 1.6 / 3, 0.9 + 1.6 / 3]))
    got = answer(BATCHES[:1], 0.9, True)
    yield Case("Keras's after one batch, momentum 0.9", got, ([0.3, 0.2], [1.3, 1.3]))
    # Halves of old and new: the mean 0, 1.5, 2.25; the variance 1, (1 + 16/3) / 2, then with 2 and with 32.
    got = answer(BATCHES, 0.5, False)
    yield Case("PyTorch's after two batches, momentum 0.5", got, ([2.25, 3.0], [31 / 12, 211 / 12]))
    got = answer(BATCHES, 0.75, True)
    yield Case("Keras's after two batches, momentum 0.75", got, ([1.3125, 1.625], [1.5625, 5.3125]))


def kept(share: Any = None, ddof: Any = None, variance: float = 1.0):
    """A `running_statistics` with one thing different; share(momentum, keras) is that of the new batch."""

    def running_statistics(batches, momentum, keras):
        part = share(momentum, keras) if share else (1 - momentum if keras else momentum)
        mean, var = np.zeros(batches[0].shape[1]), np.full(batches[0].shape[1], variance)
        for batch in batches:
            freedom = (0 if keras else 1) if ddof is None else ddof
            mean = (1 - part) * mean + part * batch.mean(axis=0)
            var = (1 - part) * var + part * batch.var(axis=0, ddof=freedom)
        return mean, var

    return running_statistics


def of_all_batches(batches, momentum, keras):
    rows = np.concatenate(batches)
    return solution.running_statistics([rows], momentum, keras)


CHECKS = [
    Check(
        "max_pool_gradient",
        max_pool_gradient_cases,
        "For each window find the position of its first maximum, with argmax, and put the window's gradient "
        "there; all other pixels get 0.",
        (
            Mistake(pooled(lambda window: window == window.max()), "Of equal pixels only one gets it."),
            Mistake(pooled(last_of_equals), "Of equal pixels the first in reading order gets it."),
            Mistake(pooled(split_among_equals), "It is not shared: the first of equal pixels gets all."),
            Mistake(
                pooled(lambda window: np.full(window.shape, 1 / window.size)), "That is average pooling."
            ),
            Mistake(pooled(largest_size), "The largest number, not the largest in size: -1 is above -3."),
        ),
    ),
    Check(
        "dropout",
        dropout_cases,
        "In training the slope is 0 where chance < rate, else 1 / (1 - rate); in evaluation 1. y is x times "
        "the slope.",
        (
            Mistake(not_divided, "Divide what is kept by 1 - rate, so that the mean stays."),
            Mistake(divided_by_rate, "The share that is kept is 1 - rate: divide by that."),
            Mistake(kept_below, "The rate is the share that is dropped, not the share that is kept."),
            Mistake(rate_itself_dropped, "A chance equal to the rate is kept: chances start at 0."),
            Mistake(scaled_in_evaluation, "Training has divided already: evaluation changes nothing."),
            Mistake(in_both_modes, "In evaluation nothing is dropped."),
            Mistake(slope_without_scale, "y is x / (1 - rate) where x is kept, so that is the slope."),
        ),
    ),
    Check(
        "batch_norm_gradient",
        batch_norm_gradient_cases,
        "dbeta = sum of grad, dgamma = sum of grad xhat, both over the rows; dx = gamma / sqrt(var + eps) "
        "(grad - dbeta / m - xhat dgamma / m).",
        (
            Mistake(normed(terms=1), "Mean and variance depend on x, too: two terms are missing."),
            Mistake(normed(terms=2), "The variance depends on x, too: the term with xhat is missing."),
            Mistake(normed(with_gamma=False), "What arrives at y passes gamma on its way to xhat."),
            Mistake(normed(inside=False), "eps is added to the variance, inside of the root."),
            Mistake(normed(ddof=1), "In the normalisation the variance is divided by m."),
            Mistake(means_for_sums, "gamma and beta serve every row: their gradients are sums."),
            Mistake(sums_for_means, "In dx the two sums are divided by the number of rows."),
        ),
    ),
    Check(
        "running_statistics",
        running_statistics_cases,
        "new = (1 - share) old + share batch, starting at 0 and 1, where the share is momentum (PyTorch) or "
        "1 - momentum (Keras), and the variance is divided by m - 1 (PyTorch) or m (Keras).",
        (
            Mistake(
                kept(share=lambda momentum, keras: momentum if keras else 1 - momentum),
                "PyTorch's momentum is the share of the new batch, Keras's that of the old value.",
            ),
            Mistake(
                kept(share=lambda momentum, keras: momentum),
                "Keras's momentum is the share of the old value.",
            ),
            Mistake(kept(ddof=0), "PyTorch keeps the variance that is divided by m - 1: ddof=1."),
            Mistake(kept(ddof=1), "Keras keeps the variance that is divided by m."),
            Mistake(kept(variance=0.0), "The running variance starts at 1."),
            Mistake(of_all_batches, "One batch after the other, the last counts most."),
        ),
    ),
]

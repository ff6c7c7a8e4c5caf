"""Checks of lesson 15: times in whole seconds, the blocks of the lesson, and memory that is watched."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "15_fusion.py")


def least_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A machine of 2 GFLOP/s and 1 GB/s, which does both at once."""
    for gflops, gigabytes, expected in (
        (6, 1, (3.0, "arithmetic")),
        (2, 8, (8.0, "memory")),
        (4, 3, (3.0, "memory")),
        (4, 2, (2.0, "memory")),
    ):
        got = answer(gflops * 1e9, gigabytes * 1e9, 2e9, 1e9)
        yield Case(f"{gflops} GFLOP and {gigabytes} GB at 2 GFLOP/s and 1 GB/s", got, expected)


def one_after_the_other(flops, traffic, peak, bandwidth):
    return flops / peak + traffic / bandwidth, solution.least_time(flops, traffic, peak, bandwidth)[1]


def the_shorter(flops, traffic, peak, bandwidth):
    return min((flops / peak, "arithmetic"), (traffic / bandwidth, "memory"))


def crosswise(flops, traffic, peak, bandwidth):
    return solution.least_time(flops, traffic, bandwidth, peak)


def by_amount(flops, traffic, peak, bandwidth):
    seconds, _ = solution.least_time(flops, traffic, peak, bandwidth)
    return seconds, "arithmetic" if flops > traffic else "memory"


def arithmetic_first(flops, traffic, peak, bandwidth):
    return max((flops / peak, "arithmetic"), (traffic / bandwidth, "memory"), key=lambda need: need[0])


def merged_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The blocks of the lesson, blocks of unequal sizes, and numbers far from zero."""
    pairs, ones = np.array([2, 2]), np.ones(2)
    got = answer(pairs, np.array([2.0, 6.0]), ones)
    yield Case("mean and variance of (1, 3) and (5, 7) together", got, (4.0, 5.0))
    got = answer(np.array([1, 3]), np.array([0.0, 4.0]), np.array([0.0, 2.0]))
    yield Case("of one number, 0, and three with mean 4 and variance 2", got, (3.0, 4.5))
    got = answer(pairs, np.array([2.0, 6.0]) + 1e9, ones)
    yield Case("of the first two with 1e9 added to all", got, (1e9 + 4, 5.0), 1e-12)


def without_the_means(counts, means, variances):
    mean, _ = solution.merged(counts, means, variances)
    return mean, float((counts * variances).sum() / counts.sum())


def between_alone(counts, means, variances):
    return solution.merged(counts, means, 0 * variances)


def unbiased(counts, means, variances):
    mean, variance = solution.merged(counts, means, variances)
    return mean, variance * counts.sum() / (counts.sum() - 1)


def unweighted(counts, means, variances):
    return solution.merged(np.ones(len(counts)), means, variances)


def by_squares(counts, means, variances):
    total = counts.sum()
    mean = (counts * means).sum() / total
    return float(mean), float((counts * (variances + means**2)).sum() / total - mean**2)


def folded_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two channels whose deviations are 2 and 3; then what the convolution gives."""
    weight, gamma, beta = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([4.0, 3.0]), np.array([1.0, -1.0])
    mean, var = np.array([5.0, 6.0]), np.array([3.0, 8.0])
    got = answer(weight.copy(), gamma.copy(), beta.copy(), mean.copy(), var.copy(), 1.0)
    expected = np.array([[2.0, 2.0], [6.0, 4.0]]), np.array([-9.0, -7.0])
    yield Case("folded with gamma (4, 3), beta (1, -1), mean (5, 6), var (3, 8), eps 1", got, expected)
    wide = np.cos(np.arange(12.0)).reshape(4, 3)
    ones, quarter = np.ones(3), np.full(3, 0.25)
    weight, bias = answer(wide.copy(), ones.copy(), quarter.copy(), quarter.copy(), ones.copy(), 0.0)
    x = np.sin(np.arange(8.0)).reshape(2, 4)
    yield Case("what a folded convolution of 4 to 3 channels gives", x @ weight + bias, x @ wide)


def folding(scale: Callable[..., Any], bias: Callable[..., Any]) -> Callable[..., Any]:
    """A `folded` with this scale of the variance and this bias."""

    def folded(weight, gamma, beta, mean, var, eps):
        factor = gamma * scale(var, eps)
        return weight * factor, bias(beta, mean, factor)

    return folded


def right_scale(var, eps):
    return 1 / np.sqrt(var + eps)


def right_bias(beta, mean, factor):
    return beta - mean * factor


def rows_scaled(weight, gamma, beta, mean, var, eps):
    bias = solution.folded(weight, gamma, beta, mean, var, eps)[1]
    return (weight[: len(gamma)].T * (gamma / np.sqrt(var + eps))).T, bias


def without_gamma(weight, gamma, beta, mean, var, eps):
    return solution.folded(weight, np.ones_like(gamma), beta, mean, var, eps)


def normalise_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Four numbers of variance 5, so that eps 4 makes the root 3; a last block that is not full; memory."""
    gamma, beta = np.array([2.0]), np.array([1.0])
    expected = [[0.0], [1 / 3], [5 / 3], [3.0]]
    for rows in (2, 3):
        z = np.array([[1.0], [3.0], [5.0], [7.0]])
        answer(z, gamma.copy(), beta.copy(), 4.0, rows)
        yield Case(f"z = (1, 3, 5, 7), gamma 2, beta 1, eps 4, {rows} rows at a time", z, expected)
    z = np.sin(np.arange(2.0**16)).reshape(-1, 16)
    tracemalloc.start()
    try:
        answer(z, np.ones(16), np.zeros(16), 1e-5, 64)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    yield Case("new memory is less than a quarter of z", most < z.nbytes / 4, True)


def normalising(**choices: Any) -> Callable[..., None]:
    """A `normalise` with one thing wrong."""
    ddof, root = choices.get("ddof", 0), choices.get("root", lambda var, eps: np.sqrt(var + eps))

    def normalise(z, gamma, beta, eps, rows):
        blocks = [z[start : start + rows] for start in range(0, len(z), rows)]
        if choices.get("full_only"):
            blocks = [block for block in blocks if len(block) == rows]
        mean, var = z.mean(axis=0), z.var(axis=0, ddof=ddof)
        if choices.get("averaged"):
            var = np.mean([block.var(axis=0) for block in blocks], axis=0)
        for block in blocks:
            if choices.get("own"):
                mean, var = block.mean(axis=0), block.var(axis=0)
            block -= mean
            block *= gamma / root(var, eps)
            block += beta
            np.maximum(block, choices.get("floor", 0), out=block)

    return normalise


def all_at_once(z, gamma, beta, eps, rows):
    z[:] = np.maximum(gamma * (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + eps) + beta, 0)


def into_another(z, gamma, beta, eps, rows):
    copy = z.copy()
    solution.normalise(copy, gamma, beta, eps, rows)
    return copy


CHECKS = [
    Check(
        "least_time",
        least_cases,
        "Arithmetic takes flops / peak, memory traffic / bandwidth; the longer of the two decides.",
        (
            Mistake(one_after_the_other, "The machine does both at once: the longer time, not the sum."),
            Mistake(the_shorter, "Both have to be done: the longer time counts."),
            Mistake(crosswise, "Operations are done at the peak, bytes are moved at the bandwidth."),
            Mistake(by_amount, "Compare seconds, not the number of operations with that of bytes."),
            Mistake(arithmetic_first, "Where both take equally long, the answer is to be memory."),
        ),
    ),
    Check(
        "merged",
        merged_cases,
        "mean = sum(counts · means) / sum(counts); variance = sum(counts · (variances + (means - mean)^2)) / "
        "sum(counts).",
        (
            Mistake(without_the_means, "The means of the blocks are spread, too: add (means - mean)^2."),
            Mistake(between_alone, "The numbers within a block are spread, too: add its variance."),
            Mistake(unbiased, "Biased variances are divided by N, not by N - 1."),
            Mistake(unweighted, "A block of three numbers counts three times as much as a block of one."),
            Mistake(by_squares, "The difference of two huge squares has no digits left: square distances."),
        ),
    ),
    Check(
        "folded",
        folded_cases,
        "With scale = gamma / sqrt(var + eps), multiply each column of the weight by its scale; the bias is "
        "beta - mean · scale.",
        (
            Mistake(rows_scaled, "Batch norm is per output channel: scale columns of the weight, not rows."),
            Mistake(folding(lambda v, e: 1 / (v + e), right_bias), "The square root of the variance."),
            Mistake(folding(lambda v, e: 1 / (np.sqrt(v) + e), right_bias), "eps stands under the root."),
            Mistake(without_gamma, "The scale has gamma above the root."),
            Mistake(folding(right_scale, lambda b, m, f: b), "The mean goes into the bias, scaled."),
            Mistake(folding(right_scale, lambda b, m, f: b - m), "The mean is scaled, too: mean · scale."),
            Mistake(folding(right_scale, lambda b, m, f: b + m * f), "The mean is taken off."),
        ),
    ),
    Check(
        "normalise",
        normalise_cases,
        "First pass: the mean, and the squared distances from it, added up block by block. Second pass: each "
        "block times scale, plus shift, at least 0, in place (`block *= scale`).",
        (
            Mistake(normalising(own=True), "Each block has its own mean here: it takes that of all rows."),
            Mistake(normalising(averaged=True), "The mean of the blocks' variances is not that of all rows."),
            Mistake(normalising(ddof=1), "To normalise, the variance is divided by R, not by R - 1."),
            Mistake(normalising(root=lambda v, e: np.sqrt(v) + e), "eps stands under the root."),
            Mistake(normalising(floor=-np.inf), "ReLU is missing: nothing is below 0."),
            Mistake(
                normalising(full_only=True), "The last rows are left out where R is no multiple of rows."
            ),
            Mistake(all_at_once, "Whole arrays are made on the way: work block by block, in place."),
            Mistake(into_another, "z itself has to change: write into its rows."),
        ),
    ),
]

"""Checks of lesson 03: expected numbers by hand, and from the definition, one use at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "03_arrays.py")
SIX = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def use_by_use(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The definition of `unbroadcast`: number the elements, broadcast the numbers, add up each one's uses."""
    total = np.zeros(shape)
    numbered = np.broadcast_to(np.arange(total.size).reshape(shape), grad.shape)
    for index in np.ndindex(grad.shape):
        total.flat[numbered[index]] += grad[index]
    return total


def unbroadcast_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's, then every way in which an axis can be missing or have size 1."""
    for shape, expected in (((3,), [5.0, 7.0, 9.0]), ((2, 1), [[6.0], [15.0]]), ((2, 3), SIX)):
        yield Case(f"[[1, 2, 3], [4, 5, 6]] to shape {shape}", answer(SIX.copy(), shape), expected)
    large = np.arange(24.0).reshape(4, 2, 3) ** 2
    for shape in ((), (1,), (1, 3), (1, 1), (2, 1), (4, 1, 3), (1, 2, 1), (4, 2, 3)):
        yield Case(f"shape (4, 2, 3) to shape {shape}", answer(large.copy(), shape), use_by_use(large, shape))


def only_missing(grad, shape):
    return grad.sum(axis=tuple(range(grad.ndim - len(shape))))


def averaged(grad, shape):
    return solution.unbroadcast(grad, shape) / (grad.size / np.prod(shape))


def first_use(grad, shape):
    grad = grad[(0,) * (grad.ndim - len(shape))]
    return grad[tuple(slice(1) if size == 1 else slice(None) for size in shape)]


def without_kept_axes(grad, shape):
    added = grad.ndim - len(shape)
    ones = tuple(axis + added for axis, size in enumerate(shape) if size == 1)
    return grad.sum(axis=tuple(range(added)) + ones)


def matmul_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's numbers, then sizes that are all different."""
    x, w, grad = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [-1.0]]), np.array([[1.0], [10.0]])
    expected = np.array([[1.0, -1.0], [10.0, -10.0]]), np.array([[31.0], [42.0]])
    yield Case("gradients by x and w for the lesson's numbers", answer(x, w, grad), expected)
    x, w, grad = (
        SIX,
        np.arange(12.0).reshape(3, 4) - 5,
        np.array([[1.0, -2.0, 0.5, 3.0], [2.0, 0.0, -1.0, 1.0]]),
    )
    by_x = [[sum(grad[i, j] * w[k, j] for j in range(4)) for k in range(3)] for i in range(2)]
    by_w = [[sum(x[i, k] * grad[i, j] for i in range(2)) for j in range(4)] for k in range(3)]
    expected = np.array(by_x), np.array(by_w)
    yield Case("gradients by x (2, 3) and w (3, 4)", answer(x, w, grad), expected)


def other_way_round(x, w, grad):
    return solution.matmul_gradients(x, w, grad)[::-1]


def not_transposed(x, w, grad):
    return grad @ w.T, x @ grad


def transposed_result(x, w, grad):
    return grad @ w.T, grad.T @ x


def without_grad(x, w, grad):
    ones = np.ones_like(grad)
    return ones @ w.T, x.T @ ones


def centre_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two rows by hand; equal gradients, which no shift of a row can change; many."""
    rows = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 6.0]])
    yield Case("grad [[3, 0, 0], [0, 3, 6]]", answer(rows), [[2.0, -1.0, -1.0], [-3.0, 0.0, 3.0]])
    yield Case("grad of ones", answer(np.ones((2, 4))), np.zeros((2, 4)))
    expected = [[-1.0, 0.0, 1.0], [-2.0, 1.0, 1.0]]
    yield Case("grad [[1, 2, 3], [4, 7, 7]]", answer(np.array([[1.0, 2.0, 3.0], [4.0, 7.0, 7.0]])), expected)


def as_itself(grad):
    return grad


def one_number_of_the_row(grad):
    return grad * (1 - 1 / grad.shape[1])


def summed(grad):
    return grad - grad.sum(axis=1, keepdims=True)


def of_all_rows(grad):
    return grad - grad.mean()


def of_columns(grad):
    return grad - grad.mean(axis=0)


CHECKS = [
    Check(
        "unbroadcast",
        unbroadcast_cases,
        "Two kinds of axes were repeated: those in front that `shape` does not have, and those where `shape` "
        "has 1. Sum over both; the second kind stays, with size 1.",
        (
            Mistake(only_missing, "An axis of size 1 was repeated, too: sum over it, and keep it."),
            Mistake(averaged, "Effects add up: the sum over the uses, not their mean."),
            Mistake(first_use, "This is the gradient of one use; the others count as well."),
            Mistake(without_kept_axes, "The result needs the shape `shape`: sum with keepdims=True there."),
        ),
    ),
    Check(
        "matmul_gradients",
        matmul_cases,
        "y[i, j] = sum over k of x[i, k] w[k, j]. The slope by w[k, j] is x[i, k], and there is one for "
        "every row i: sum over i. Then find the product of matrices that does it.",
        (
            Mistake(other_way_round, "First the gradient by x, then the one by w."),
            Mistake(
                not_transposed, "The sum runs over the rows of x and of grad: one x has to be transposed."
            ),
            Mistake(transposed_result, "The gradient by w has w's shape (K, O): this is its transpose."),
            Mistake(without_grad, "The chain rule: each slope times what arrives, grad."),
        ),
    ),
    Check(
        "centre_gradient",
        centre_cases,
        "x[i, k] changes y[i, k] by 1 as itself and every y[i, j] of its row by -1/K through the mean. "
        "Multiply each by what arrives there, and add up.",
        (
            Mistake(as_itself, "The mean depends on x as well: something comes back through it."),
            Mistake(one_number_of_the_row, "The mean is taken off all numbers of the row, not of one only."),
            Mistake(summed, "Each number has a share of 1/K in the mean of its row."),
            Mistake(of_all_rows, "The mean of a row is made of this row alone."),
            Mistake(of_columns, "The mean runs along the row: axis 1."),
        ),
    ),
]

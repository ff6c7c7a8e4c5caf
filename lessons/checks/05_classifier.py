"""Checks of lesson 05: the numbers of the lesson, logits that overflow, and a training worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake
from tinynet.data import garments

solution = shelf.load(shelf.FOLDER / "solutions" / "05_classifier.py")
LOGITS = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 6.0]])  # probabilities in eighths, and in quarters
LARGE = np.array([[1000.0, 1000.0], [-1000.0, 0.0]])


def quietly(answer: Callable[..., Any], *arguments: Any) -> Any:
    """The answer without NumPy's warnings: the verdict says what is wrong."""
    with np.errstate(all="ignore"):
        return answer(*arguments)


def softmax_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Numbers by hand; a shift, which changes nothing; numbers whose exponentials overflow."""
    expected = np.array([[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]])
    yield Case("softmax of ln [[1, 2, 5], [3, 3, 6]]", quietly(answer, LOGITS.copy()), expected)
    yield Case("the same with 7 added to all", quietly(answer, LOGITS + 7), expected)
    yield Case(
        "softmax of [[1000, 1000], [-1000, 0]]", quietly(answer, LARGE.copy()), [[0.5, 0.5], [0.0, 1.0]]
    )


def as_on_paper(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def over_everything(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum()


def over_columns(z):
    return solution.softmax(z.T).T


def without_exponentials(z):
    return z / z.sum(axis=1, keepdims=True)


def cross_entropy_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """One row by hand; two rows, of which the mean is taken; a certain and wrong row."""
    got = quietly(answer, LOGITS[:1].copy(), np.array([1]))
    expected = math.log(4), np.array([[0.125, -0.75, 0.625]])
    yield Case("loss and gradient for ln [[1, 2, 5]], label 1", got, expected)
    got = quietly(answer, LOGITS.copy(), np.array([1, 2]))
    expected = math.log(8) / 2, np.array([[0.0625, -0.375, 0.3125], [0.125, 0.125, -0.25]])
    yield Case("loss and gradient for ln [[1, 2, 5], [3, 3, 6]], labels 1 and 2", got, expected)
    got = quietly(answer, LARGE.copy(), np.array([0, 0]))
    expected = (1000 + math.log(2)) / 2, np.array([[-0.25, 0.25], [-0.5, 0.5]])
    yield Case("loss and gradient for [[1000, 1000], [-1000, 0]], labels 0 and 0", got, expected)


def summed(z, labels):
    loss, gradient = solution.cross_entropy(z, labels)
    return loss * len(z), gradient * len(z)


def gradient_of_the_sum(z, labels):
    loss, gradient = solution.cross_entropy(z, labels)
    return loss, gradient * len(z)


def turned_round(z, labels):
    loss, gradient = solution.cross_entropy(z, labels)
    return loss, -gradient


def logarithm_of_probability(z, labels):
    p = solution.softmax(z)
    return float(-np.log(p[np.arange(len(z)), labels]).mean()), solution.cross_entropy(z, labels)[1]


def without_labels(z, labels):
    return solution.cross_entropy(z, labels)[0], solution.softmax(z) / len(z)


def every_class(z, labels):
    return float(-np.log(solution.softmax(z)).sum(axis=1).mean()), solution.cross_entropy(z, labels)[1]


def softmax_twice(z, labels):
    return solution.cross_entropy(solution.softmax(z), labels)


def train_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two images of two pixels, both of class 0: one step by hand, the loss after it, then drawn garments."""
    images, labels = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 0])
    weight, bias, losses = answer(images, labels, 2, 1, 1.0)
    yield Case("losses of one step", losses, [math.log(2)])
    yield Case("weight after one step", weight, [[0.25, -0.25], [0.5, -0.5]])
    yield Case("bias after one step", bias, [0.5, -0.5])
    # After it the logits are +-0.75 for the first image and +-1.5 for the second.
    second = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-3))) / 2
    losses = answer(images, labels, 2, 2, 1.0)[2]
    yield Case("losses of two steps", losses, [math.log(2), second])
    data = garments(200, seed=0)
    rows = data.images.reshape(200, -1) / (255 if data.images.dtype == np.uint8 else 1)
    weight, bias, losses = answer(rows, data.labels, 10, 60, 0.1)
    yield Case("first loss on drawn garments", losses[0], math.log(10))
    share = ((rows @ weight + bias).argmax(axis=1) == data.labels).mean()
    yield Case("more than 3 in 4 of the garments are known after 60 steps", bool(share > 0.75), True)


def trained(sign: float = 1.0, bias_sum: Any = np.sum, scale: bool = False, after: bool = False):
    """A `train` with one thing wrong."""

    def train(images, labels, classes, steps, lr):
        weight, bias, losses = np.zeros((images.shape[1], classes)), np.zeros(classes), []
        for _ in range(steps):
            loss, grad = solution.cross_entropy(images @ weight + bias, labels)
            grad = grad * len(images) if scale else grad
            weight -= sign * lr * images.T @ grad
            bias -= sign * lr * bias_sum(grad, axis=0)
            later = solution.cross_entropy(images @ weight + bias, labels)[0]
            losses.append(later if after else loss)
        return weight, bias, losses

    return train


def no_gradient(grad, axis):
    return np.zeros(grad.shape[1])


CHECKS = [
    Check(
        "softmax",
        softmax_cases,
        "Take the largest logit of each row off the row, take exponentials, and divide each row by its sum.",
        (
            Mistake(as_on_paper, "e^1000 is infinite: take the largest logit of each row off first."),
            Mistake(over_everything, "Each row has the sum 1 for itself: axis=1, keepdims=True."),
            Mistake(over_columns, "The classes stand along a row: axis=1."),
            Mistake(without_exponentials, "Logits may be negative; their exponentials are shared out."),
        ),
    ),
    Check(
        "cross_entropy",
        cross_entropy_cases,
        "loss = mean of -ln p[n, labels[n]] with p = softmax(z); gradient = (p - t) / N, where t has a 1 at "
        "each row's label.",
        (
            Mistake(summed, "The mean over the rows, in the loss and in the gradient."),
            Mistake(gradient_of_the_sum, "The loss is a mean, so its gradient is divided by N, too."),
            Mistake(turned_round, "The gradient says where the loss grows: p - t, not t - p."),
            Mistake(logarithm_of_probability, "The probability was rounded to 0: compute z - max - ln(sum)."),
            Mistake(without_labels, "Take 1 off the probability of each row's right class."),
            Mistake(every_class, "Only the right class of each row counts in the loss."),
            Mistake(softmax_twice, "z are logits already: softmax is applied once."),
        ),
    ),
    Check(
        "train",
        train_cases,
        "In each step: logits = images @ weight + bias; loss and gradient from cross_entropy; the weight's "
        "gradient is images.T @ grad, the bias's the sum of grad over the rows; take lr times them off.",
        (
            Mistake(trained(sign=-1.0), "The loss grows along the gradient: take it off."),
            Mistake(trained(bias_sum=np.mean), "The bias is used once per row: its gradient is the sum."),
            Mistake(trained(bias_sum=no_gradient), "The bias is trained, too."),
            Mistake(trained(scale=True), "The gradient of the mean loss: divide by the number of images."),
            Mistake(trained(after=True), "Write the loss down before the step."),
        ),
    ),
]

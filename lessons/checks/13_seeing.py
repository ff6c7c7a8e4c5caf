"""Checks of lesson 13: tables and networks that are small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinynet as tn
from lessons import shelf
from lessons.checking import Case, Check, Mistake
from tinynet import nn

solution = shelf.load(shelf.FOLDER / "solutions" / "13_seeing.py")


def quietly(answer: Callable[..., Any], *arguments: Any) -> Any:
    """The answer without NumPy's warnings: the verdict says what is wrong."""
    with np.errstate(all="ignore"):
        return answer(*arguments)


def recall_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two classes; then one that nobody answers and one without images."""
    got = quietly(answer, np.array([[6, 2], [3, 9]]))
    yield Case("recall and precision of [[6, 2], [3, 9]]", got, ([0.75, 0.75], [6 / 9, 9 / 11]))
    got = quietly(answer, np.array([[4, 0, 1], [3, 0, 2], [0, 0, 0]]))
    yield Case("of [[4, 0, 1], [3, 0, 2], [0, 0, 0]]", got, ([0.8, 0, 0], [4 / 7, 0, 0]))


def exchanged(matrix):
    return solution.recall_precision(matrix)[::-1]


def of_everything(matrix):
    return np.diag(matrix) / matrix.sum(), np.diag(matrix) / matrix.sum()


def with_nothing_by_nothing(matrix):
    return np.diag(matrix) / matrix.sum(axis=1), np.diag(matrix) / matrix.sum(axis=0)


def in_whole_numbers(matrix):
    recall, precision = solution.recall_precision(matrix)
    return recall.astype(int), precision.astype(int)


LABELS = np.array([0, 1, 2, 0, 1, 2])
PROBABILITIES = np.array(
    [
        [0.9, 0.05, 0.05],  # right
        [0.5, 0.1, 0.4],  # wrong, a little sure
        [0.1, 0.7, 0.2],  # wrong, surer
        [0.05, 0.46, 0.49],  # wrong, the least sure
        [0.1, 0.8, 0.1],  # right
        [0.6, 0.39, 0.01],  # wrong; the label has the least of all
    ]
)


def mistakes_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """All, few, and none."""
    yield Case("the surest two of six images", answer(LABELS, PROBABILITIES, 2), [2, 5])
    yield Case("all of them", answer(LABELS, PROBABILITIES, 10)[:3], [2, 5, 1])
    yield Case("how many there are", len(answer(LABELS, PROBABILITIES, 10)), 4)
    right = PROBABILITIES.argmax(axis=1)
    yield Case("how many where all answers are right", len(answer(right, PROBABILITIES, 3)), 0)


def ordered(key: Callable[[np.ndarray, np.ndarray], np.ndarray], of_all: bool = False):
    """A `surest_mistakes` in the order of `key(labels, probabilities)`."""

    def surest_mistakes(labels, probabilities, count):
        wrong = probabilities.argmax(axis=1) != labels
        chosen = np.arange(len(labels)) if of_all else np.flatnonzero(wrong)
        return chosen[np.argsort(key(labels, probabilities)[chosen], kind="stable")][:count]

    return surest_mistakes


def places_among_mistakes(labels, probabilities, count):
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return np.argsort(-probabilities[wrong].max(axis=1), kind="stable")[:count]


def dense(weight: Any, *before: nn.Module) -> nn.Sequential:
    """A network with this weight in its dense layer, in training mode."""
    weight = np.array(weight, np.float32)
    layer = nn.Dense(*weight.shape)
    layer.weight.data = weight
    return nn.Sequential(*before, nn.Flatten(), layer).train()


def norm() -> nn.BatchNorm:
    """Batch normalisation that has seen values of mean 1 and variance 1/4."""
    layer = nn.BatchNorm(1)
    layer.running_mean, layer.running_var = np.ones(1, np.float32), np.array([0.25 - layer.eps], np.float32)
    return layer


def saliency_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A dense layer's gradient is its weight; the batch norm multiplies it by 1 / sqrt(0.25) = 2."""
    weight = [[1.5, -2.0], [3.0, 0.5], [-4.0, 6.0], [0.0, 1.0]]
    pixels = np.array([0.1, 0.9, 0.4, 0.3, 0.8, 0.2, 0.5, 0.7], np.float32)
    images = pixels.reshape(2, 2, 2, 1)
    expected = np.array([[[2.0, 0.5], [6.0, 1.0]], [[1.5, 3.0], [4.0, 0.0]]])
    what = "saliency of two images of 2x2 pixels, labels 1 and 0, "
    yield Case(what + "one dense layer", answer(dense(weight), images.copy(), np.array([1, 0])), expected)
    got = answer(dense(weight, norm()), images.copy(), np.array([1, 0]))
    yield Case(what + "batch norm before it", got, 2 * expected)
    got = answer(dense(weight), pixels.reshape(2, 1, 1, 4), np.array([1, 0]))
    yield Case("saliency of two pixels with 4 channels", got, [[[6.0]], [[4.0]]])


def asked(
    loss: bool = False,
    every: bool = False,
    signed: bool = False,
    training: bool = False,
    mean: bool = False,
    channels: Callable[..., Any] = np.max,
):
    """A `saliency` with one thing wrong."""

    def saliency(model, images, labels):
        x = tn.Tensor(images, requires_grad=True)
        model.train(training)
        logits = model(x)
        own = logits if every else logits[np.arange(len(images)), labels]
        total = own.mean() if mean else own.sum()
        (tn.losses.cross_entropy(logits, labels) if loss else total).backward()
        return channels(x.grad if signed else np.abs(x.grad), axis=3)

    return saliency


WEIGHT = np.array([[0.3, 0.1, 0.0], [0.1, 0.2, 0.05], [0.0, 0.05, 0.1]])
FALLS = np.array([[0.7, 0.35], [0.35, 0.4]])  # sums of 2x2 weights


def predicting(weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Two classes: the probability of the second is the sum of weights times pixels."""

    def predict(images):
        second = (np.asarray(images)[..., 0] * weight).sum(axis=(1, 2))
        return np.stack([1 - second, second], axis=1)

    return predict


def occlusion_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A white image falls by the weights that are covered; a grey one gets the other answer."""
    image = np.ones((3, 3, 1))
    yield Case("a white image, side 2", answer(predicting(WEIGHT), image, 2), FALLS)
    yield Case("the image afterwards", image[:, :, 0], np.ones((3, 3)))
    got = answer(predicting(WEIGHT), np.full((3, 3, 1), 0.5), 2)
    yield Case("a grey image, which is of the first class", got, -FALLS / 2)
    broad = np.array([[0.1, 0.2, 0.3], [0.0, 0.1, 0.05]])
    yield Case("an image of 2x3, side 2", answer(predicting(broad), np.ones((2, 3, 1)), 2), [[0.4, 0.65]])


def covered(
    sign: float = 1.0, fill: float = 0.0, less: int = 0, part: str = "fall", second: bool = False,
    undone: bool = True, in_place: bool = False,
):  # fmt: skip
    """An `occlusion` with one thing wrong."""

    def occlusion(predict, image, side):
        shape = tuple(length - side + 1 - less for length in image.shape[:2])
        whole, result = predict(image[None].copy())[0], np.zeros(shape)
        answer = 1 if second else whole.argmax()
        canvas = image if in_place else image.copy()
        for i, j in np.ndindex(*shape):
            canvas = canvas if in_place or not undone else image.copy()
            canvas[i : i + side, j : j + side] = fill
            now = predict(canvas[None])[0]
            falls = {
                "fall": whole[answer] - now[answer],
                "left": now[answer],
                "most": whole.max() - now.max(),
            }
            result[i, j] = sign * falls[part]
        return result

    return occlusion


def right_but_changes(predict, image, side):
    result = solution.occlusion(predict, image, side)
    image[-side:, -side:] = 0
    return result


def turned(predict, image, side):
    return solution.occlusion(predict, image, side).T


CHECKS = [
    Check(
        "recall_precision",
        recall_cases,
        "Recall: the diagonal by the sums of the rows. Precision: the diagonal by the sums of the columns. "
        "Where a sum is 0, the share is 0.",
        (
            Mistake(
                exchanged, "Rows are true classes: recall divides by their sums, precision by the columns'."
            ),
            Mistake(of_everything, "A share of the class, or of the answer, not of all images."),
            Mistake(with_nothing_by_nothing, "0 by 0 is not a number: divide by at least 1 there."),
            Mistake(in_whole_numbers, "Shares are fractions: divide with /, not with //."),
        ),
    ),
    Check(
        "surest_mistakes",
        mistakes_cases,
        "np.flatnonzero gives the indices of the wrong ones; sort them by minus the largest probability of "
        "their row, and keep the first `count`.",
        (
            Mistake(ordered(lambda _, p: p.max(axis=1)), "The surest first: sort by minus the probability."),
            Mistake(
                ordered(lambda _, p: -p.max(axis=1), of_all=True), "Leave out what the network got right."
            ),
            Mistake(
                ordered(lambda labels, p: p[np.arange(len(p)), labels]),
                "Sure of its answer: the largest probability counts, not the one of the label.",
            ),
            Mistake(places_among_mistakes, "These are places among the mistakes: give indices of images."),
        ),
    ),
    Check(
        "saliency",
        saliency_cases,
        "x = tn.Tensor(images, requires_grad=True); model.eval(); take from model(x) each row's own label, "
        "sum, backward; then the absolute value of x.grad and its maximum over the channels.",
        (
            Mistake(asked(loss=True), "The gradient of the logit, not of the loss."),
            Mistake(asked(every=True), "Of each image only the logit of its own label."),
            Mistake(asked(signed=True), "The size: take the absolute value, before the maximum."),
            Mistake(asked(training=True), "Call model.eval(): in training batch norm mixes the images."),
            Mistake(asked(mean=True), "Sum the logits: a mean divides the gradient by the number of images."),
            Mistake(asked(channels=np.sum), "The largest of the channels, not their sum."),
            Mistake(asked(channels=np.mean), "The largest of the channels, not their mean."),
        ),
    ),
    Check(
        "occlusion",
        occlusion_cases,
        "For each place copy the image and set the square to 0. Take the probability of the answer to the "
        "covered image off that of the whole one.",
        (
            Mistake(
                covered(sign=-1.0),
                "A fall is positive: the whole image's probability less the covered one's.",
            ),
            Mistake(covered(fill=1.0), "Black is 0."),
            Mistake(covered(less=1), "There are H - side + 1 places along a side."),
            Mistake(covered(part="left"), "How far it falls, not what is left."),
            Mistake(
                covered(part="most"), "Follow the probability of the first answer, also when another wins."
            ),
            Mistake(covered(undone=False), "One square at a time: copy the image anew for each place."),
            Mistake(covered(in_place=True), "One square at a time: copy the image anew for each place."),
            Mistake(covered(second=True), "The answer is the likeliest class of the whole image: argmax."),
            Mistake(right_but_changes, "Work on a copy: the image is not yours to change."),
            Mistake(turned, "The first index goes down, the second to the right."),
        ),
    ),
]

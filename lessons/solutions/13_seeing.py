"""Solutions of lesson 13, what the network sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tinynet as tn
from tinynet import nn


def recall_precision(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(recall, precision), (K,) each, of a confusion matrix with true classes in rows, answers in columns."""
    right = np.diag(matrix)  # 0 wherever a row or column is empty, so any divisor but 0 will do there
    return right / np.maximum(matrix.sum(axis=1), 1), right / np.maximum(matrix.sum(axis=0), 1)


def surest_mistakes(labels: np.ndarray, probabilities: np.ndarray, count: int) -> np.ndarray:
    """Indices of at most `count` images whose likeliest class is not their label, the surest answer first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:count]


def saliency(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How much each pixel matters: the size of the gradient of its image's own logit by it, (N, H, W)."""
    x = tn.Tensor(images, requires_grad=True)
    model.eval()  # so that no image has a part in the logits of another
    own = model(x)[np.arange(len(images)), labels]
    own.sum().backward()  # a sum, so that each image gets the upstream gradient 1
    return np.abs(x.grad).max(axis=3)


def occlusion(predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, side: int) -> np.ndarray:
    """How far the probability of the answer falls under a black square, for each place."""
    height, width = image.shape[0] - side + 1, image.shape[1] - side + 1
    covered = np.repeat(image[None], height * width, axis=0)  # a copy for each place
    for number, (i, j) in enumerate(np.ndindex(height, width)):
        covered[number, i : i + side, j : j + side] = 0
    whole = predict(image[None])[0]
    answer = whole.argmax()
    return (whole[answer] - predict(covered)[:, answer]).reshape(height, width)

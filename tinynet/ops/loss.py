"""The losses: from logits and labels to one number, the mean over the batch.

Both take logits, not probabilities: together with the softmax or sigmoid the gradient becomes a plain
difference, and nothing overflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import below_one
from ..errors import DTypeError, InputError
from ..kernels.loss import softmax_cross_entropy
from ..tensor import Op, Tensor, as_tensor
from .activation import stable_sigmoid


class CrossEntropy(Op):
    """y = -(1/N) sum over n, k of t[n, k] ln softmax(z[n])[k]; the gradient is g (softmax(z) - t) / N.

    t holds one row of class probabilities per example. Shapes: z and t (N, K), y ().
    """

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets

    def forward(self, logits):
        loss, gradient = softmax_cross_entropy(logits, self.targets)
        self.save(gradient)
        return loss

    def backward(self, grad):
        (gradient,) = self.saved
        return grad * gradient


class BinaryCrossEntropy(Op):
    """y = -mean(t ln s + (1 - t) ln(1 - s)) with s = sigmoid(z); the gradient is g (s - t) / n.

    Computed as max(z, 0) - z t + ln(1 + e^-|z|), which cannot overflow. Shapes: z and t equal, y ().
    """

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets

    def forward(self, logits):
        self.save(logits)
        terms = np.maximum(logits, 0) - logits * self.targets + np.log1p(np.exp(-np.abs(logits)))
        return terms.mean()

    def backward(self, grad):
        (logits,) = self.saved
        return (stable_sigmoid(logits) - self.targets) * (grad / grad.dtype.type(logits.size))


def cross_entropy(logits: Any, labels: Any, label_smoothing: float = 0.0) -> Tensor:
    """The mean cross-entropy between softmax(logits) and the labels.

    logits: a tensor (N, K).
    labels: N integers from 0 to K - 1 ("sparse categorical"), or rows (N, K) of class probabilities with
        sum 1 ("categorical").
    label_smoothing: the share of each target that is spread evenly over all K classes, from 0 up to but not
        including 1 (Szegedy et al. 2016, arXiv 1512.00567, section 7).
    Raises InputError when shapes or labels do not fit, or the batch is empty.
    """
    logits = _logits("cross_entropy", logits)
    if logits.ndim == 2 and logits.shape[1] == 1:
        raise InputError(
            f"cross_entropy expects one logit per class, got shape {logits.shape}: for one logit use "
            "binary_cross_entropy."
        )
    if logits.ndim != 2 or 0 in logits.shape:
        raise InputError(
            f"cross_entropy expects logits of shape (N, K) with at least one example and class, "
            f"got shape {logits.shape}."
        )
    label_smoothing = below_one("label_smoothing", label_smoothing)
    classes = logits.shape[1]
    targets = _class_probabilities(_as_array(labels), logits)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / classes
    return CrossEntropy(targets)(logits)


def binary_cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Tensor:
    """The mean cross-entropy between sigmoid(logits) and targets from 0 to 1.

    logits: a tensor (N,), (N, 1) or any other shape; targets: as many numbers, integers or floats; N labels
    are accepted for logits of shape (N, 1).
    label_smoothing: the share of each target that is spread evenly over both classes: t becomes
        (1 - label_smoothing) t + label_smoothing / 2, as in Keras.
    Raises InputError when they do not fit or the batch is empty.
    """
    label_smoothing = below_one("label_smoothing", label_smoothing)
    logits = _logits("binary_cross_entropy", logits)
    array = _as_array(targets)
    if logits.ndim == 2 and logits.shape[1] == 1 and array.shape == (logits.shape[0],):
        array = array[:, np.newaxis]
    if array.shape != logits.shape or logits.size == 0:
        raise InputError(
            f"binary_cross_entropy expects as many targets as logits and at least one, got logits of shape "
            f"{logits.shape} and targets of shape {array.shape}."
        )
    if not ((array >= 0) & (array <= 1)).all():
        raise InputError(
            "binary_cross_entropy expects targets from 0 to 1, "
            f"got values from {array.min()} to {array.max()}."
        )
    smoothed = array.astype(logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
    return BinaryCrossEntropy(smoothed)(logits)


def _logits(name: str, logits: Any) -> Tensor:
    if np.asarray(getattr(logits, "_array", logits)).dtype.kind in "iu":
        raise DTypeError(f"{name} expects the logits first and the labels second, got integers first.")
    return as_tensor(logits)


def _as_array(labels: Any) -> np.ndarray:
    if isinstance(labels, Tensor):
        return labels._array
    try:
        array = np.asarray(labels)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"labels expects numbers, got {type(labels).__name__} {labels!r:.60}.")
    return array


def _class_probabilities(labels: np.ndarray, logits: Tensor) -> np.ndarray:
    """The targets as rows of probabilities (N, K), whichever way they were given."""
    count, classes = logits.shape
    if labels.shape == (count, classes):
        rows = labels.astype(logits.dtype)
        if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1, atol=1e-4):
            raise InputError(
                "cross_entropy expects one-hot rows (or class probabilities) that are not negative and have "
                "sum 1."
            )
        return rows
    if labels.shape != (count,):
        raise InputError(
            f"cross_entropy expects {count} integer labels or one-hot rows of shape {(count, classes)} for "
            f"logits of shape {logits.shape}, got labels of shape {labels.shape}."
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(
            f"cross_entropy expects integer labels, got {labels.dtype}: convert them with .astype(np.int64)."
        )
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise InputError(
            f"cross_entropy expects labels from 0 to {classes - 1} for logits of {classes} classes, "
            f"got label {wrong}."
        )
    rows = np.zeros((count, classes), dtype=logits.dtype)
    rows[np.arange(count), labels] = 1
    return rows

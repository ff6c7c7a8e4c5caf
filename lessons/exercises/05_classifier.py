"""Exercises of lesson 05, the first classifier. Check them with `tinynet check 05`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

import numpy as np


def softmax(z: np.ndarray) -> np.ndarray:
    """Rows of probabilities from rows of logits: (N, K) -> (N, K). Logits may be as large as 1000."""
    raise NotImplementedError


def cross_entropy(z: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """(loss, gradient): the mean cross-entropy of softmax(z) over the rows, and its gradient by z.

    z: logits (N, K), as large as 1000.  labels: N integers from 0 to K - 1.  gradient: (N, K).
    """
    raise NotImplementedError


def train(
    images: np.ndarray, labels: np.ndarray, classes: int, steps: int, lr: float
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """(weight, bias, losses): one dense layer, trained with all images in every step.

    images: rows (N, I).  weight: (I, classes) and bias: (classes,) start as zeros; each step takes lr times
    the gradient of the mean cross-entropy off them. losses: the loss before each step.
    """
    raise NotImplementedError

"""Exercises of lesson 13, what the network sees. Check them with `tinynet check 13`.

Replace each `raise NotImplementedError` by your answer. The third one needs tinynet, the others NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinynet import nn


def recall_precision(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(recall, precision), (K,) each, of a confusion matrix with true classes in rows, answers in columns.

    recall: of the images of a class, the share that is called so.  precision: of the images that are called
    so, the share that is of the class. Where there is nothing to take a share of, it is 0.
    """
    raise NotImplementedError


def surest_mistakes(labels: np.ndarray, probabilities: np.ndarray, count: int) -> np.ndarray:
    """Indices of at most `count` images whose likeliest class is not their label, the surest answer first.

    labels: (N,).  probabilities: (N, K).
    """
    raise NotImplementedError


def saliency(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How much each pixel matters: the size of the gradient of its image's own logit by it, (N, H, W).

    images: (N, H, W, C); of several channels the largest counts.  labels: (N,), whose logits are meant. The
    model gives logits (N, K); it may come in training mode, and is to be asked in evaluation mode.
    """
    raise NotImplementedError


def occlusion(predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, side: int) -> np.ndarray:
    """How far the answer's probability falls under a black square, for each place.

    predict: images (N, H, W, C) -> probabilities (N, K).  image: (H, W, C), and is not to be changed.
    The answer is the likeliest class of the whole image. The result is (H - side + 1, W - side + 1): element
    [i, j] belongs to the square whose upper left pixel is [i, j]. Black is 0.
    """
    raise NotImplementedError

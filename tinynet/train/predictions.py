"""What a network says about images: logits, probabilities, classes and their confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import positive_int
from ..data.loader import unit_range
from ..errors import InputError
from ..tensor import Tensor, no_grad

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..nn import Module

BATCH = 256


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode without a graph; afterwards every part is back in the mode it was in."""
    modes = [(module, module.training) for _, module in model.named_modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def precision(model: Module) -> np.dtype:
    """The dtype a model computes with: that of its first parameter, float32 without any."""
    parameters = model.parameters()
    return parameters[0].dtype if parameters else np.dtype(np.float32)


def as_input(images: np.ndarray, dtype: np.dtype) -> Tensor:
    """A batch of images as a tensor of the model's `precision`.

    The array has to be the caller's alone: the engine will not watch it for changes.
    """
    return Tensor._own(np.ascontiguousarray(images, dtype=dtype))


def predict_logits(
    model: Module,
    data: Dataset | np.ndarray,
    batch_size: int = BATCH,
    on_batch: Callable[[], None] | None = None,
    flips: bool = False,
) -> np.ndarray:
    """The network's outputs (N, K) for a data set or for images (N, H, W, C), bytes or 0..1.

    The model runs in evaluation mode and is left in the mode it was in. `on_batch` is called after each
    batch. With `flips` the outputs are the means of those for each image and for its mirror image.
    Raises InputError if there are no images.
    """
    images = data if isinstance(data, np.ndarray) else data.images
    if images.ndim != 4 or not len(images):
        raise InputError(
            f"predict_logits expects images of shape (N, H, W, C), at least one, got {images.shape}."
        )
    batch_size = positive_int("batch_size", batch_size)
    outputs = []
    dtype = precision(model)
    with evaluating(model):
        for start in range(0, len(images), batch_size):
            batch = np.array(unit_range(images[start : start + batch_size]))
            logits = model(as_input(batch, dtype))._array
            if flips:
                mirrored = model(as_input(batch[:, :, ::-1], dtype))._array
                logits = (logits + mirrored) / 2
            outputs.append(logits)
            if on_batch:
                on_batch()
    return np.concatenate(outputs)


def predict_probabilities(model: Module, data: Dataset | np.ndarray, batch_size: int = BATCH) -> np.ndarray:
    """Class probabilities (N, K) for a data set or images; a network with one logit has K = 2."""
    return probabilities(predict_logits(model, data, batch_size))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax of logits (N, K) in float64; for one logit z (N, 1) the columns 1 - s(z) and s(z).

    One logit is softmax of (0, z): class 1 is the one that the logit speaks for.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def predicted_classes(logits: np.ndarray) -> np.ndarray:
    """The likeliest class (N,) for logits (N, K); with one logit, class 1 where it is positive."""
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.int64)
    return logits.argmax(axis=1)


def measure(logits: np.ndarray, dataset: Dataset, loss: Callable[..., Tensor]) -> dict[str, float]:
    """`{"loss": ..., "accuracy": ...}` of the logits (N, K) for a data set."""
    with no_grad():
        value = loss(Tensor(logits), np.asarray(dataset.labels)).item()
    return {"loss": value, "accuracy": float(np.mean(predicted_classes(logits) == dataset.labels))}


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): row k, column j holds the images of class k that were called j."""
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape:
        raise InputError(
            f"confusion_matrix expects as many predictions as labels, got {predicted.shape} for "
            f"{labels.shape}."
        )
    counts = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)

"""What has to fit before the first step: images, labels and classes to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import random
from ..errors import InputError
from .predictions import as_input, evaluating, precision

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..nn import Module
    from ..optim import Optimizer


def check_fit(
    model: Module, optimizer: Optimizer, batch_size: int, *, train: Dataset, **others: Dataset | None
) -> None:
    """Raise InputError, in a sentence, unless a training on these data can begin."""
    for name, dataset in {"train": train, **others}.items():
        if dataset is not None:
            check_data(model, dataset, name)
    check_last_batch(model, train, batch_size)
    check_optimizer(model, optimizer)


def check_data(model: Module, dataset: Dataset, name: str) -> None:
    """Raise InputError, in a sentence, unless the model can be trained or measured on `dataset`."""
    for attribute in ("images", "labels", "class_names", "batches"):
        if not hasattr(dataset, attribute):
            raise InputError(
                f"{name} expects a Dataset, got {type(dataset).__name__}: "
                "make one with tn.data.Dataset(images, labels, class_names)."
            )
    if len(dataset) == 0:
        raise InputError(f"{name} holds no images: training needs at least one.")
    outputs = _output_shape(model, dataset, name)
    if len(outputs) != 1:
        raise InputError(
            f"{name}: the model's output for one image has shape {outputs}, expected one value per "
            "class: end the model with a Dense layer, after Flatten or GlobalAvgPool2D."
        )
    classes = max(outputs[0], 2)  # one logit tells two classes apart
    lowest, highest = int(np.min(dataset.labels)), int(np.max(dataset.labels))
    if lowest < 0 or highest >= classes:
        wrong = lowest if lowest < 0 else highest
        raise InputError(
            f"{name} holds the label {wrong}, but the model tells {classes} classes apart "
            f"(0 to {classes - 1}): build it with classes={highest + 1}, or mend the labels."
        )


def check_optimizer(model: Module, optimizer: Optimizer) -> None:
    """Raise InputError if the optimiser would change nothing of the model: it was made for another one."""
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise InputError(
            "optimizer holds no parameter of this model, which would not change: make it with "
            "model.parameters(), again when the model is built again."
        )


def check_last_batch(model: Module, train: Dataset, batch_size: int) -> None:
    """Raise InputError if the last batch is a single image and the model cannot be trained on one.

    Batch normalisation cannot where an image gives it one value per channel. Whether it does depends
    on the whole network, so one image goes through it; what that changes is put back.
    """
    if len(train) % batch_size != 1 and batch_size != 1:
        return
    state, streams = model.state_dict(), random.state()
    image = np.zeros((1, *train.image_shape))
    with evaluating(model):
        try:
            model.train()(as_input(image, precision(model)))
        except InputError as error:
            raise InputError(
                f"batch_size={batch_size} leaves a single image of {len(train):,} for the last batch, "
                f"and this network cannot be trained on one ({error}): choose another batch_size."
            ) from error
        finally:
            model.load_state_dict(state)
            random.restore(streams)


def _output_shape(model: Module, dataset: Dataset, name: str) -> tuple[int, ...]:
    """The shape for one image, from the layers' own account; a model without one is tried out."""
    built_for = getattr(model, "input_shape", None)
    shape = tuple(dataset.image_shape)
    if built_for is not None and tuple(built_for) != shape:
        raise InputError(
            f"{name} holds images of shape {shape}, but the model was built for {tuple(built_for)}: "
            "build it for these images, or resize them."
        )
    try:
        return tuple(model.output_shape(shape))
    except NotImplementedError:
        with evaluating(model):
            return model(as_input(np.zeros((1, *shape)), precision(model))).shape[1:]

"""Where a network stops being finite: the sentence that a NaN loss ends with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import TrainingError
from ..nn import Module, observing
from ..tensor import no_grad
from .predictions import as_input, precision

BACK = "The model is back at the weights with which the epoch began."
ADVICE = "Usual causes: a learning rate that is too high, or values far from the range 0..1."


def error(model: Module, images: np.ndarray, what: str) -> TrainingError:
    """The error to raise when a loss over `images` is not finite; `what` says which, and when."""
    return TrainingError(f"{what}. {first_non_finite(model, images)} {BACK} {ADVICE}")


def require_finite_state(model: Module, when: str) -> None:
    """Raise TrainingError if a parameter or buffer is not finite.

    The last update of an epoch is not followed by a loss that would show what it has done.
    """
    culprit = non_finite_state(model)
    if culprit:
        raise TrainingError(f"{when}: {culprit} is not finite. {BACK} {ADVICE}")


def first_non_finite(model: Module, images: np.ndarray) -> str:
    """One sentence on the first thing that is not finite when `images` go through the model.

    In the order in which the numbers flow: images, parameters and buffers, then the first layer. If
    everything up to the logits is finite, the loss itself is to blame.
    """
    if not np.isfinite(images).all():
        return "The images of the batch hold values that are not finite."
    state = non_finite_state(model)
    layer = _first_layer(model, images)
    if layer is None:
        sentence = "Every layer's output is finite for this batch: look at the loss function."
    else:
        sentence = f"The first layer whose output is not finite is {layer}."
    if state:
        sentence += f" Before that, {state} was already not finite."
    return sentence


def non_finite_state(model: Module) -> str | None:
    """The name of the first parameter or buffer that is not finite, if there is one."""
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter._array).all():
            return f"the parameter {name}"
    for name, buffer in model.named_buffers():
        if not np.isfinite(buffer).all():
            return f"the buffer {name}"
    return None


def _first_layer(model: Module, images: np.ndarray) -> str | None:
    """Run the batch again, watching. Inner layers report first, so the first hit is the cause."""
    names = {id(module): name for name, module in model.named_modules()}
    found: list[str] = []

    def watch(module: Module, output: Any) -> None:
        if not found and not np.isfinite(output._array).all():
            name = names.get(id(module), "")
            found.append(f"{type(module).__name__} ({name})" if name else type(module).__name__)

    with no_grad(), observing(watch), np.errstate(all="ignore"):
        model(as_input(images, precision(model)))
    return found[0] if found else None

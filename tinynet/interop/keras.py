"""Networks to Keras and back: `to_keras`, `from_keras`.

After a conversion outputs and all gradients are the same but for rounding, in training and in evaluation. One
thing is not: Keras moves the running variance of a batch norm towards the biased variance of a batch, we move
it towards the unbiased one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import nn
from ..errors import ConversionError, InputError
from ..nn.module import Shape
from .flow import IMAGES, Flow, Problems
from .frameworks import require
from .keras_plan import plan
from .keras_reading import KINDS, check
from .reading import Reader


def to_keras(model: nn.Sequential, input_shape: Shape | None = None) -> Any:
    """A keras.Sequential that computes the same, with copies of the weights, in the model's precision.

    Names are those of `keras_plan.plan`. A layer whose parameters are frozen is not trainable there.
    input_shape: (H, W, C), or (C,) for rows; None: what `models.build` has noted.
    Raises ConversionError with all layers that Keras has no equal for, InputError if it is not installed or
    the shape is not known.
    """
    if not isinstance(model, nn.Sequential):
        raise InputError(f"to_keras expects a Sequential, got {type(model).__name__}: wrap it in one.")
    shape = model.input_shape if input_shape is None else input_shape
    if shape is None:
        raise InputError("to_keras has to know what enters: give input_shape, as in (28, 28, 1).")
    parts = plan(model, shape)
    keras = require("keras")
    parameters = model.parameters()
    dtype = str(parameters[0].dtype) if parameters else "float32"
    layers = [
        getattr(keras.layers, part.kind)(
            name=part.name, dtype=dtype, trainable=part.trainable, **part.options
        )
        for part in parts
    ]
    module = keras.Sequential([keras.Input(tuple(shape), dtype=dtype), *layers])
    for part, layer in zip(parts, layers, strict=True):
        layer.set_weights(list(part.weights.values()))
    return module


def from_keras(model: Any) -> nn.Sequential:
    """Our network that computes what a model of Keras computes, with copies of its weights.

    The model is a row of layers that we have: a Sequential, or a functional model without branches, such as
    keras.applications.MobileNet; models within become layers of the row. The network leaves rows (N, C)
    where the model leaves images of one pixel. Precision, and what is not trainable, are kept.
    Raises ConversionError with all layers that cannot be converted, InputError if Keras is not installed or
    the model is not built.
    """
    keras = require("keras")
    if not isinstance(model, keras.layers.Layer):
        raise InputError(f"from_keras expects a model of Keras, got {type(model).__name__}.")
    if not model.built:
        raise InputError("from_keras expects a model that is built: call model.build(shape) first.")
    problems = Problems(f"{model.name!r} cannot be converted")
    shape = None
    reader = Reader(None)
    with problems.at("its input"):
        reader.flow, shape = _entrance(model)
    seen: set[int] = set()
    for layer in _leaves(keras, model, problems):
        with problems.at(f"{layer.name} {type(layer).__name__}", reader.lose):
            check(keras, layer, seen)
            KINDS[type(layer).__name__](layer, reader)
    with problems.at("its end"):
        network = reader.network(shape)
    problems.end()
    return network


def _entrance(model: Any) -> tuple[Flow, Shape | None]:
    """What enters a model, and its shape if that is known."""
    try:
        shape = model.input_shape
    except AttributeError:  # a layer alone that was built without being called
        return Flow(), None
    if not isinstance(shape, tuple) or not all(size is None or isinstance(size, int) for size in shape):
        raise ConversionError("we take a single input")
    inner = shape[1:]
    if len(inner) == 3 and None in inner:
        return Flow(IMAGES, inner[2]), None
    return Flow.of(inner), inner


def _leaves(keras: Any, model: Any, problems: Problems) -> Iterator[Any]:
    """The layers of nested models in order, without inputs."""
    if isinstance(model, keras.Sequential):
        inside = model.layers
    elif type(model).__name__ == "Functional":
        inside = []
        with problems.at(model.name):
            inside = _row(model)
    elif isinstance(model, keras.layers.InputLayer):
        return
    else:
        yield model
        return
    for layer in inside:
        yield from _leaves(keras, layer, problems)


def _row(model: Any) -> list[Any]:
    """The layers of a functional model, found from its output backwards; ConversionError if they branch."""
    if len(model.outputs) != 1 or len(model.inputs) != 1:
        found = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise ConversionError(f"it has {found}, but we have one of each")
    row: list[Any] = []
    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        layer, call, _ = tensor._keras_history
        entering = layer._inbound_nodes[call].input_tensors
        row.insert(0, layer)
        if len(entering) != 1:
            raise ConversionError(f"{layer.name} takes {len(entering)} inputs, but our layers stand in a row")
        tensor = entering[0]
    return row

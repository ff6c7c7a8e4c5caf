"""What a network of ours is in keras.layers, written down without Keras: classes, options, names, weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..errors import ConversionError
from ..kernels.geometry import resolve_padding
from ..nn.module import Shape
from .flow import Flow, Place, Problems, walk

NO_PADS = ((0, 0), (0, 0))


Weights = dict[str, np.ndarray]


class Part(NamedTuple):
    """A layer of Keras: its name, class and options, and its weights in Keras's order and shapes.

    The weights have the names that they have here, in `state_dict()`.
    """

    name: str
    kind: str
    options: dict[str, Any]
    weights: Weights = {}
    trainable: bool = True


def plan(model: nn.Sequential, input_shape: Shape) -> list[Part]:
    """The layers of Keras, in order, that compute what the network computes.

    `layer_3`, after a `layer_3_padding` where Keras cannot pad as we do, is our model[3]; the layers of an
    inner Sequential are `layer_3_0` and so on.
    Raises ConversionError with all layers that cannot be converted.
    """
    problems = Problems("This network has no equal in Keras")
    parts: list[Part] = []

    def add(place: Place, layer: nn.Module, flow: Flow) -> None:
        trained = _is_trained(layer)
        parts.extend(_placed(_KINDS[type(layer)](layer, flow), place, trained))

    walk(model, Flow.of(input_shape), _KINDS, problems, add)
    problems.end()
    return parts


def _placed(parts: list[Part], place: Place, trained: bool) -> list[Part]:
    """Parts of one layer with their full names, there and of their weights here."""
    path = "_".join(map(str, ("layer", *place.positions)))
    return [
        part._replace(
            name=path + part.name,
            weights={f"{place.name}.{attribute}": array for attribute, array in part.weights.items()},
            trainable=trained,
        )
        for part in parts
    ]


def _is_trained(layer: nn.Module) -> bool:
    """Whether the layer's parameters are trained; ConversionError for a part of them.

    Batch norm has switches of its own for gamma and beta; a frozen one is another layer in Keras.
    """
    if isinstance(layer, nn.BatchNorm):
        return True
    trained = {parameter.requires_grad for parameter in layer.parameters()}
    if len(trained) > 1:
        raise ConversionError("a part of its parameters is frozen, but Keras freezes whole layers")
    return trained != {False}


# One layer: its parts, with names that go on from its own


def _window(layer: Any, flow: Flow) -> tuple[list[Part], dict[str, Any]]:
    """What pads before a convolution, if Keras's own padding cannot, and its stride and padding."""
    options = {"kernel_size": layer.kernel_size, "strides": layer.stride, "padding": layer.padding}
    if isinstance(layer.padding, str):
        return [], options
    pads = flow.pads(layer, layer.kernel_size)
    before = [] if pads == NO_PADS else [Part("_padding", "ZeroPadding2D", {"padding": pads})]
    return before, {**options, "padding": "valid"}


def _convolution(layer: nn.Conv2D, flow: Flow) -> list[Part]:
    before, options = _window(layer, flow)
    options = {"filters": layer.out_channels, "use_bias": layer.bias is not None, **options}
    return [*before, Part("", "Conv2D", options, layer.state_dict())]


def _pointwise(layer: nn.PointwiseConv2D, flow: Flow) -> list[Part]:
    options = {"filters": layer.out_channels, "kernel_size": (1, 1), "use_bias": layer.bias is not None}
    return [Part("", "Conv2D", options, _pointwise_weights(layer))]


def _depthwise(layer: nn.DepthwiseConv2D, flow: Flow) -> list[Part]:
    _check_strides(layer)
    before, options = _window(layer, flow)
    options = {"depth_multiplier": layer.depth_multiplier, "use_bias": layer.bias is not None, **options}
    return [*before, Part("", "DepthwiseConv2D", options, _depthwise_weights(layer))]


def _separable(layer: nn.SeparableConv2D, flow: Flow) -> list[Part]:
    _check_strides(layer.depthwise)
    before, options = _window(layer.depthwise, flow)
    options = {"filters": layer.out_channels, "use_bias": layer.pointwise.bias is not None, **options}
    weights = {f"depthwise.{name}": array for name, array in _depthwise_weights(layer.depthwise).items()}
    for name, array in _pointwise_weights(layer.pointwise).items():
        weights[f"pointwise.{name}"] = array
    return [*before, Part("", "SeparableConv2D", options, weights)]


def _check_strides(layer: nn.DepthwiseConv2D) -> None:
    if layer.stride[0] != layer.stride[1]:
        raise ConversionError(f"stride {layer.stride}, but TensorFlow takes one number for both there")


def _depthwise_weights(layer: nn.DepthwiseConv2D) -> Weights:
    state = layer.state_dict()
    shape = (*layer.kernel_size, layer.channels, layer.depth_multiplier)
    return {**state, "weight": state["weight"].reshape(shape)}


def _pointwise_weights(layer: nn.PointwiseConv2D) -> Weights:
    state = layer.state_dict()
    return {**state, "weight": state["weight"][np.newaxis, np.newaxis]}


def _pool(kind: str) -> Callable[[Any, Flow], list[Part]]:
    def parts(layer: Any, flow: Flow) -> list[Part]:
        padding = layer.padding
        if not isinstance(padding, str):
            padding = _pool_padding(layer, flow)
        return [Part("", kind, {"pool_size": layer.size, "strides": layer.stride, "padding": padding})]

    return parts


def _pool_padding(layer: Any, flow: Flow) -> str:
    """The word, "valid" or "same", for what the padding in pixels comes to."""
    pads = flow.pads(layer, layer.size)
    if pads == NO_PADS:
        return "valid"
    if flow.size is not None and pads == resolve_padding("same", flow.size, layer.size, layer.stride):
        return "same"
    raise ConversionError(f'its padding {pads} is neither "valid" nor "same", as it has to be there')


def _batch_norm(layer: nn.BatchNorm, flow: Flow) -> list[Part]:
    """Frozen ones and zeros are a batch norm without gamma or beta there; no other value can be frozen."""
    options: dict[str, Any] = {"momentum": 1.0 - layer.momentum, "epsilon": layer.eps}
    weights = layer.state_dict()
    for name, switch, start in (("gamma", "scale", 1.0), ("beta", "center", 0.0)):
        options[switch] = getattr(layer, name).requires_grad
        if not options[switch] and not np.all(weights.pop(name) == start):
            raise ConversionError(
                f"its {name} is frozen, and a frozen batch norm of Keras is one in evaluation mode"
            )
    return [Part("", "BatchNormalization", options, weights)]


def _dense(layer: nn.Dense, flow: Flow) -> list[Part]:
    options = {"units": layer.out_features, "use_bias": layer.bias is not None}
    return [Part("", "Dense", options, layer.state_dict())]


def _only(kind: str, **options: Any) -> Callable[[Any, Flow], list[Part]]:
    return lambda layer, flow: [Part("", kind, options)]


_KINDS: dict[type[nn.Module], Callable[[Any, Flow], list[Part]]] = {
    nn.Conv2D: _convolution,
    nn.PointwiseConv2D: _pointwise,
    nn.DepthwiseConv2D: _depthwise,
    nn.SeparableConv2D: _separable,
    nn.MaxPool2D: _pool("MaxPooling2D"),
    nn.AvgPool2D: _pool("AveragePooling2D"),
    nn.GlobalAvgPool2D: _only("GlobalAveragePooling2D"),
    nn.BatchNorm: _batch_norm,
    nn.Dense: _dense,
    nn.Flatten: _only("Flatten"),
    nn.Dropout: lambda layer, flow: [Part("", "Dropout", {"rate": layer.rate})],
    nn.ReLU: _only("ReLU"),
    nn.ReLU6: _only("ReLU", max_value=6.0),
    nn.Sigmoid: _only("Activation", activation="sigmoid"),
    nn.Tanh: _only("Activation", activation="tanh"),
    nn.Softmax: _only("Softmax"),
}

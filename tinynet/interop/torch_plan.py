"""What a network of ours is in torch.nn, written down without PyTorch: modules, options, names, arrays.

`to_torch` builds it, and files in PyTorch's names are written and read by it where PyTorch is not installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..errors import ConversionError
from ..kernels.geometry import Pads, output_size
from ..nn.module import Shape
from . import layouts
from .flow import ASK, IMAGES, UNKNOWN, Flow, Place, Problems, walk


class Part(NamedTuple):
    """A module of torch.nn: its path, class and options, and the layer whose arrays it has.

    name: the dotted name of that layer here.  arrays: by attribute of the layer.
    """

    path: str
    kind: str
    options: dict[str, Any]
    name: str = ""
    arrays: dict[str, layouts.Layout] = {}


def plan(model: nn.Sequential, input_shape: Shape | None = None) -> list[Part]:
    """The modules of torch.nn, in order, that compute what the network computes.

    The module "3", or those whose paths begin with "3.", are the layer `model[3]`.
    Raises ConversionError with all layers that cannot be converted.
    """
    flow = Flow.of(model.input_shape if input_shape is None else input_shape)
    problems = Problems("This network has no equal in PyTorch")
    parts: list[Part] = []

    def add(place: Place, layer: nn.Module, flow: Flow) -> None:
        parts.extend(_placed(_KINDS[type(layer)](layer, flow), place))

    flow = walk(model, flow, _KINDS, problems, add)
    if flow.flattened != 1 and not problems.found:
        problems.found.append(
            "it ends in a flattened image, whose values PyTorch has in another order: leave the Flatten out"
        )
    problems.end()
    return parts


class Pair(NamedTuple):
    """The names of one array here and in PyTorch, and its layouts."""

    own: str
    torch: str
    layout: layouts.Layout


def pairs(parts: list[Part]) -> list[Pair]:
    """All arrays of a network, in order: its parameters and running statistics."""
    return [
        Pair(f"{part.name}.{attribute}", f"{part.path}.{layouts.TORCH_NAMES[attribute]}", layout)
        for part in parts
        for attribute, layout in part.arrays.items()
    ]


def to_torch_names(parts: list[Part], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by our names, weights or gradients, all or some, as PyTorch names and lays them out."""
    known = [pair for pair in pairs(parts) if pair.own in arrays]
    return {pair.torch: pair.layout.to_torch(arrays[pair.own]) for pair in known}


def from_torch_names(parts: list[Part], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The way back: arrays by PyTorch's names as we name and lay them out."""
    known = [pair for pair in pairs(parts) if pair.torch in arrays]
    return {pair.own: pair.layout.from_torch(arrays[pair.torch]) for pair in known}


def _placed(parts: list[Part], place: Place) -> list[Part]:
    """Parts of one layer with their full paths: one is the layer itself, several are within it."""
    path = ".".join(map(str, place.positions))
    return [
        part._replace(
            path=f"{path}.{part.path}" if len(parts) > 1 else path,
            name=f"{place.name}.{part.name}".rstrip("."),
        )
        for part in parts
    ]


# One layer: its modules, with paths and names within it


def _convolution(layer: nn.Conv2D, flow: Flow) -> list[Part]:
    return _window(layer, flow, layer.in_channels, layer.out_channels)


def _depthwise(layer: nn.DepthwiseConv2D, flow: Flow) -> list[Part]:
    return _window(layer, flow, layer.channels, layer.channels * layer.depth_multiplier, layer.channels)


def _window(layer: Any, flow: Flow, in_channels: int, out_channels: int, groups: int = 1) -> list[Part]:
    options = {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "groups": groups,
        "bias": layer.bias is not None,
    }
    return _padded(flow.pads(layer, layer.kernel_size), "convolution", options, layer)


def _pointwise(layer: nn.PointwiseConv2D, flow: Flow) -> list[Part]:
    options = {
        "in_channels": layer.in_channels,
        "out_channels": layer.out_channels,
        "kernel_size": (1, 1),
        "bias": layer.bias is not None,
    }
    return [Part("convolution", "Conv2d", options, "", layouts.of(layer))]


def _separable(layer: nn.SeparableConv2D, flow: Flow) -> list[Part]:
    *padding, depthwise = _depthwise(layer.depthwise, flow)
    (pointwise,) = _pointwise(layer.pointwise, flow)
    return [
        *padding,
        depthwise._replace(path="depthwise", name="depthwise"),
        pointwise._replace(path="pointwise", name="pointwise"),
    ]


def _padded(pads: Pads, path: str, options: dict[str, Any], layer: nn.Module) -> list[Part]:
    """A convolution, which pads both sides alike there, after a padding of zeros where they differ."""
    (top, bottom), (left, right) = pads
    arrays = layouts.of(layer)
    if (top, left) == (bottom, right):
        return [Part(path, "Conv2d", {**options, "padding": (top, left)}, "", arrays)]
    padding = Part("padding", "ZeroPad2d", {"padding": (left, right, top, bottom)})
    return [padding, Part(path, "Conv2d", options, "", arrays)]


def _max_pool(layer: nn.MaxPool2D, flow: Flow) -> list[Part]:
    (top, bottom), (left, right) = flow.pads(layer, layer.size)
    window = {"kernel_size": layer.size, "stride": layer.stride}
    if (top, left) == (bottom, right) and _is_at_most_half((top, left), layer.size):
        return [Part("pool", "MaxPool2d", {**window, "padding": (top, left)})]
    options = {"padding": (left, right, top, bottom), "value": -math.inf}
    return [Part("padding", "ConstantPad2d", options), Part("pool", "MaxPool2d", window)]


def _average_pool(layer: nn.AvgPool2D, flow: Flow) -> list[Part]:
    """Padding is not counted here, so it cannot be a layer of zeros there.

    An odd pixel of it can be left to `ceil_mode`, which lets windows reach over the end.
    """
    pads = flow.pads(layer, layer.size)
    before = (pads[0][0], pads[1][0])
    options: dict[str, Any] = {"kernel_size": layer.size, "stride": layer.stride, "padding": before}
    options["count_include_pad"] = False
    fits = _is_at_most_half(before, layer.size)
    if fits and before == (pads[0][1], pads[1][1]):
        return [Part("pool", "AvgPool2d", options)]
    if flow.size is None:
        raise ConversionError(f"what its padding is there depends on the size of the images: {ASK}")
    reached = [
        ceil_outputs(*numbers) for numbers in zip(flow.size, layer.size, layer.stride, before, strict=True)
    ]
    if not fits or tuple(reached) != output_size(flow.size, layer.size, layer.stride, pads):
        raise ConversionError(f"its padding {pads} cannot be had there")
    return [Part("pool", "AvgPool2d", {**options, "ceil_mode": True})]


def ceil_outputs(size: int, kernel: int, stride: int, before: int) -> int:
    """How many windows PyTorch's `ceil_mode` makes along an axis: the last begins before the image ends."""
    outputs = -(-(size + 2 * before - kernel) // stride) + 1
    return outputs - ((outputs - 1) * stride >= size + before)


def _is_at_most_half(before: tuple[int, int], kernel: tuple[int, int]) -> bool:
    """What PyTorch's pooling asks of its padding."""
    return all(pad <= extent // 2 for pad, extent in zip(before, kernel, strict=True))


def _global_average(layer: nn.GlobalAvgPool2D, flow: Flow) -> list[Part]:
    return [Part("pool", "AdaptiveAvgPool2d", {"output_size": 1}), Part("flatten", "Flatten", {})]


def _batch_norm(layer: nn.BatchNorm, flow: Flow) -> list[Part]:
    if flow.kind == UNKNOWN:
        raise ConversionError(f"it is another layer there for images than for rows: {ASK}")
    kind = "BatchNorm2d" if flow.kind == IMAGES else "BatchNorm1d"
    options = {"num_features": layer.channels, "eps": layer.eps, "momentum": layer.momentum}
    return [Part("norm", kind, options, "", layouts.of(layer, flow.order()))]


def _dense(layer: nn.Dense, flow: Flow) -> list[Part]:
    if flow.kind == IMAGES:
        raise ConversionError("it takes rows: put nn.Flatten() before it")
    options = {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": layer.bias is not None,
    }
    return [Part("dense", "Linear", options, "", layouts.of(layer, flow.order()))]


def _dropout(layer: nn.Dropout, flow: Flow) -> list[Part]:
    return [Part("dropout", "Dropout", {"p": layer.rate})]


def _softmax(layer: nn.Softmax, flow: Flow) -> list[Part]:
    return [Part("softmax", "Softmax", {"dim": 1})]  # the channels, in images as in rows


def _only(kind: str) -> Callable[[Any, Flow], list[Part]]:
    return lambda layer, flow: [Part(kind, kind, {})]


_KINDS: dict[type[nn.Module], Callable[[Any, Flow], list[Part]]] = {
    nn.Conv2D: _convolution,
    nn.DepthwiseConv2D: _depthwise,
    nn.PointwiseConv2D: _pointwise,
    nn.SeparableConv2D: _separable,
    nn.MaxPool2D: _max_pool,
    nn.AvgPool2D: _average_pool,
    nn.GlobalAvgPool2D: _global_average,
    nn.BatchNorm: _batch_norm,
    nn.Dense: _dense,
    nn.Dropout: _dropout,
    nn.Softmax: _softmax,
    nn.Flatten: _only("Flatten"),
    nn.ReLU: _only("ReLU"),
    nn.ReLU6: _only("ReLU6"),
    nn.Sigmoid: _only("Sigmoid"),
    nn.Tanh: _only("Tanh"),
}

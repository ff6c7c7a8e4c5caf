"""A network as a list of plain layers and arrays, from which each peer builds the same one.

The rivals' processes must not load tinynet: its memory and its threads would be counted as theirs. So
the network is described here, in ours, and the description travels to them as JSON, the weights as an
.npz file. Shapes are (H, W, C), without the batch; convolution weights (KH, KW, C, O).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynet import nn
from tinynet.errors import InputError
from tinynet.kernels.geometry import resolve_padding

Layer = dict[str, Any]
Arrays = dict[str, np.ndarray]
Shape = tuple[int, ...]


def describe(model: nn.Sequential, input_shape: Shape) -> tuple[list[Layer], Arrays]:
    """The layers with their options and shapes, and the arrays that they name.

    Raises InputError for a layer that the peers are not taught.
    """
    layers: list[Layer] = []
    arrays: Arrays = {}
    for module, before, after in _plain_layers(model, input_shape):
        if type(module) not in _KINDS:
            raise InputError(f"The benchmarks cannot describe {module!r:.60} to other frameworks.")
        layer, own = _KINDS[type(module)](module, before)
        place = len(layers)
        arrays.update((f"{place}.{name}", array) for name, array in own.items())
        names = {name: f"{place}.{name}" for name in own}
        layers.append({**layer, "arrays": names, "input": list(before), "output": list(after)})
    return layers, arrays


def _plain_layers(model: nn.Sequential, input_shape: Shape) -> Iterator[tuple[nn.Module, Shape, Shape]]:
    """Every layer with its shapes; a separable convolution counts as the two that it is."""
    for module, before, after in model.steps(input_shape):
        if isinstance(module, nn.Sequential):
            yield from _plain_layers(module, before)
        elif isinstance(module, nn.SeparableConv2D):
            yield from _plain_layers(nn.Sequential(module.depthwise, module.pointwise), before)
        else:
            yield module, before, after


def _convolution(module: nn.Conv2D, before: Shape) -> tuple[Layer, Arrays]:
    return {"kind": "convolution", **_window(module, module.kernel_size, before)}, _parameters(module)


def _depthwise(module: nn.DepthwiseConv2D, before: Shape) -> tuple[Layer, Arrays]:
    if module.depth_multiplier != 1:
        raise InputError(f"The benchmarks describe one filter per channel only, got {module!r}.")
    return {"kind": "depthwise", **_window(module, module.kernel_size, before)}, _parameters(module)


def _pointwise(module: nn.PointwiseConv2D, before: Shape) -> tuple[Layer, Arrays]:
    arrays = _parameters(module)
    arrays["weight"] = arrays["weight"][np.newaxis, np.newaxis]  # (1, 1, C, O)
    window = {"size": [1, 1], "stride": [1, 1], "padding": "valid", "pads": [[0, 0], [0, 0]]}
    return {"kind": "convolution", **window}, arrays


def _batch_norm(module: nn.BatchNorm, before: Shape) -> tuple[Layer, Arrays]:
    statistics = {"mean": module.running_mean, "var": module.running_var}
    layer = {"kind": "batch_norm", "momentum": module.momentum, "eps": module.eps}
    return layer, {**_parameters(module), **statistics}


def _max_pool(module: nn.MaxPool2D, before: Shape) -> tuple[Layer, Arrays]:
    return {"kind": "max_pool", **_window(module, module.size, before)}, {}


def _dropout(module: nn.Dropout, before: Shape) -> tuple[Layer, Arrays]:
    return {"kind": "dropout", "rate": module.rate}, {}


def _window(module: Any, size: tuple[int, int], before: Shape) -> Layer:
    pads = resolve_padding(module.padding, (before[0], before[1]), size, module.stride)
    return {
        "size": list(size),
        "stride": list(module.stride),
        "padding": module.padding,
        "pads": [list(sides) for sides in pads],
    }


def _parameters(module: nn.Module) -> Arrays:
    return {name: np.array(parameter.data) for name, parameter in module.named_parameters()}


def _only(kind: str) -> Callable[[Any, Shape], tuple[Layer, Arrays]]:
    """The description of a layer with nothing to say beside its kind and perhaps its weights."""
    return lambda module, before: ({"kind": kind}, _parameters(module))


_KINDS: dict[type[nn.Module], Callable[[Any, Shape], tuple[Layer, Arrays]]] = {
    nn.Conv2D: _convolution,
    nn.DepthwiseConv2D: _depthwise,
    nn.PointwiseConv2D: _pointwise,
    nn.BatchNorm: _batch_norm,
    nn.MaxPool2D: _max_pool,
    nn.Dropout: _dropout,
    nn.Dense: _only("dense"),
    nn.Flatten: _only("flatten"),
    nn.ReLU: _only("relu"),
    nn.GlobalAvgPool2D: _only("global_average"),
}

"""The layers of Keras that we have layers for, one function each, which refuses options without an equal.

Each takes a layer and the network as far as it was read, and adds ours to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn
from ..errors import ConversionError
from ..kernels.geometry import Pads
from ..nn.module import Shape
from .flow import IMAGES, ROWS
from .reading import NO_PADS, Reader, compact, zeros


def check(keras: Any, layer: Any, seen: set[int]) -> None:
    """ConversionError unless the layer is of a known kind, its weights its own and its images as ours."""
    kind = type(layer).__name__
    if kind not in KINDS or type(layer) is not getattr(keras.layers, kind, None):
        raise ConversionError(f"there is no such layer here; there are {', '.join(KINDS)}")
    if id(layer) in seen and layer.weights:
        raise ConversionError("it comes twice with the same weights, which would become two")
    seen.add(id(layer))
    if getattr(layer, "data_format", "channels_last") not in ("channels_last", None):
        raise ConversionError("its images have the channels first, ours have them last")
    if layer.compute_dtype not in ("float32", "float64"):
        raise ConversionError(f"it computes in {layer.compute_dtype}, we in float32 or float64")


def _weighted(reader: Reader, ours: nn.Module, layer: Any, **weights: Any) -> None:
    """Add our layer with weights of Keras; their shapes differ from ours by axes of length 1 alone."""
    shapes = {name: array.shape for name, array in ours.state_dict().items()}
    arrays = {
        name: np.array(weight.numpy() if hasattr(weight, "numpy") else weight).reshape(shapes[name])
        for name, weight in weights.items()
        if weight is not None
    }
    reader.add(ours, arrays)
    for name, parameter in ours.named_parameters():
        parameter.requires_grad = layer.trainable and name in arrays


def _activated(reader: Reader, layer: Any) -> None:
    """The activation that a layer of Keras may end with, as a layer of its own."""
    activation = layer.activation
    kind = type(activation).__name__
    if kind in ("ReLU", "Softmax"):  # a layer in the place of a function
        KINDS[kind](activation, reader)
        return
    name = getattr(activation, "__name__", kind)
    if name not in _ACTIVATIONS or not getattr(activation, "__module__", "").startswith("keras."):
        raise ConversionError(f"activation {name}, which we do not have")
    if _ACTIVATIONS[name] is not None:
        reader.add(_ACTIVATIONS[name]())  # type: ignore[misc]


_ACTIVATIONS: dict[str, type[nn.Module] | None] = {
    "linear": None,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softmax": nn.Softmax,
}


def _bias(layer: Any) -> Any:
    return layer.bias if layer.use_bias else None


def _padding(layer: Any, reader: Reader) -> Any:
    """The padding of a convolution together with that of a layer before it."""
    if tuple(layer.dilation_rate) != (1, 1):
        raise ConversionError(f"dilation_rate={tuple(layer.dilation_rate)}, which we do not have")
    pads = reader.padding(0.0)
    if layer.padding not in ("valid", "same"):
        raise ConversionError(f"padding={layer.padding!r}, which we do not have")
    if pads == NO_PADS:
        return layer.padding
    if layer.padding == "same":
        raise ConversionError('padding="same" after a layer of padding: write it in pixels')
    return compact(pads)


def _convolution(layer: Any, reader: Reader) -> None:
    inputs, outputs = layer.kernel.shape[2] * layer.groups, layer.filters
    kernel, strides = tuple(layer.kernel_size), tuple(layer.strides)
    if layer.groups not in (1, inputs):
        found = f"groups={layer.groups} of {inputs} channels"
        raise ConversionError(f"{found}: we have 1, and as many as channels")
    ours: nn.Module
    if reader.pixel:
        if (kernel, layer.groups, reader.pads) != ((1, 1), 1, NO_PADS):
            raise ConversionError("it takes images, but what comes before it has left one pixel")
        ours = nn.Dense(inputs, outputs, layer.use_bias, init=zeros)
    else:
        reader.need_images()
        padding = _padding(layer, reader)
        if layer.groups > 1:
            window = kernel, strides, padding, outputs // inputs
            ours = nn.DepthwiseConv2D(inputs, *window, layer.use_bias, init=zeros)
        elif (kernel, strides) == ((1, 1), (1, 1)) and isinstance(padding, str):
            ours = nn.PointwiseConv2D(inputs, outputs, layer.use_bias, init=zeros)
        else:
            ours = nn.Conv2D(inputs, outputs, kernel, strides, padding, layer.use_bias, init=zeros)
    _weighted(reader, ours, layer, weight=layer.kernel, bias=_bias(layer))
    _activated(reader, layer)


def _depthwise(layer: Any, reader: Reader) -> None:
    reader.need_images()
    channels, multiplier = layer.kernel.shape[2:]
    window = tuple(layer.kernel_size), tuple(layer.strides), _padding(layer, reader)
    ours = nn.DepthwiseConv2D(channels, *window, multiplier, layer.use_bias, init=zeros)
    _weighted(reader, ours, layer, weight=layer.kernel, bias=_bias(layer))
    _activated(reader, layer)


def _separable(layer: Any, reader: Reader) -> None:
    """One layer of ours, or two where channels are multiplied in between."""
    reader.need_images()
    channels, multiplier = layer.depthwise_kernel.shape[2:]
    window = tuple(layer.kernel_size), tuple(layer.strides), _padding(layer, reader)
    depthwise, pointwise, bias = layer.depthwise_kernel, layer.pointwise_kernel, _bias(layer)
    if multiplier == 1:
        ours = nn.SeparableConv2D(channels, layer.filters, *window, layer.use_bias, init=zeros)
        named = {"depthwise.weight": depthwise, "pointwise.weight": pointwise, "pointwise.bias": bias}
        _weighted(reader, ours, layer, **named)
    else:
        first = nn.DepthwiseConv2D(channels, *window, multiplier, bias=False, init=zeros)
        _weighted(reader, first, layer, weight=depthwise)
        second = nn.PointwiseConv2D(channels * multiplier, layer.filters, layer.use_bias, init=zeros)
        _weighted(reader, second, layer, weight=pointwise, bias=bias)
    _activated(reader, layer)


def _dense(layer: Any, reader: Reader) -> None:
    """Of images it is a 1x1 convolution."""
    inputs, outputs = layer.kernel.shape
    kind = nn.PointwiseConv2D if reader.flow.kind == IMAGES else nn.Dense
    ours = kind(inputs, outputs, layer.use_bias, init=zeros)
    _weighted(reader, ours, layer, weight=layer.kernel, bias=_bias(layer))
    _activated(reader, layer)


def _batch_norm(layer: Any, reader: Reader) -> None:
    last = 1 if reader.flow.kind == ROWS and not reader.pixel else 3
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if axis not in (-1, last):
        raise ConversionError(f"axis={axis}, but ours normalises the channels, which come last")
    if getattr(layer, "renorm", False):
        raise ConversionError("renorm=True, which we do not have")
    if not layer.trainable:
        raise ConversionError("it is not trainable and so in evaluation mode: make it trainable first")
    ours = nn.BatchNorm(layer.moving_mean.shape[0], 1.0 - layer.momentum, layer.epsilon)
    gamma, beta = layer.gamma if layer.scale else None, layer.beta if layer.center else None
    statistics = {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    _weighted(reader, ours, layer, gamma=gamma, beta=beta, **statistics)


def _relu(layer: Any, reader: Reader) -> None:
    if layer.negative_slope or layer.threshold or layer.max_value not in (None, 6):
        raise ConversionError(
            f"max_value={layer.max_value}, negative_slope={layer.negative_slope}, "
            f"threshold={layer.threshold}: we have max_value=6 or none"
        )
    reader.add(nn.ReLU() if layer.max_value is None else nn.ReLU6())


def _softmax(layer: Any, reader: Reader) -> None:
    if layer.axis != -1:
        raise ConversionError(f"axis={layer.axis}, but ours is over the last axis")
    reader.add(nn.Softmax())


def _pool(kind: type[nn.MaxPool2D] | type[nn.AvgPool2D]) -> Callable[[Any, Reader], None]:
    def read(layer: Any, reader: Reader) -> None:
        reader.need_images()
        reader.add(kind(tuple(layer.pool_size), tuple(layer.strides), layer.padding))

    return read


def _global_average(layer: Any, reader: Reader) -> None:
    if reader.flow.kind == ROWS and not reader.pixel:
        raise ConversionError("it takes images, but what comes before it leaves rows")
    reader.add_mean()
    reader.pixel = bool(layer.keepdims)


def _zero_padding(layer: Any, reader: Reader) -> None:
    (top, bottom), (left, right) = layer.padding
    pads: Pads = ((top, bottom), (left, right))
    reader.pad(pads, 0.0)


def _flatten(layer: Any, reader: Reader) -> None:
    if reader.pixel:
        reader.pixel = False
    else:
        reader.add(nn.Flatten())


def _reshape(layer: Any, reader: Reader) -> None:
    """What a flattening comes to, or a row made an image of one pixel."""
    target: Shape = tuple(layer.target_shape)
    if len(target) == 1:
        _flatten(layer, reader)
    elif reader.flow.kind == ROWS and len(target) == 3 and target[:2] == (1, 1):
        reader.pixel = True
    else:
        raise ConversionError(f"to {target}, but we can make rows of images, and nothing else")


def _dropout(layer: Any, reader: Reader) -> None:
    if layer.noise_shape is not None and any(size is not None for size in layer.noise_shape):
        raise ConversionError(f"noise_shape={layer.noise_shape}, but ours drops each value on its own")
    reader.add(nn.Dropout(layer.rate))


KINDS: dict[str, Callable[[Any, Reader], None]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "ReLU": _relu,
    "Softmax": _softmax,
    "Activation": lambda layer, reader: _activated(reader, layer),
    "MaxPooling2D": _pool(nn.MaxPool2D),
    "AveragePooling2D": _pool(nn.AvgPool2D),
    "GlobalAveragePooling2D": _global_average,
    "ZeroPadding2D": _zero_padding,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Dropout": _dropout,
}

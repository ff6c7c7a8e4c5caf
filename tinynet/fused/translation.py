"""Layers into a program: what each layer in evaluation becomes.

Batch norm is then a scale and a shift per channel. Behind a convolution or a dense layer both go into its
weight and its bias (Jacob et al. 2018, arXiv 1712.05877, section 3.2), and nothing is left of it. A ReLU
becomes limits, a dropout nothing at all.

Whatever is out of the ordinary, a wrong shape, another dtype, a weight that is not finite, gives no program:
the layers then run one by one, and raise what there is to raise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..nn.activation import Dropout, ReLU, ReLU6
from ..nn.conv import Conv2D, DepthwiseConv2D, PointwiseConv2D, SeparableConv2D
from ..nn.dense import Dense, Flatten
from ..nn.module import Module, Shape
from ..nn.norm import BatchNorm
from ..nn.pool import AvgPool2D, GlobalAvgPool2D, MaxPool2D
from ..tensor import Tensor
from .assembly import Assembly, Finish, Program
from .plan import is_plain

_LARGE_WEIGHT = 1024 * 1024  # numbers of a dense weight that does not stay in the cache from block to block
_LIMITS: dict[type[Module], tuple[float, float]] = {ReLU: (0.0, math.inf), ReLU6: (0.0, 6.0)}


class _Untranslatable(Exception):
    """Something that only the layers themselves can deal with."""


def leaves(layer: Module) -> list[Module] | None:
    """The layers that a layer consists of, if all of them can be translated, else None."""
    from ..nn.sequential import Sequential  # which asks this package how to run

    if is_plain(layer, Sequential):
        inner = layer.layers  # type: ignore[attr-defined]
    elif is_plain(layer, SeparableConv2D):
        inner = [layer.depthwise, layer.pointwise]  # type: ignore[attr-defined]
    else:
        return [layer] if _is_translatable(layer) else None
    found: list[Module] = []
    for one in inner:
        parts = leaves(one)
        if parts is None:
            return None
        found += parts
    return found


def _is_translatable(layer: Module) -> bool:
    kind = type(layer)
    if kind not in _TRANSLATIONS or not is_plain(layer, kind) or not _is_watchable(layer):
        return False
    if isinstance(layer, DepthwiseConv2D):
        return layer.kernel_size == (3, 3) and layer.depth_multiplier == 1
    return not isinstance(layer, Dense) or layer.in_features * layer.out_features <= _LARGE_WEIGHT


def _is_watchable(layer: Module) -> bool:
    """Whether nothing changes unnoticed: statistics are arrays, and no option is of a kind that can change
    without being replaced.
    """
    attributes = vars(layer)
    statistics = [attributes.get(name) for name in layer.buffer_names]
    options = [value for name, value in attributes.items() if name not in layer.buffer_names]
    return all(isinstance(value, np.ndarray) for value in statistics) and all(map(_is_fixed, options))


def _is_fixed(option: Any) -> bool:
    """Whether an option cannot change without being replaced, down to what a tuple holds."""
    try:
        hash(option)
    except TypeError:
        return False
    return True


def translate(layers: Sequence[Module], input_shape: Shape, dtype: np.dtype) -> Program | None:
    """The program of some `leaves` for images of this shape and dtype, None if there is none.

    There is none either while a batch norm or a dropout among them is in training.
    """
    if len(input_shape) not in (1, 3) or 0 in input_shape:
        return None
    if not are_in_evaluation(layers):
        return None
    assembly = Assembly(input_shape, dtype)
    waiting = list(layers)
    try:
        multiply_adds = _multiply_adds(layers, input_shape)
        while waiting:
            layer = waiting.pop(0)
            _TRANSLATIONS[type(layer)](assembly, layer, waiting)
    except (InputError, _Untranslatable):
        return None
    return assembly.program(multiply_adds)


def are_in_evaluation(layers: Sequence[Module]) -> bool:
    """Whether those that behave differently in training are not in training."""
    return not any(layer.training for layer in layers if isinstance(layer, BatchNorm | Dropout))


def _multiply_adds(layers: Sequence[Module], shape: Shape) -> int:
    """As the layers count them. Raises InputError where one of them refuses its input."""
    total = 0
    for layer in layers:
        total += layer.multiply_adds(shape)
        shape = layer.output_shape(shape)
    return total


# Convolutions and dense layers


def _convolution(assembly: Assembly, layer: Conv2D, waiting: list[Module]) -> None:
    shape = (*layer.kernel_size, layer.in_channels, layer.out_channels)
    assembly.convolution(*_affine(layer, shape, waiting, assembly.dtype), layer.stride, layer.padding)


def _depthwise(assembly: Assembly, layer: DepthwiseConv2D, waiting: list[Module]) -> None:
    shape = (*layer.kernel_size, layer.channels)
    assembly.depthwise(*_affine(layer, shape, waiting, assembly.dtype), layer.stride, layer.padding)


def _pointwise(assembly: Assembly, layer: PointwiseConv2D, waiting: list[Module]) -> None:
    shape = (layer.in_channels, layer.out_channels)
    assembly.product(*_affine(layer, shape, waiting, assembly.dtype))


def _dense(assembly: Assembly, layer: Dense, waiting: list[Module]) -> None:
    shape = (layer.in_features, layer.out_features)
    assembly.product(*_affine(layer, shape, waiting, assembly.dtype))


def _affine(layer: Any, shape: Shape, waiting: list[Module], dtype: np.dtype) -> tuple[np.ndarray, Finish]:
    """The weight of a layer, and what is to be done to its product: with the layers that it can take along.

    Those are taken off the ones that wait.
    """
    channels = shape[-1]
    weight = _values(layer.weight, shape, dtype)
    bias = np.zeros(channels, dtype) if layer.bias is None else _values(layer.bias, (channels,), dtype)
    finish = Finish(bias)
    while waiting:
        behind = waiting[0]
        if isinstance(behind, BatchNorm) and not finish.is_limited:
            scale, shift = _scale_and_shift(behind, dtype)
            weight, finish = weight * scale, Finish(finish.bias * scale + shift)
        elif isinstance(behind, ReLU | ReLU6):
            finish = finish.limited(*_LIMITS[type(behind)])
        elif not isinstance(behind, Dropout):
            break
        waiting.pop(0)
    return _finite(weight, dtype), finish._replace(bias=_finite(finish.bias, dtype))


def _scale_and_shift(layer: BatchNorm, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Batch norm as x scale + shift, in float64."""
    gamma, beta = (_values(part, (layer.channels,), dtype) for part in (layer.gamma, layer.beta))
    if not layer.running_mean.shape == layer.running_var.shape == gamma.shape:
        raise _Untranslatable
    mean, var = (part.astype(np.float64) for part in (layer.running_mean, layer.running_var))
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(var + layer.eps)
        return _finite(scale, scale.dtype), _finite(beta - mean * scale, scale.dtype)


def _values(part: Any, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """The array of a parameter; it has to be as its layer made it."""
    if not isinstance(part, Tensor) or part.shape != shape or part.dtype != dtype:
        raise _Untranslatable
    return part._array


def _finite(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The values in the dtype of the program. Infinity times the zeros of a border would be NaN."""
    with np.errstate(over="ignore"):
        values = values.astype(dtype)
    if not np.isfinite(values).all():
        raise _Untranslatable
    return values


# The other layers


def _batch_norm(assembly: Assembly, layer: BatchNorm, waiting: list[Module]) -> None:
    scale, shift = _scale_and_shift(layer, assembly.dtype)
    assembly.scale(_finite(scale, assembly.dtype), _finite(shift, assembly.dtype))


def _rectifier(assembly: Assembly, layer: Module, waiting: list[Module]) -> None:
    assembly.limit(*_LIMITS[type(layer)])


def _max_pool(assembly: Assembly, layer: MaxPool2D, waiting: list[Module]) -> None:
    assembly.max_pool(layer.size, layer.stride, layer.padding)


def _mean_pool(assembly: Assembly, layer: AvgPool2D, waiting: list[Module]) -> None:
    assembly.mean_pool(layer.size, layer.stride, layer.padding)


def _global_mean(assembly: Assembly, layer: Module, waiting: list[Module]) -> None:
    H, W, C = assembly.shape
    assembly.mean_pool((H, W), (1, 1), "valid")
    assembly.shape = (C,)


def _flatten(assembly: Assembly, layer: Module, waiting: list[Module]) -> None:
    assembly.shape = (math.prod(assembly.shape),)


def _nothing(assembly: Assembly, layer: Module, waiting: list[Module]) -> None:
    pass


_TRANSLATIONS: dict[type[Module], Callable[[Assembly, Any, list[Module]], None]] = {
    AvgPool2D: _mean_pool,
    BatchNorm: _batch_norm,
    Conv2D: _convolution,
    Dense: _dense,
    DepthwiseConv2D: _depthwise,
    Dropout: _nothing,
    Flatten: _flatten,
    GlobalAvgPool2D: _global_mean,
    MaxPool2D: _max_pool,
    PointwiseConv2D: _pointwise,
    ReLU: _rectifier,
    ReLU6: _rectifier,
}

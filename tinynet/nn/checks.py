"""What layers say when an argument or an input is wrong: one place, so that it is one voice."""

from __future__ import annotations

import inspect
from typing import Any

from ..errors import InputError
from ..kernels import geometry
from .module import Module, Shape

Size = int | tuple[int, int]
Padding = str | int | tuple[tuple[int, int], tuple[int, int]]

_IMAGE_KINDS = {1: "grey images", 3: "colour images"}


def valid_padding(padding: Any, kernel: tuple[int, int], stride: tuple[int, int]) -> Padding:
    """`padding` in plain values; the kernel geometry's InputError if it is none of the allowed forms."""
    pads = geometry.resolve_padding(padding, kernel, kernel, stride)
    if isinstance(padding, str):
        return padding  # "same" depends on the size of the image
    return pads if isinstance(padding, tuple | list) else pads[0][0]


def is_image(layer: Module, shape: Shape, *, batch: bool = True) -> None:
    """InputError unless `shape` is (N, H, W, C), or (H, W, C) without the batch axis."""
    if len(shape) == 3 + batch:
        return
    name = type(layer).__name__
    if not batch:
        raise InputError(f"{name} expects images (height, width, channels), got shape {shape}.")
    hint = "look at what the layer before it returns"
    if len(shape) == 3:
        hint = "write x[None] for a single image, x[..., None] for grey images without a channel axis"
    raise InputError(f"{name} expects images (batch, height, width, channels), got shape {shape}: {hint}.")


def has_channels(layer: Module, shape: Shape, channels: int, argument: str, *, batch: bool = True) -> None:
    """InputError unless `shape` is of images with so many channels; says what to change."""
    is_image(layer, shape, batch=batch)
    if shape[-1] == channels:
        return
    plural = "channel" if channels == 1 else "channels"
    kind = _IMAGE_KINDS.get(channels, f"images with {channels} channels")
    hint = f"build it with {argument}={shape[-1]} or pass {kind}"
    if shape[-3] == channels:  # as in PyTorch
        hint = f"channels come last, move them with transpose{(0, 2, 3, 1) if batch else (1, 2, 0)}"
    raise InputError(
        f"{type(layer).__name__} expects images with {channels} {plural}, got shape {shape}: {hint}."
    )


def window_size(
    layer: Module,
    input_shape: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
) -> tuple[int, int]:
    """Output height and width of a sliding window; an InputError names the layer."""
    size = (input_shape[0], input_shape[1])
    try:
        pads = geometry.resolve_padding(padding, size, kernel, stride)
        return geometry.output_size(size, kernel, stride, pads)
    except InputError as error:
        raise InputError(f"{layer!r} cannot take images of shape {input_shape}: {error}") from error


def call_text(layer: Module, *values: Any, **named: Any) -> str:
    """The call that builds the layer: `Conv2D(1, 32, kernel_size=3)`; defaults are left out."""
    parameters = inspect.signature(type(layer)).parameters
    words = [str(_compact(value)) for value in values]
    for name, value in named.items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        if _compact(value) != default:
            words.append(f"{name}={_compact(value)!r}")
    return f"{type(layer).__name__}({', '.join(words)})"


def _compact(value: Any) -> Any:
    """(3, 3) as 3: a square window is written with one number."""
    square = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if square and isinstance(value[0], int) else value

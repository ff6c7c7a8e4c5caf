"""One convolution with the batch norm and the activation after it: what a chain is made of.

A layer is known here by its exact type, and its weights by their shapes: the loops trust both.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..kernels.geometry import Pads, Pair, output_size, resolve_padding
from ..nn.activation import ReLU, ReLU6
from ..nn.conv import Conv2D, DepthwiseConv2D, PointwiseConv2D
from ..nn.module import Module
from ..nn.norm import BatchNorm
from ..watching import Part
from .parts import work_of
from .plan import is_plain

_FEW_CHANNELS = 4  # a standard convolution of more would keep nine times its input


class Link(NamedTuple):
    """One convolution with the batch norm and the activation after it, for images of a known size."""

    convolution: Any
    norm: BatchNorm
    limits: tuple[float, float]  # of the activation: (0, inf) for ReLU, (0, 6) for ReLU6
    channels: Pair  # C of what it reads, O of what it writes
    input_size: Pair
    output_size: Pair
    stride: int
    pads: Pads

    @property
    def is_depthwise(self) -> bool:
        return isinstance(self.convolution, DepthwiseConv2D)

    @property
    def is_standard(self) -> bool:
        return isinstance(self.convolution, Conv2D)

    def part(self, what: str, arguments: tuple[Any, ...]) -> Part:
        """Its row in a profile."""
        read = arguments[1].z if what == "forward" else arguments[1]
        return work_of(self, what, read, wanted=arguments[-1] is not False)


def is_group(layers: Sequence[Module], first: bool) -> bool:
    """Whether three layers are a convolution of a known kind, batch norm and ReLU, in training.

    A chain ends at the first that are not; whether they fit the images, `find` says.
    """
    if len(layers) < 3 or not all(layer.training for layer in layers):
        return False
    kinds = [DepthwiseConv2D, PointwiseConv2D, *([Conv2D] if first else [])]
    return (
        any(is_plain(layers[0], kind) for kind in kinds)
        and _is_known(layers[0])
        and is_plain(layers[1], BatchNorm)
        and (is_plain(layers[2], ReLU) or is_plain(layers[2], ReLU6))
    )


def _is_known(convolution: Any) -> bool:
    """Without bias; if depthwise, 3x3 with stride 1 or 2; if standard, of few channels."""
    if convolution.bias is not None:
        return False
    if isinstance(convolution, PointwiseConv2D):
        return True
    if convolution.stride[0] != convolution.stride[1]:
        return False
    if isinstance(convolution, DepthwiseConv2D):
        return convolution.kernel_size == (3, 3) and convolution.stride[0] <= 2
    return convolution.in_channels <= _FEW_CHANNELS


def find(group: Sequence[Any], shape: tuple[int, ...]) -> Link | None:
    """The link for images of `shape` (H, W, C), or None if it is not of a known kind or does not fit."""
    convolution, norm, activation = group
    weight = convolution.weight
    if not _is_known(convolution) or not norm.gamma.shape == norm.beta.shape == weight.shape[-1:]:
        return None
    if len({weight.dtype, norm.gamma.dtype, norm.beta.dtype}) > 1 or norm.channels != weight.shape[-1]:
        return None
    place = _place(convolution, shape)
    limits = (0.0, 6.0) if isinstance(activation, ReLU6) else (0.0, np.inf)
    return None if place is None else Link(convolution, norm, limits, *place)


def _place(convolution: Any, shape: tuple[int, ...]) -> tuple[Pair, Pair, Pair, int, Pads] | None:
    """Channels, the size of the images before and after, stride and padding; None if they are not known."""
    (H, W, C), O = shape, convolution.weight.shape[-1]
    if isinstance(convolution, PointwiseConv2D):
        fits = convolution.weight.shape == (C, O)
        return ((C, O), (H, W), (H, W), 1, ((0, 0), (0, 0))) if fits else None
    stride, kernel = convolution.stride, convolution.kernel_size
    if isinstance(convolution, DepthwiseConv2D):
        fits = convolution.weight.shape == (3, 3, C)
    else:
        fits = convolution.weight.shape == (*kernel, C, O)
    if not fits:
        return None
    try:
        pads = resolve_padding(convolution.padding, (H, W), kernel, stride)
        size = output_size((H, W), kernel, stride, pads)
    except InputError:
        return None
    reads = kernel[0] * kernel[1] * C if isinstance(convolution, Conv2D) else C
    return (reads, O), (H, W), size, stride[0], pads

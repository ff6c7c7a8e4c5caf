"""Convolution, bias, ReLU and max pooling as one operation, for standard and for separable convolutions.

Layer by layer, each of the three writes its result, four times larger than what comes out of the pooling,
and the next reads it, and backward reads and writes as much again. Here an image goes through all of
them while it is in the processor's cache. What is written is the pooled output and a byte per element of it,
the place of the maximum in its window, with which backward needs no activation.

Known are convolutions of stride 1 with pooling windows that do not overlap, or without pooling. The
loops are in `pooled_standard.py`, `pooled_separable.py` and, for one channel, `pooled_grey.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..kernels.geometry import Pads, Pair, output_size, resolve_padding
from ..nn.activation import ReLU
from ..nn.conv import Conv2D, DepthwiseConv2D, PointwiseConv2D, SeparableConv2D
from ..nn.module import Module
from ..nn.pool import MaxPool2D
from ..tensor import Op, Tensor
from . import pooled_grey, pooled_separable, pooled_standard
from .plan import images, is_plain

_MOST_PLACES = 255  # of a pooling window, in a byte that has to say "nowhere" too


class PooledConv2D(Op):
    """y = max_pool2d(relu(conv2d(x, w) + b)), stride 1, windows of `window` side by side.

    Shapes: x (N, H, W, C), w (KH, KW, C, O), b (O,), y (N, PH, PW, O).
    """

    def __init__(self, pads: Pads, window: Pair) -> None:
        self.pads, self.window = pads, window

    def forward(self, x, w, b=None):
        self.save(x, w)
        y, self.places = pooled_standard.forward(x, w, b, self.pads, self.window)
        return y

    def flops(self, shapes, output):
        return 2 * _pixels(shapes[0], shapes[1], self.pads) * math.prod(shapes[1])

    def backward(self, grad):
        x, w = self.saved
        wanted = self.needs_input_grad[:2]
        gradients = pooled_standard.backward(x, w, grad, self.places, self.pads, self.window, wanted)
        return gradients[: len(self.inputs)]


class PooledSeparableConv2D(Op):
    """y = max_pool2d(relu(pointwise_conv2d(depthwise_conv2d(x, d), w) + b)), stride 1, windows of `window`
    side by side.

    Shapes: x (N, H, W, C), d (KH, KW, C), w (C, O), b (O,), y (N, PH, PW, O).
    """

    def __init__(self, pads: Pads, window: Pair) -> None:
        self.pads, self.window = pads, window

    def forward(self, x, d, w, b=None):
        if x.shape[3] == 1:
            y = pooled_grey.forward(x, d, w, b, self.pads, self.window)
            self.save(x, d, w, y)
        else:
            y, self.places = pooled_separable.forward(x, d, w, b, self.pads, self.window)
            self.save(x, d, w, None)
        return y

    def flops(self, shapes, output):
        return 2 * _pixels(shapes[0], shapes[1], self.pads) * (math.prod(shapes[1]) + math.prod(shapes[2]))

    def backward(self, grad):
        x, d, w, y = self.saved
        wanted = self.needs_input_grad[:3]
        if y is not None:
            found = pooled_grey.backward(x, d, w, y, grad, self.pads, self.window, wanted[0])
            return found[: len(self.inputs)]
        gradients = pooled_separable.backward(x, d, w, grad, self.places, self.pads, self.window, wanted)
        return gradients[: len(self.inputs)]


def _pixels(images: tuple[int, ...], weight: tuple[int, ...], pads: Pads) -> int:
    """Of all images after the convolution, before pooling."""
    size = output_size((images[1], images[2]), (weight[0], weight[1]), (1, 1), pads)
    return images[0] * math.prod(size)


def match(layers: Sequence[Module], start: int) -> tuple[int, PooledStep] | None:
    """A convolution and a ReLU, and the max pooling after them if its windows lie side by side."""
    if len(layers) < start + 2 or not _is_known(layers[start]) or not is_plain(layers[start + 1], ReLU):
        return None
    pool: Any = layers[start + 2] if len(layers) > start + 2 else None
    if pool is not None and is_plain(pool, MaxPool2D) and pool.stride == pool.size:
        return 3, PooledStep(layers[start], pool)
    return 2, PooledStep(layers[start], None)


def _is_known(layer: Any) -> bool:
    if is_plain(layer, SeparableConv2D):
        return is_plain(layer.depthwise, DepthwiseConv2D) and is_plain(layer.pointwise, PointwiseConv2D)
    return is_plain(layer, Conv2D)


class PooledStep:
    """Runs a convolution, a ReLU and, if there is one, a max pooling together."""

    def __init__(self, convolution: Any, pool: Any) -> None:
        self.convolution, self.pool = convolution, pool

    def __call__(self, inputs: Any) -> Tensor | None:
        x = images(inputs)
        geometry = None if x is None else self._geometry(x.shape[1:])
        if x is None or geometry is None:
            return None
        layer = self.convolution
        if isinstance(layer, SeparableConv2D):
            op: Op = PooledSeparableConv2D(*geometry)
            every = [layer.depthwise.weight, layer.pointwise.weight, layer.pointwise.bias]
        else:
            op, every = PooledConv2D(*geometry), [layer.weight, layer.bias]
        parameters = [parameter for parameter in every if parameter is not None]
        if any(parameter.dtype != x.dtype for parameter in parameters):
            return None
        return op(x, *parameters)

    def _geometry(self, shape: tuple[int, ...]) -> tuple[Pads, Pair] | None:
        """The padding and the pooling window for images of `shape` (H, W, C), or None if one is not known."""
        layer = self.convolution
        filters = layer.depthwise if isinstance(layer, SeparableConv2D) else layer
        if not _is_known(layer):  # one of the two inside a separable convolution may have been exchanged
            return None
        if filters.stride != (1, 1) or not _weights_fit(layer):
            return None
        try:
            size = layer.output_shape(shape)[:2]
        except InputError:  # the layer says so itself
            return None
        pads = resolve_padding(filters.padding, (shape[0], shape[1]), filters.kernel_size, (1, 1))
        if any(max(sides) >= extent for sides, extent in zip(pads, filters.kernel_size, strict=True)):
            return None  # filters that see padding alone
        if self.pool is None:
            return pads, (1, 1)
        window = self.pool.size
        side_by_side = self.pool.stride == window and window[0] * window[1] <= _MOST_PLACES
        fits = window[0] <= size[0] and window[1] <= size[1]
        around = resolve_padding(self.pool.padding, size, window, window)
        return (pads, window) if side_by_side and fits and not any(map(any, around)) else None


def _weights_fit(layer: Any) -> bool:
    """Whether the weights have the shapes the layer was built with: somebody may have put in others."""
    inputs, outputs = layer.in_channels, layer.out_channels
    if isinstance(layer, SeparableConv2D):
        shape, first, second = layer.depthwise.kernel_size, layer.depthwise, layer.pointwise
        fit = first.weight.shape == (*shape, inputs) and second.weight.shape == (inputs, outputs)
        return fit and first.bias is None and (second.bias is None or second.bias.shape == (outputs,))
    fit = layer.weight.shape == (*layer.kernel_size, inputs, outputs)
    return fit and (layer.bias is None or layer.bias.shape == (outputs,))

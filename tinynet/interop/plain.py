"""A network as the row of single layers that other frameworks have as well."""

from __future__ import annotations

from collections.abc import Iterator

from .. import nn
from ..nn.module import Shape


def plain_layers(model: nn.Sequential, input_shape: Shape) -> Iterator[tuple[nn.Module, Shape, Shape]]:
    """Every layer with the shapes before and after it, without the batch axis.

    The layers of an inner Sequential come one by one, and a separable convolution as the two that it is: only
    Keras has it as one. Raises InputError where a layer does not take what the one before gives.
    """
    for module, before, after in model.steps(input_shape):
        if type(module) is nn.Sequential:
            yield from plain_layers(module, before)
        elif type(module) is nn.SeparableConv2D:
            yield from plain_layers(nn.Sequential(module.depthwise, module.pointwise), before)
        else:
            yield module, before, after

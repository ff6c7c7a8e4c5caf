"""How far two right computations of a layer may lie apart: the square root of the number of roundings.

Each operation rounds its result by at most half a unit, up or down by chance; a unit is the dtype's epsilon
times the largest number of the array. After n roundings the errors add up like the steps of a random walk,
to sqrt(n) steps; a step is 0.29 of a unit on average, so that sqrt(n) units are more than three standard
deviations. A sum of n products has 2n roundings. Where nothing is rounded, as in max pooling, nothing is
allowed. Two computations that both round lie sqrt(2n) units apart.

The same count holds in float32 and float64: only the unit differs, by the factor 2^29.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import nn
from ..nn.module import Module, Shape

Counts = dict[str, int]
"""For "output", "input" (its gradient) and the gradient of each parameter: the roundings on the way there."""

EXPONENTIAL = 8  # an exponential or logarithm may be two units off, which is four roundings' walk each


def of_layer(layer: Module, before: Shape, output: Shape) -> Counts:
    """The counts of a layer; before: the shape that enters, without the batch; output: with it."""
    return _KINDS[type(layer)](layer, before, output)


def apart(count: int) -> float:
    """How many units two results may differ by that both come from so many roundings."""
    return math.sqrt(2 * count)


def through_a_network(own: float) -> float:
    """What is allowed after many layers, in units, where `own` is the distance of float32 from float64.

    How far a deep network spreads an error depends on its weights: no count of roundings says it. The same
    arithmetic in another precision measures it. It is a single draw, so four times it is allowed, and eight
    units for arrays that it happened to hit.
    """
    return 4 * own + 8


# The counts


def convolution(area: int, inputs: int, outputs: int, positions: int) -> Counts:
    """Sums over a window of `area` pixels; inputs, outputs: channels that one number of the other side meets.

    positions: of the window, in all images of the batch.
    """
    return {
        "output": 2 * area * inputs + 1,
        "input": 2 * area * outputs,
        "weight": 2 * positions,
        "bias": positions,
    }


def max_pooling(area: int) -> Counts:
    """The output is one of the inputs; windows that overlap add up their gradients."""
    return {"output": 0, "input": area}


def average_pooling(area: int) -> Counts:
    """A sum and a division, and the gradients of windows that overlap."""
    return {"output": area + 1, "input": 2 * area}


def global_average(area: int) -> Counts:
    """A sum and a division; each gradient is divided once."""
    return {"output": area + 1, "input": 1}


def batch_norm(values: int, training: bool) -> Counts:
    """A mean and a variance over `values` numbers go into everything; in evaluation they are given.

    An error of the mean is common to all terms of gamma's gradient, where it meets the sum of the gradients
    from above, of whatever size: twice its deviation, four times the count.
    """
    statistics = 3 * values + 4 if training else 4
    return {
        "output": statistics + 4,
        "input": statistics + 4 * values + 8 if training else 4,
        "gamma": 4 * statistics + 2 * values + 2,
        "beta": values,
    }


def softmax(classes: int) -> Counts:
    """Exponentials, their sum, a division; backward a sum of products."""
    return {"output": 3 * classes + EXPONENTIAL, "input": 5 * classes + EXPONENTIAL}


def _counted(output: int, gradient: int) -> Callable[[Any, Shape, Shape], Counts]:
    """The same for every size: functions of single numbers."""
    return lambda layer, before, output_shape: {"output": output, "input": gradient}


def _sums(channels: Callable[[Any], tuple[int, int]]) -> Callable[[Any, Shape, Shape], Counts]:
    """Of a layer with weights: `channels` says how many a number of the output and one of the input meet."""
    return lambda layer, before, output: convolution(
        math.prod(getattr(layer, "kernel_size", ())), *channels(layer), math.prod(output[:-1])
    )


def _window(count: Callable[[int], Counts]) -> Callable[[Any, Shape, Shape], Counts]:
    return lambda layer, before, output: count(math.prod(layer.size))


_KINDS: dict[type[Module], Callable[[Any, Shape, Shape], Counts]] = {
    nn.Conv2D: _sums(lambda layer: (layer.in_channels, layer.out_channels)),
    nn.DepthwiseConv2D: _sums(lambda layer: (1, layer.depth_multiplier)),
    nn.PointwiseConv2D: _sums(lambda layer: (layer.in_channels, layer.out_channels)),
    nn.Dense: _sums(lambda layer: (layer.in_features, layer.out_features)),
    nn.BatchNorm: lambda layer, before, output: batch_norm(math.prod(output[:-1]), layer.training),
    nn.MaxPool2D: _window(max_pooling),
    nn.AvgPool2D: _window(average_pooling),
    nn.GlobalAvgPool2D: lambda layer, before, output: global_average(before[0] * before[1]),
    nn.Softmax: lambda layer, before, output: softmax(output[-1]),
    nn.Sigmoid: _counted(EXPONENTIAL, EXPONENTIAL + 3),
    nn.Tanh: _counted(EXPONENTIAL, EXPONENTIAL + 3),
    nn.ReLU: _counted(0, 0),
    nn.ReLU6: _counted(0, 0),
    nn.Flatten: _counted(0, 0),
    nn.Dropout: _counted(2, 2),
}

"""Solutions of lesson 12, MobileNet, wide and narrow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def block_cost(in_channels: int, out_channels: int, size: int, stride: int) -> tuple[int, int]:
    """(trained parameters, multiply-adds) of one block for images of `size` by `size` pixels."""
    weights = 9 * in_channels + in_channels * out_channels
    pixels = math.ceil(size / stride) ** 2  # both convolutions give as many pixels
    return weights + 2 * in_channels + 2 * out_channels, weights * pixels


def network_cost(
    blocks: Sequence[tuple[int, int]], width: float, resolution: int, classes: int = 10
) -> tuple[int, int]:
    """(trained parameters, multiply-adds) of a whole MobileNet for grey images."""
    channels, size = int(32 * width), resolution
    parameters, work = 9 * channels + 2 * channels, 9 * channels * size**2
    for out_channels, stride in blocks:
        wider = int(out_channels * width)
        of_block = block_cost(channels, wider, size, stride)
        parameters, work = parameters + of_block[0], work + of_block[1]
        channels, size = wider, math.ceil(size / stride)  # what the next block finds
    return parameters + channels * classes + classes, work + channels * classes


def widest(blocks: Sequence[tuple[int, int]], resolution: int, budget: int) -> float | None:
    """The largest width of 1/16, 2/16, ... 32/16 whose network has at most `budget` multiply-adds."""
    for sixteenths in range(32, 0, -1):
        if network_cost(blocks, sixteenths / 16, resolution)[1] <= budget:
            return sixteenths / 16
    return None


def unbeaten(networks: Mapping[str, tuple[float, float]]) -> list[str]:
    """The names of the networks that no other one beats, the cheapest first."""
    cheapest_first = sorted(networks, key=lambda name: (networks[name][0], -networks[name][1]))
    found, best = [], -math.inf
    for name in cheapest_first:
        if networks[name][1] > best:  # dearer than all before it: worth it only if more accurate than all
            found.append(name)
            best = networks[name][1]
    return found

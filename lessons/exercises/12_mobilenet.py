"""Exercises of lesson 12, MobileNet, wide and narrow. Check them with `tinynet check 12`.

Replace each `raise NotImplementedError` by your answer. Plain Python is all you need. Multiply-adds are those
of convolutions and dense layers; a convolution of stride s turns a side of n pixels into n / s, rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def block_cost(in_channels: int, out_channels: int, size: int, stride: int) -> tuple[int, int]:
    """(trained parameters, multiply-adds) of one block for images of `size` by `size` pixels.

    A 3x3 depthwise convolution with the stride, then a 1x1 convolution, none with a bias, each followed by
    batch norm, which has two trained numbers per channel.
    """
    raise NotImplementedError


def network_cost(
    blocks: Sequence[tuple[int, int]], width: float, resolution: int, classes: int = 10
) -> tuple[int, int]:
    """(trained parameters, multiply-adds) of a whole MobileNet for grey images of `resolution` pixels a side.

    A 3x3 convolution of stride 1 with 32 channels and batch norm; the blocks, (output channels, stride) each;
    the mean over the image; a dense layer with bias. Every number of channels c becomes int(c * width), but
    for the one channel of the image.
    """
    raise NotImplementedError


def widest(blocks: Sequence[tuple[int, int]], resolution: int, budget: int) -> float | None:
    """The largest width of 1/16, 2/16, ... 32/16 whose network has at most `budget` multiply-adds.

    None if even the narrowest has more.
    """
    raise NotImplementedError


def unbeaten(networks: Mapping[str, tuple[float, float]]) -> list[str]:
    """The names of the networks that no other one beats, the cheapest first.

    networks: name -> (cost, accuracy). One network beats another if it is at most as expensive and at least
    as accurate, and better in one of the two. No two networks here are equal in both.
    """
    raise NotImplementedError

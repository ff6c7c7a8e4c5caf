"""Checks of lesson 12: the lesson's block, the counts of tinynet's own networks, and small tables by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from lessons import shelf
from lessons.checking import Case, Check, Mistake
from tinynet.models import build
from tinynet.models.mobilenet import BLOCKS_28

solution = shelf.load(shelf.FOLDER / "solutions" / "12_mobilenet.py")


def block_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's block; other channels; stride 2 on an even and on an uneven side."""
    yield Case("128 to 128 channels, 14 pixels", answer(128, 128, 14, 1), (17_536 + 512, 3_437_056))
    yield Case("2 to 5 channels, 3 pixels", answer(2, 5, 3, 1), (18 + 10 + 14, 28 * 9))
    yield Case("4 to 8 channels, 6 pixels, stride 2", answer(4, 8, 6, 2), (68 + 24, 68 * 9))
    yield Case("4 to 8 channels, 7 pixels, stride 2", answer(4, 8, 7, 2), (68 + 24, 68 * 16))


def block(kernel: int = 9, norms: str = "both", cut: bool = False, strided: str = "both", full: bool = False):
    """A `block_cost` with one thing wrong."""

    def block_cost(in_channels, out_channels, size, stride):
        depthwise = kernel * in_channels * (out_channels if full else 1)
        pointwise = in_channels * out_channels
        norm = {"both": 2 * in_channels + 2 * out_channels, "none": 0, "one": in_channels + out_channels}[
            norms
        ]
        after = size // stride if cut else math.ceil(size / stride)
        sides = {"both": (after, after), "none": (size, size), "second": (size, after)}[strided]
        return depthwise + pointwise + norm, depthwise * sides[0] ** 2 + pointwise * sides[1] ** 2

    return block_cost


def counted(width: float, classes: int = 10) -> tuple[int, int]:
    model = build("mobilenet-28", width=width, classes=classes)
    return model.parameter_count(trainable_only=True), model.multiply_adds((28, 28, 1))


def network_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A single block by hand, then `mobilenet-28` as tinynet counts it."""
    # 32 channels: 288 + 64 parameters, 288 * 4 products; 32 -> 8: 288 + 256 + 80, 544 * 4; dense 16 + 2, 16.
    yield Case("one block (8, 1), width 1, 2 pixels", answer([(8, 1)], 1.0, 2, 2), (352 + 624 + 18, 3344))
    small = build("mobilenet-28", width=0.25).multiply_adds((14, 14, 1))
    for width in (1.0, 0.5, 0.3):
        yield Case(f"mobilenet-28 of width {width}", answer(BLOCKS_28, width, 28), counted(width))
    yield Case("its parameters with 100 classes", answer(BLOCKS_28, 1.0, 28, 100)[0], counted(1.0, 100)[0])
    yield Case("its multiply-adds of width 0.25, 14 pixels", answer(BLOCKS_28, 0.25, 14)[1], small)


def network(
    scale: Callable[[int, float], int] = lambda channels, width: int(channels * width),
    shrink: bool = True,
    bias: bool = True,
    stem_norm: bool = True,
    stem_width: bool = True,
):
    """A `network_cost` with one thing wrong."""

    def network_cost(blocks, width, resolution, classes=10):
        channels, size = scale(32, width) if stem_width else 32, resolution
        parameters, work = channels * (11 if stem_norm else 9), 9 * channels * size**2
        for out_channels, stride in blocks:
            wider = scale(out_channels, width)
            of_block = solution.block_cost(channels, wider, size, stride)
            parameters, work = parameters + of_block[0], work + of_block[1]
            channels, size = wider, math.ceil(size / stride) if shrink else size
        return parameters + channels * classes + (classes if bias else 0), work + channels * classes

    return network_cost


def squared(blocks, width, resolution, classes=10):
    parameters, work = solution.network_cost(blocks, 1.0, resolution, classes)
    return round(parameters * width**2), round(work * width**2)


def widest_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Budgets that are met exactly, just missed, and out of reach."""
    work = {
        sixteenths: solution.network_cost(BLOCKS_28, sixteenths / 16, 28)[1] for sixteenths in (1, 8, 9, 32)
    }
    yield Case("budget of 6 million, 28 pixels", answer(BLOCKS_28, 28, 6_000_000), 0.5)
    yield Case("budget exactly that of 9/16", answer(BLOCKS_28, 28, work[9]), 9 / 16)
    yield Case("one multiply-add less", answer(BLOCKS_28, 28, work[9] - 1), 0.5)
    yield Case("6 million, 14 pixels", answer(BLOCKS_28, 14, 6_000_000), 15 / 16)
    yield Case("a budget of 10^12", answer(BLOCKS_28, 28, 10**12), 2.0)
    yield Case("one multiply-add less than 1/16 has", answer(BLOCKS_28, 28, work[1] - 1), None)


def looked(start: int = 32, stop: int = 0, below: bool = False, parameters: bool = False, last: Any = None):
    """A `widest` with one thing wrong."""

    def widest(blocks, resolution, budget):
        step = 1 if start < stop else -1
        for sixteenths in range(start, stop, step):
            cost = solution.network_cost(blocks, sixteenths / 16, resolution)[0 if parameters else 1]
            if cost < budget or (cost == budget and not below):
                return sixteenths / 16
        return last

    return widest


def by_the_square(blocks, resolution, budget):
    whole = solution.network_cost(blocks, 1.0, resolution)[1]
    return min(math.floor(16 * math.sqrt(budget / whole)) / 16, 2.0) or None


# Cost in millions and accuracy. f costs what c does and d what g does; i is as accurate as e.
TABLE = {
    "a": (5.9, 0.84), "b": (6.4, 0.80), "c": (1.6, 0.79), "d": (22.3, 0.84), "e": (6.0, 0.85),
    "f": (1.6, 0.75), "g": (22.3, 0.87), "h": (0.5, 0.70), "i": (7.0, 0.85),
}  # fmt: skip


def listed(names: Any) -> Any:
    """The names in one line, so that a wrong list is shown as it is."""
    return " ".join(map(str, names)) if isinstance(names, list | tuple) else names


def unbeaten_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Two networks, then nine with ties in cost and in accuracy."""
    yield Case(
        "two, each better in one", listed(answer({"big": (9.0, 0.9), "small": (1.0, 0.8)})), "small big"
    )
    yield Case("two, one better in both", listed(answer({"bad": (9.0, 0.8), "good": (1.0, 0.9)})), "good")
    yield Case("nine", listed(answer(dict(TABLE))), "h c a e g")
    yield Case("one", listed(answer({"only": (3.0, 0.1)})), "only")


def ranked(key: Callable[[tuple[float, float]], Any], beats: Callable[..., bool]):
    """An `unbeaten` with its own order and its own idea of what beats what."""

    def unbeaten(networks):
        rest = [
            name for name, mine in networks.items()
            if not any(beats(other, mine) for them, other in networks.items() if them != name)
        ]  # fmt: skip
        return sorted(rest, key=lambda name: key(networks[name]))

    return unbeaten


def properly(other, mine):
    return other[0] <= mine[0] and other[1] >= mine[1]


def better_in_both(other, mine):
    return other[0] < mine[0] and other[1] > mine[1]


def better_in_one(other, mine):
    return other[0] < mine[0] or other[1] > mine[1]


def dearer(other, mine):
    return other[0] >= mine[0] and other[1] >= mine[1]


def best_ratio(networks):
    return [max(networks, key=lambda name: networks[name][1] / networks[name][0])]


CHECKS = [
    Check(
        "block_cost",
        block_cases,
        "Weights: 9 M + M N, each used once per pixel of the result, whose side is size / stride, rounded "
        "up. Batch norm: 2 M numbers after the first convolution, 2 N after the second.",
        (
            Mistake(
                block(norms="none"), "Batch norm is trained, too: gamma and beta for each channel, twice."
            ),
            Mistake(block(norms="one"), "A batch norm has two trained numbers per channel, gamma and beta."),
            Mistake(block(kernel=3), "A 3x3 kernel has nine weights."),
            Mistake(block(full=True), "A depthwise kernel sees one channel: 9 M weights, whatever N is."),
            Mistake(block(strided="none"), "With stride 2 the result has a quarter of the pixels."),
            Mistake(
                block(strided="second"), "The depthwise convolution has the stride: count its own pixels."
            ),
            Mistake(block(cut=True), "A side of 7 with stride 2 gives 4 pixels: round up."),
        ),
    ),
    Check(
        "network_cost",
        network_cases,
        "Begin with int(32 * width) channels of 9 weights, and batch norm. Then block by block with the "
        "channels and the side that the last one left. Dense: channels * classes weights, classes biases.",
        (
            Mistake(network(bias=False), "The dense layer has a bias for each class."),
            Mistake(network(stem_norm=False), "Batch norm follows the first convolution, too."),
            Mistake(network(shrink=False), "After a block of stride 2 the next finds half the side."),
            Mistake(
                network(scale=lambda channels, width: round(channels * width)),
                "int(c * width) cuts off: 32 channels of width 0.3 are 9.6, so 9.",
            ),
            Mistake(
                network(scale=lambda channels, width: channels), "The width scales every number of channels."
            ),
            Mistake(network(stem_width=False), "The width scales the first convolution's 32 channels, too."),
            Mistake(squared, "The square of the width is a rule of thumb: count with the scaled channels."),
        ),
    ),
    Check(
        "widest",
        widest_cases,
        "Go down from 32/16 and return the first width whose multiply-adds, network_cost(...)[1], are at "
        "most the budget; None after the last.",
        (
            Mistake(looked(start=1, stop=33), "The largest that fits, not the first from below: go down."),
            Mistake(looked(below=True), "At most the budget: a network that meets it exactly fits."),
            Mistake(looked(parameters=True), "The budget is one of multiply-adds, the second number."),
            Mistake(looked(start=16), "Widths go up to 32/16: the network may be wider than 1."),
            Mistake(looked(last=1 / 16), "Where even 1/16 is too much, the answer is None."),
            Mistake(by_the_square, "The square of the width is a rule of thumb: count each network."),
        ),
    ),
    Check(
        "unbeaten",
        unbeaten_cases,
        "Sort by cost, of equal cost the most accurate first. Going up, keep a network if it is more "
        "accurate than all before it.",
        (
            Mistake(
                ranked(lambda pair: pair[0], better_in_both),
                "Equal in one and better in the other beats, too.",
            ),
            Mistake(ranked(lambda pair: -pair[1], properly), "The cheapest first."),
            Mistake(
                ranked(lambda pair: pair[0], better_in_one), "To be beaten takes one that is as good in both."
            ),
            Mistake(ranked(lambda pair: pair[0], dearer), "A low cost is good: at most as expensive."),
            Mistake(best_ratio, "Accuracy per cost picks one of many; several networks are worth having."),
        ),
    ),
]

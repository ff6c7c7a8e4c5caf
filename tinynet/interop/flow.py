"""What is known of the values between two layers while a network is converted without running it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..errors import ConversionError, InputError
from ..kernels import geometry
from ..nn import (
    AvgPool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAvgPool2D,
    MaxPool2D,
    Module,
    PointwiseConv2D,
    SeparableConv2D,
    Sequential,
)
from ..nn.module import Shape

IMAGES, ROWS, UNKNOWN = "images", "rows", "unknown"
ASK = "give input_shape, as in input_shape=(28, 28, 1)"


class Flow(NamedTuple):
    """Images (N, H, W, C) with as much of (H, W) and C as is known, or rows (N, features).

    flattened: of rows, the channels of the images they were flattened from, on which their order depends;
        1 if there were none, or of one pixel; None if it cannot be known.
    """

    kind: str = UNKNOWN
    channels: int | None = None
    size: tuple[int, int] | None = None
    flattened: int | None = 1

    @classmethod
    def of(cls, input_shape: Shape | None) -> Flow:
        """What enters a network; input_shape: (H, W, C), or (C,) for rows."""
        if input_shape is None:
            return cls()
        if len(input_shape) == 3:
            height, width, channels = input_shape
            return cls(IMAGES, channels, (height, width))
        if len(input_shape) == 1:
            return cls(ROWS, input_shape[0])
        raise InputError(
            f"input_shape expects (height, width, channels), or (features,) for rows, got {input_shape}."
        )

    def after(self, layer: Module) -> Flow:
        """What leaves a layer of ours. Raises InputError if it does not take what enters."""
        kind, channels, _, flattened = self
        if isinstance(layer, Flatten):
            if kind == IMAGES and self.size != (1, 1):
                flattened = channels
            return Flow(ROWS, None, None, None if kind == UNKNOWN else flattened)
        if isinstance(layer, Dense):
            return Flow(ROWS, layer.out_features)
        if self.size is not None and channels is not None:
            return Flow.of(layer.output_shape((*self.size, channels)))
        if isinstance(layer, GlobalAvgPool2D):
            return Flow(ROWS, channels)
        if isinstance(layer, Conv2D | PointwiseConv2D):
            return Flow(IMAGES, layer.out_channels)
        if isinstance(layer, DepthwiseConv2D):
            return Flow(IMAGES, layer.channels * layer.depth_multiplier)
        return Flow(IMAGES, channels) if isinstance(layer, MaxPool2D | AvgPool2D) else self

    def order(self) -> int:
        """`flattened`; ConversionError if it cannot be known."""
        if self.flattened is None:
            raise ConversionError(f"its inputs come from a Flatten of images of unknown channels: {ASK}")
        return self.flattened

    def pads(self, layer: Module, kernel: tuple[int, int]) -> geometry.Pads:
        """The padding of a layer with a window, in pixels; ConversionError if that cannot be known."""
        padding, stride = layer.padding, layer.stride  # type: ignore[attr-defined]  # layers with a window
        if padding == "same" and stride != (1, 1) and self.size is None:
            raise ConversionError(f'padding "same" with a stride depends on the size of the images: {ASK}')
        return geometry.resolve_padding(padding, self.size or kernel, kernel, stride)


class Problems:
    """Collects what cannot be converted, so that one error can name all of it."""

    def __init__(self, opening: str) -> None:
        self.opening = opening
        self.found: list[str] = []

    @contextmanager
    def at(self, place: str, then: Callable[[], None] | None = None) -> Iterator[None]:
        """Note what is refused within, under the name of the layer, and call `then`."""
        try:
            yield
        except (ConversionError, InputError) as error:
            self.found.append(f"{place}: {str(error).rstrip('.')}")
            if then is not None:
                then()

    def end(self) -> None:
        """Raise ConversionError if anything was noted."""
        if self.found:
            raise ConversionError(f"{self.opening}: {'; '.join(self.found)}.")


class Place(NamedTuple):
    """Where a layer stands: its position in each Sequential on the way to it, and its name in ours."""

    positions: tuple[int, ...]
    name: str


def walk(
    model: Sequential,
    flow: Flow,
    kinds: Container[type[Module]],
    problems: Problems,
    add: Callable[[Place, Module, Flow], None],
    outer: tuple[int, ...] = (),
) -> Flow:
    """Call `add` for every layer, those of inner Sequentials too, with what enters it; what leaves the last.

    A layer that is not of `kinds`, or that `add` refuses, is noted, and the walk goes on.
    """
    for position, layer in enumerate(model.layers):
        positions = (*outer, position)
        if type(layer) is Sequential:
            flow = walk(layer, flow, kinds, problems, add, positions)
            continue
        name = ".".join(f"layers.{one}" for one in positions)
        words = f"{name} {layer!r:.60}"
        if type(layer) not in kinds:
            problems.found.append(f"{words}: there is no such layer there")
            continue
        with problems.at(words):
            add(Place(positions, name), layer, flow)
        with problems.at(words):
            parts = [layer.depthwise, layer.pointwise] if isinstance(layer, SeparableConv2D) else [layer]
            for part in parts:
                flow = flow.after(part)
    return flow

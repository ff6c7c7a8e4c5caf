"""What from_torch and from_keras have in common: our layers, made one after the other with given weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import nn
from ..conversion import DTYPES
from ..errors import ConversionError
from ..kernels.geometry import Pads
from ..nn.module import Shape
from .flow import IMAGES, ROWS, Flow

NO_PADS: Pads = ((0, 0), (0, 0))


class Reader:
    """The network so far, and what is known of the values that leave its last layer.

    pixel: these are rows here, but images of one pixel in the other framework.  pads, pad_value: a layer of
        padding was met, which is to become part of the next layer.
    """

    def __init__(self, input_shape: Shape | None) -> None:
        self.flow = Flow.of(input_shape)
        self.layers: list[nn.Module] = []
        self.pixel = False
        self.pads: Pads = NO_PADS
        self.pad_value = 0.0

    def add(self, layer: nn.Module, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Append a layer, with copies of arrays in our layout under the names of its state."""
        self.padding(np.nan)  # whoever has a use for it has taken it
        if arrays:
            fill(layer, arrays)
        self.flow = self.flow.after(layer)
        self.layers.append(layer)

    def add_mean(self) -> None:
        """The mean over the image: here it leaves rows. That of a single pixel is the pixel."""
        if not self.pixel:
            self.add(nn.GlobalAvgPool2D())

    def padding(self, value: float) -> Pads:
        """The padding to be merged into a layer that pads with `value` itself; from now on there is none."""
        pads, self.pads = self.pads, NO_PADS
        if pads != NO_PADS and self.pad_value != value:
            raise ConversionError(f"it follows a padding with {self.pad_value:g}, which we do not have")
        return pads

    def pad(self, pads: Pads, value: float) -> None:
        """Keep a layer of padding for the layer that follows."""
        self.need_images()
        if self.pads != NO_PADS:
            raise ConversionError("it follows another padding: make them one")
        self.pads, self.pad_value = pads, value

    def need_images(self) -> None:
        """ConversionError if these are rows, or one pixel, where a window has nothing to move over."""
        if self.flow.kind == ROWS:
            raise ConversionError("it takes images, but what comes before it has left one pixel or rows")

    def need_rows(self) -> None:
        """ConversionError if these are images."""
        if self.flow.kind == IMAGES or self.pixel:
            raise ConversionError("it takes rows, but what comes before it leaves images: flatten them")

    def lose(self) -> None:
        """Go on after a layer that was refused, as if nothing were known of what leaves it."""
        self.flow = Flow(self.flow.kind, flattened=self.flow.flattened)
        self.pads = NO_PADS

    def network(self, input_shape: Shape | None) -> nn.Sequential:
        """The layers as a network; ConversionError if something at its end has no equal."""
        if self.pads != NO_PADS:
            raise ConversionError("it ends in a padding, which we have as a part of other layers only")
        model = nn.Sequential(*self.layers)
        model.input_shape = None if input_shape is None else tuple(input_shape)
        return model


def zeros(shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """An initialiser for weights that are replaced at once; it takes no random numbers."""
    return np.zeros(shape, np.float32)


def add_pads(one: Pads, other: Pads) -> Pads:
    """Both paddings together."""
    (top, bottom), (left, right) = one
    return (top + other[0][0], bottom + other[0][1]), (left + other[1][0], right + other[1][1])


def compact(pads: Pads) -> Any:
    """Padding as one would write it: one number where all sides are alike."""
    return pads[0][0] if len({*pads[0], *pads[1]}) == 1 else pads


def fill(layer: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put arrays into a layer, which takes their precision; those it has more keep what they start with."""
    dtypes = {array.dtype for array in arrays.values()}
    if len(dtypes) > 1 or not dtypes <= set(DTYPES):
        found = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise ConversionError(f"its arrays are of {found}: make all float32, or all float64")
    layer.astype(dtypes.pop())
    layer.load_state_dict({**layer.state_dict(), **arrays})

"""Where windows lie: sizes, strides and padding, in whole numbers only, for convolution and pooling alike.

A window of `kernel` pixels moves over an image of `size` pixels in steps of `stride`. Along one
axis, the tap `k` of output position `o` reads the input position

    i = o * stride + k - before

where `before` is the number of padding pixels at that side. Positions outside `0 <= i < size` are
padding.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InputError

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # ((top, bottom), (left, right))


def pair(value: Any, name: str) -> Pair:
    """`(height, width)` from one whole number for both, or from two; each at least 1.

    Raises InputError, naming the argument `name`, for anything else.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    whole = tuple(_whole(v) for v in values)
    if len(whole) != 2 or any(v is None or v < 1 for v in whole):
        raise InputError(
            f"{name} must be a whole number from 1 upwards or two of them (height, width), got {value!r}."
        )
    return whole[0], whole[1]  # type: ignore[return-value]


def resolve_padding(padding: Any, size: Pair, kernel: Pair, stride: Pair) -> Pads:
    """Pixels of padding `((top, bottom), (left, right))` for images of `size` (H, W).

    - `"valid"`: none;
    - `"same"`: as many that OH = ceil(H / stride); an odd one goes to the bottom or right, as in
      Keras and TensorFlow (PyTorch, where it pads, pads evenly);
    - a whole number: that many on each side;
    - `((top, bottom), (left, right))`: taken as they are.

    Raises InputError for anything else.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "same":
            return (
                _same(size[0], kernel[0], stride[0]),
                _same(size[1], kernel[1], stride[1]),
            )
    elif isinstance(padding, (tuple, list)):
        pads = [
            [_whole(v) for v in side] for side in padding if isinstance(side, (tuple, list))
        ]
        flat = [v for side in pads for v in side if v is not None and v >= 0]
        if len(padding) == 2 and [len(side) for side in pads] == [2, 2] and len(flat) == 4:
            return (flat[0], flat[1]), (flat[2], flat[3])
    else:
        every = _whole(padding)
        if every is not None and every >= 0:
            return (every, every), (every, every)
    raise InputError(
        'padding must be "valid", "same", a whole number from 0 upwards, or '
        f"((top, bottom), (left, right)), got {padding!r}."
    )


def output_size(size: Pair, kernel: Pair, stride: Pair, pads: Pads) -> Pair:
    """`(OH, OW)`, with OH = floor((H + top + bottom - KH) / stride) + 1.

    Raises InputError if the image is empty or the window does not fit into the padded image.
    """
    if min(size) < 1:
        raise InputError(f"Images must have at least one pixel, got height and width {size}.")
    padded = (size[0] + sum(pads[0]), size[1] + sum(pads[1]))
    if kernel[0] > padded[0] or kernel[1] > padded[1]:
        raise InputError(
            f"A window of {kernel[0]}x{kernel[1]} does not fit into an image of "
            f"{padded[0]}x{padded[1]} pixels (padding included): use a smaller window, more padding "
            "or larger images."
        )
    return (padded[0] - kernel[0]) // stride[0] + 1, (padded[1] - kernel[1]) // stride[1] + 1


def corner(pads: Pads) -> Pair:
    """`(top, left)`, the padding before the first pixel, which is all that places the windows."""
    return pads[0][0], pads[1][0]


def window(position: Pair, kernel: Pair, stride: Pair, pads: Pads, size: Pair) -> Iterator[
    tuple[int, int, int, int]
]:
    """The taps of one window that lie inside the image, row by row: `(kh, kw, h, w)`.

    The definitions are written with it; compiled kernels use `tap_ranges`.
    """
    for kh in range(kernel[0]):
        for kw in range(kernel[1]):
            h = position[0] * stride[0] + kh - pads[0][0]
            w = position[1] * stride[1] + kw - pads[1][0]
            if 0 <= h < size[0] and 0 <= w < size[1]:
                yield kh, kw, h, w


@functools.lru_cache(maxsize=1024)
def tap_ranges(size: int, kernel: int, stride: int, before: int, outputs: int) -> np.ndarray:
    """For each tap `k` the outputs `first <= o < last` that read inside the image, int64 `(kernel, 2)`.

    With the range known beforehand, the inner loop along a row needs no test for the border.
    """
    ranges = np.zeros((kernel, 2), np.int64)
    for k in range(kernel):
        first = max(0, -((k - before) // stride))  # ceil((before - k) / stride)
        last = min(outputs, (size - 1 + before - k) // stride + 1)
        ranges[k] = first, max(first, last)
    return ranges


def _same(size: int, kernel: int, stride: int) -> Pair:
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _whole(value: Any) -> int | None:
    """`value` as an int, or None if it is not a whole number (True and False are none)."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None

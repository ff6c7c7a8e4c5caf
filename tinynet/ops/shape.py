"""Operations that move numbers without changing them: the gradient moves them back."""

from __future__ import annotations

import copy
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..tensor import Op, Tensor, as_tensor
from .checks import check_axis


class Reshape(Op):
    """The same elements in the same order under another shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x):
        self.before = x.shape
        return x.reshape(self.shape)

    def backward(self, grad):
        return grad.reshape(self.before)


class Transpose(Op):
    """y = x with its axes in another order; the gradient goes through the inverse permutation."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, grad):
        return grad.transpose(np.argsort(self.axes))


class Take(Op):
    """y = x[index]; the gradient is 0 where nothing was taken and adds up where something was taken twice."""

    def __init__(self, index: Any) -> None:
        self.index = copy.deepcopy(index)  # the caller may change an array or a list of indices

    def forward(self, x):
        self.shape = x.shape
        return x[self.index]

    def backward(self, grad):
        result = np.zeros(self.shape, dtype=grad.dtype)
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        if all(part is None or part is ... or isinstance(part, int | slice) for part in parts):
            result[self.index] = grad  # nothing can be taken twice
        else:
            np.add.at(result, self.index, grad)
        return result


class Concatenate(Op):
    """The inputs one after the other along an existing axis; the gradient is cut at the same places."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays):
        self.cuts = np.cumsum([array.shape[self.axis] for array in arrays])[:-1]
        return np.concatenate(arrays, axis=self.axis)

    def backward(self, grad):
        return np.split(grad, self.cuts, axis=self.axis)


class Stack(Op):
    """Inputs of one shape beside each other along a new axis."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays):
        return np.stack(arrays, axis=self.axis)

    def backward(self, grad):
        return [np.take(grad, i, axis=self.axis) for i in range(grad.shape[self.axis])]


class Pad(Op):
    """x with a border of one value; the gradient loses its border."""

    def __init__(self, widths: tuple[tuple[int, int], ...], value: float) -> None:
        self.widths = widths
        self.value = value

    def forward(self, x):
        self.inner = tuple(
            slice(before, before + size) for (before, _), size in zip(self.widths, x.shape, strict=True)
        )
        return np.pad(x, self.widths, constant_values=self.value)

    def backward(self, grad):
        return grad[self.inner]


def reshape(x: Any, *shape: Any) -> Tensor:
    """x under another shape, given as one tuple or as numbers; one of them may be -1, to be worked out."""
    x = as_tensor(x)
    sizes = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    try:
        np.broadcast_to(x._array.dtype.type(0), x.shape).reshape(sizes)
    except (TypeError, ValueError):
        raise InputError(
            f"reshape cannot turn shape {x.shape} ({x.size} elements) into {sizes}: it takes whole numbers, "
            "at most one of them -1, and the number of elements has to stay the same."
        ) from None
    return Reshape(sizes)(x)


def transpose(x: Any, *axes: Any) -> Tensor:
    """x with its axes in the order `axes`; reversed when none are given."""
    x = as_tensor(x)
    order = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
    order = order or tuple(reversed(range(x.ndim)))
    places = tuple(check_axis("transpose", x, axis) for axis in order)
    if sorted(places) != list(range(x.ndim)):
        raise InputError(f"transpose expects each axis of shape {x.shape} once, got {order}.")
    return Transpose(places)(x)


def take(x: Any, index: Any) -> Tensor:
    """x[index] with numbers, slices, None, integer arrays or boolean masks, as in NumPy."""
    x = as_tensor(x)
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Tensor) for part in parts):
        raise InputError("A tensor cannot be an index: use an array of integers or booleans.")
    try:
        return Take(index)(x)
    except IndexError as error:
        # Python's iteration protocol asks for x[0], x[1], ... until an IndexError.
        raise IndexError(f"Index {index!r} does not fit a tensor of shape {x.shape}: {error}.") from None


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors one after the other along `axis`; all other sizes have to be equal."""
    inputs = _several("concatenate", tensors)
    place = check_axis("concatenate", inputs[0], axis)
    rest = {x.shape[:place] + x.shape[place + 1 :] if x.ndim == inputs[0].ndim else None for x in inputs}
    if len(rest) > 1:
        raise InputError(
            f"concatenate expects shapes that differ only along axis {axis}, "
            f"got {', '.join(str(x.shape) for x in inputs)}."
        )
    return Concatenate(place)(*inputs)


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape beside each other along a new axis at position `axis`."""
    inputs = _several("stack", tensors)
    if len({x.shape for x in inputs}) > 1:
        raise InputError(
            f"stack expects tensors of one shape, got {', '.join(str(x.shape) for x in inputs)}."
        )
    if not isinstance(axis, int) or not -inputs[0].ndim - 1 <= axis <= inputs[0].ndim:
        raise InputError(f"stack cannot put a new axis at {axis} of shape {inputs[0].shape}.")
    return Stack(axis)(*inputs)


def pad(x: Any, widths: Any, value: float = 0.0) -> Tensor:
    """x with a border: `widths` is ((before, after), ...), one pair of counts per axis."""
    x = as_tensor(x)
    try:
        pairs = tuple((operator.index(before), operator.index(after)) for before, after in widths)
    except (TypeError, ValueError):
        pairs = ()
    if len(pairs) != x.ndim or any(count < 0 for pair in pairs for count in pair):
        raise InputError(
            f"pad expects one (before, after) pair of non-negative counts for each of the {x.ndim} axes of "
            f"shape {x.shape}, got {widths!r}."
        )
    return Pad(pairs, float(value))(x)


def _several(name: str, tensors: Sequence[Any]) -> list[Tensor]:
    if not isinstance(tensors, list | tuple) or len(tensors) == 0:
        raise InputError(f"{name} expects a list of at least one tensor, got {tensors!r}.")
    first = next((one for one in tensors if isinstance(one, Tensor)), None)
    return [as_tensor(one, like=first) for one in tensors]

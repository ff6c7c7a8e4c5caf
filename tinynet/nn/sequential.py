"""Sequential: layers one after the other, which is all that the networks of this project need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, overload

from ..errors import DTypeError, InputError
from ..fused import plan
from ..tensor import Tensor
from .module import Module, Shape, indented


class Sequential(Module):
    """Applies its layers in order. It has a length, can be indexed, sliced and iterated over.

    `models.build` sets `config`, `input_shape` and `classes` on the network it returns, so that a
    checkpoint can say what to build and a data set can be checked against it. They are None
    otherwise.
    """

    config: dict[str, Any] | None = None
    input_shape: Shape | None = None
    classes: int | None = None

    def __init__(self, *layers: Module) -> None:
        for position, layer in enumerate(layers):
            if not isinstance(layer, Module):
                hint = "unpack a list with Sequential(*layers)"
                if isinstance(layer, type):
                    hint = f"write {layer.__name__}(), with its arguments"
                raise InputError(
                    f"Sequential expects modules, got {layer!r:.60} at position {position}: {hint}."
                )
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        """The layers in order; those that `fused` knows to run together run together."""
        if not plan.is_enabled():
            return self._one_by_one(x, 0, len(self.layers))
        for first, last, together in plan.runs(self, self.layers):
            y = None if together is None else together(x)
            x = self._one_by_one(x, first, last) if y is None else y
        return x

    def _one_by_one(self, x: Tensor, first: int, last: int) -> Tensor:
        for position in range(first, last):
            with _naming(position):
                x = self.layers[position](x)
        return x

    def steps(self, input_shape: Shape) -> Iterator[tuple[Module, Shape, Shape]]:
        """Each layer with the shapes that enter and leave it; an error says which layer it was."""
        shape = input_shape
        for position, layer in enumerate(self.layers):
            with _naming(position):
                after = layer.output_shape(shape)
            yield layer, shape, after
            shape = after

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = input_shape
        for _, _, after in self.steps(input_shape):
            shape = after
        return shape

    def multiply_adds(self, input_shape: Shape) -> int:
        return sum(layer.multiply_adds(before) for layer, before, _ in self.steps(input_shape))

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        """One layer, or for a slice a Sequential of those same layers, parameters shared."""
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __repr__(self) -> str:
        lines = "".join(f"\n  {indented(layer)}," for layer in self.layers)
        return f"Sequential({lines}\n)" if lines else "Sequential()"


@contextmanager
def _naming(position: int) -> Iterator[None]:
    """Errors about the input of a layer say which of many similar layers it was."""
    try:
        yield
    except InputError as error:
        kind = DTypeError if isinstance(error, DTypeError) else InputError
        raise kind(f"Layer {position} of Sequential: {error}") from error

"""Layer: the base of the layers of this library, where what they are given becomes a tensor."""

from __future__ import annotations

from typing import Any

from ..tensor import as_tensor
from .module import Module, Shape


class Layer(Module):
    """A module that computes one tensor from one tensor, array or nested lists of numbers.

    Lists become float32. Raises DTypeError for arrays of other dtypes than float32 and float64 and
    for what holds no numbers, in training and in evaluation.
    """

    def __call__(self, *inputs: Any) -> Any:
        return super().__call__(*(as_tensor(value) for value in inputs))

    def multiply_adds(self, input_shape: Shape) -> int:
        """0: only convolutions and dense layers have products that are counted, and say how many."""
        return 0

"""Dense, and Flatten, which turns images into the rows that Dense takes."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..arguments import positive_int
from ..errors import InputError
from ..tensor import Tensor
from . import checks
from .init import Initialiser, draw, glorot_uniform
from .layer import Layer
from .module import Parameter, Shape


class Dense(Layer):
    """y = x @ weight + bias.

    weight: (in_features, out_features), drawn by `init`.  bias: (out_features,), zeros; None with
    bias=False.
    (N, in_features) -> (N, out_features)
    Raises InputError for any other input shape.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: Initialiser = glorot_uniform,
    ) -> None:
        self.in_features = positive_int("in_features", in_features)
        self.out_features = positive_int("out_features", out_features)
        shape = (self.in_features, self.out_features)
        self.weight = Parameter(draw(init, shape, *shape), name="weight")
        self.bias = Parameter(np.zeros(self.out_features, np.float32), name="bias") if bias else None

    def forward(self, x: Tensor) -> Tensor:
        self._check(x.shape, x.shape[1:] if x.ndim else None)
        return ops.linear(x, self.weight, self.bias)

    def output_shape(self, input_shape: Shape) -> Shape:
        self._check(input_shape, input_shape)
        return (self.out_features,)

    def multiply_adds(self, input_shape: Shape) -> int:
        self._check(input_shape, input_shape)
        return self.weight.size

    def _check(self, shape: Shape, row: Shape | None) -> None:
        """`shape` is what to show in the message, `row` the part of it without the batch axis."""
        if row == (self.in_features,):
            return
        hint = "put nn.Flatten() before it"
        if row is not None and len(row) == 1:
            hint = f"build it with in_features={row[0]}"
        elif row == ():
            hint = "write x[None] for a single row"
        raise InputError(f"Dense expects rows of {self.in_features} features, got shape {shape}: {hint}.")

    def __repr__(self) -> str:
        return checks.call_text(self, self.in_features, self.out_features, bias=self.bias is not None)


class Flatten(Layer):
    """All axes but the first in one row, the last axis fastest: (N, H, W, C) -> (N, H·W·C)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 0:
            raise InputError("Flatten expects a batch, whose first axis it keeps, got shape ().")
        return ops.reshape(x, x.shape[0], math.prod(x.shape[1:]))

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

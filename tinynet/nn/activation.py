"""Layers without weights that keep the shape: activations and dropout."""

from __future__ import annotations

from .. import ops, random
from ..arguments import below_one
from ..errors import InputError
from ..tensor import Tensor
from . import checks
from .layer import Layer
from .module import Shape


class _SameShape(Layer):
    """What these layers have in common: any shape goes through."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class ReLU(_SameShape):
    """max(x, 0), element by element; the gradient at 0 is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class ReLU6(_SameShape):
    """min(max(x, 0), 6), element by element: bounded, for low-precision arithmetic (MobileNet)."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu6(x)


class Sigmoid(_SameShape):
    """1 / (1 + exp(-x)), element by element. The binary loss takes the values before it."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class Tanh(_SameShape):
    """The hyperbolic tangent, element by element."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class Softmax(_SameShape):
    """exp(x) / sum exp(x) over the last axis. The cross-entropy loss takes the values before it."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 0:
            raise InputError("Softmax expects an axis to sum over, got shape ().")
        return ops.softmax(x)


class Dropout(_SameShape):
    """In training, zero each value with probability `rate` and divide the others by 1 - rate.

    So the expected value stays the same and evaluation passes everything through ("inverted"
    dropout; Srivastava et al. 2014, section 10). The choice is drawn from the random stream
    "dropout".
    rate: from 0 to below 1.
    """

    def __init__(self, rate: float) -> None:
        self.rate = below_one("rate", rate)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        return ops.dropout(x, self.rate, random.stream("dropout"))

    def __repr__(self) -> str:
        return checks.call_text(self, self.rate)

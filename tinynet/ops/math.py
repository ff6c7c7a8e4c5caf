"""Element-by-element arithmetic and functions, with NumPy's broadcasting.

Every class states y and its derivative; g is the gradient that arrives from above.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..tensor import Op, Tensor, as_tensor
from .broadcasting import unbroadcast


class Binary(Op):
    """An operation on two inputs that are broadcast against each other."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        a, b = inputs
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise InputError(
                f"{self.name} got shapes {a.shape} and {b.shape}, which do not broadcast: from the last "
                "dimension backwards, sizes have to be equal or 1."
            ) from None
        return super().__call__(a, b)


class Add(Binary):
    """y = a + b; both gradients are g."""

    def forward(self, a, b):
        self.shapes = a.shape, b.shape
        return a + b

    def backward(self, grad):
        return unbroadcast(grad, self.shapes[0]), unbroadcast(grad, self.shapes[1])


class Subtract(Binary):
    """y = a - b; the gradients are g and -g."""

    def forward(self, a, b):
        self.shapes = a.shape, b.shape
        return a - b

    def backward(self, grad):
        return unbroadcast(grad, self.shapes[0]), unbroadcast(-grad, self.shapes[1])


class Multiply(Binary):
    """y = a b; the gradients are g b and g a."""

    def forward(self, a, b):
        needs_a, needs_b = self.needs_input_grad
        self.save(a if needs_b else None, b if needs_a else None)
        self.shapes = a.shape, b.shape
        return a * b

    def backward(self, grad):
        a, b = self.saved
        return (
            None if b is None else unbroadcast(grad * b, self.shapes[0]),
            None if a is None else unbroadcast(grad * a, self.shapes[1]),
        )


class Divide(Binary):
    """y = a / b; the gradients are g / b and -g a / b^2."""

    def forward(self, a, b):
        self.save(a if self.needs_input_grad[1] else None, b)
        self.shapes = a.shape, b.shape
        return a / b

    def backward(self, grad):
        a, b = self.saved
        quotient = grad / b
        return (
            unbroadcast(quotient, self.shapes[0]),
            None if a is None else unbroadcast(-quotient * (a / b), self.shapes[1]),
        )


class Power(Binary):
    """y = a^p; the gradients are g p a^(p - 1) and g a^p ln a.

    The first is 0 where p is 0, the second where a is 0: the limits, where the formulas say 0 times infinity.
    The second is NaN where a is negative, as there is no real power beside an integer one.
    """

    def forward(self, a, p):
        self.save(a, p)
        # A plain number as exponent lets NumPy turn a ** 2 into a product.
        return a ** p.item() if p.ndim == 0 else a**p

    def backward(self, grad):
        a, p = self.saved
        grad_a = grad_p = None
        if self.needs_input_grad[0]:
            below = p - (p != 0)  # p - 1, but a^0 where p is 0: the factor p takes care of the rest
            slope = p * (a ** below.item() if p.ndim == 0 else a**below)
            grad_a = unbroadcast(grad * slope, a.shape)
        if self.needs_input_grad[1]:
            with np.errstate(invalid="ignore"):
                log_a = np.log(np.where(a == 0, 1, a))
            grad_p = unbroadcast(grad * a**p * log_a, p.shape)
        return grad_a, grad_p


class Maximum(Binary):
    """y = max(a, b); g goes to the larger one, half to each where they are equal."""

    def forward(self, a, b):
        self.save(a, b)
        return np.maximum(a, b)

    def backward(self, grad):
        a, b = self.saved
        share_of_a = np.where(a == b, 0.5, a > b).astype(grad.dtype)
        return unbroadcast(grad * share_of_a, a.shape), unbroadcast(grad * (1 - share_of_a), b.shape)


class Negate(Op):
    """y = -x; the gradient is -g."""

    def forward(self, x):
        return -x

    def backward(self, grad):
        return -grad


class Exp(Op):
    """y = e^x; the gradient is g y."""

    def forward(self, x):
        y = np.exp(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad * y


class Log(Op):
    """y = ln x; the gradient is g / x."""

    def forward(self, x):
        self.save(x)
        return np.log(x)

    def backward(self, grad):
        (x,) = self.saved
        return grad / x


class Sqrt(Op):
    """y = x^(1/2); the gradient is g / (2 y)."""

    def forward(self, x):
        y = np.sqrt(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad / (2 * y)


class Absolute(Op):
    """y = |x|; the gradient is g sign(x), 0 at 0."""

    def forward(self, x):
        self.save(x)
        return np.abs(x)

    def backward(self, grad):
        (x,) = self.saved
        return grad * np.sign(x)


class Clip(Op):
    """y = min(max(x, minimum), maximum); g passes where x lies within the limits or on them."""

    def __init__(self, minimum: float | None, maximum: float | None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def forward(self, x):
        self.save(x)
        return np.clip(x, self.minimum, self.maximum)

    def backward(self, grad):
        (x,) = self.saved
        inside = np.ones(x.shape, dtype=bool)
        if self.minimum is not None:
            inside &= x >= self.minimum
        if self.maximum is not None:
            inside &= x <= self.maximum
        return grad * inside


def _binary(op: Binary, a: Any, b: Any) -> Tensor:
    a = as_tensor(a, like=b if isinstance(b, Tensor) else None)
    return op(a, as_tensor(b, like=a))


def add(a: Any, b: Any) -> Tensor:
    """a + b."""
    return _binary(Add(), a, b)


def subtract(a: Any, b: Any) -> Tensor:
    """a - b."""
    return _binary(Subtract(), a, b)


def multiply(a: Any, b: Any) -> Tensor:
    """a b, element by element."""
    return _binary(Multiply(), a, b)


def divide(a: Any, b: Any) -> Tensor:
    """a / b."""
    return _binary(Divide(), a, b)


def power(a: Any, exponent: Any) -> Tensor:
    """a to the power of `exponent`, a number or a tensor."""
    return _binary(Power(), a, exponent)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger of a and b; where they are equal each receives half of the gradient."""
    return _binary(Maximum(), a, b)


def negate(x: Any) -> Tensor:
    """-x."""
    return Negate()(as_tensor(x))


def exp(x: Any) -> Tensor:
    """e to the power of x."""
    return Exp()(as_tensor(x))


def log(x: Any) -> Tensor:
    """The natural logarithm of x; as in NumPy, not finite (with a warning) where x <= 0."""
    return Log()(as_tensor(x))


def sqrt(x: Any) -> Tensor:
    """The square root of x; the gradient at 0 is infinite."""
    return Sqrt()(as_tensor(x))


def absolute(x: Any) -> Tensor:
    """|x|; the gradient at 0 is 0."""
    return Absolute()(as_tensor(x))


def clip(x: Any, minimum: float | None = None, maximum: float | None = None) -> Tensor:
    """x limited to minimum ... maximum; either may be None. The gradient on a limit passes, as in PyTorch."""
    if minimum is None and maximum is None:
        raise InputError("clip expects a minimum, a maximum or both, got neither.")
    for limit in (minimum, maximum):
        if limit is not None and (not isinstance(limit, int | float | np.number) or math.isnan(limit)):
            raise InputError(f"clip expects numbers as limits, got {limit!r}.")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise InputError(f"clip expects minimum <= maximum, got {minimum} and {maximum}.")
    return Clip(*(None if limit is None else float(limit) for limit in (minimum, maximum)))(as_tensor(x))

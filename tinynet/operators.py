"""What can be written with tensors: `a + b`, `x[1:]`, `x.exp()`. Each is one function of `tinynet.ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

# The package itself, looked up when an operator is called: the operations stand on `Tensor`, so nothing
# below it can import them while it is being read.
import tinynet

if TYPE_CHECKING:
    from .tensor import Tensor


def _rebindable(tensor: Any) -> Any:
    """The tensor, which the name before `+=` may stop to stand for; TypeError if it is one to be trained."""
    if tensor.requires_grad and tensor._creator is None:
        raise TypeError(
            "A tensor that needs a gradient is not changed by += and the like: write x = x + y for a new "
            "tensor, or x.data += y for a step of your own."
        )
    return tensor


def _refuse_comparison() -> NoReturn:
    raise TypeError("Tensors are not compared: compare their arrays, as in x.numpy() == y.")


class Operators:
    """The operators and methods of `Tensor`, which is the only class to inherit them."""

    __slots__ = ()
    __array_ufunc__ = None  # `array * tensor` comes to __rmul__ below; np.exp(tensor) is refused

    def __add__(self, other: Any) -> Tensor:
        return tinynet.ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return tinynet.ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return tinynet.ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return tinynet.ops.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return tinynet.ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return tinynet.ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return tinynet.ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return tinynet.ops.divide(other, self)

    def __pow__(self, exponent: Any) -> Tensor:
        return tinynet.ops.power(self, exponent)

    def __rpow__(self, base: Any) -> Tensor:
        return tinynet.ops.power(base, self)

    def __matmul__(self, other: Any) -> Tensor:
        return tinynet.ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return tinynet.ops.matmul(other, self)

    # `x += y` stands for x = x + y, which for a parameter would look like a step and be none.

    def __iadd__(self, other: Any) -> Tensor:
        return _rebindable(self) + other

    def __isub__(self, other: Any) -> Tensor:
        return _rebindable(self) - other

    def __imul__(self, other: Any) -> Tensor:
        return _rebindable(self) * other

    def __itruediv__(self, other: Any) -> Tensor:
        return _rebindable(self) / other

    # Tensors are compared by nobody: `logits == labels` would be False, whatever they hold.

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return self is other or _refuse_comparison()

    def __ne__(self, other: object) -> Any:
        return self is not other and _refuse_comparison()

    def __lt__(self, other: object) -> Any:
        _refuse_comparison()

    def __le__(self, other: object) -> Any:
        _refuse_comparison()

    def __gt__(self, other: object) -> Any:
        _refuse_comparison()

    def __ge__(self, other: object) -> Any:
        _refuse_comparison()

    def __neg__(self) -> Tensor:
        return tinynet.ops.negate(self)

    def __getitem__(self, index: Any) -> Tensor:
        return tinynet.ops.take(self, index)

    def exp(self) -> Tensor:
        return tinynet.ops.exp(self)

    def log(self) -> Tensor:
        return tinynet.ops.log(self)

    def sqrt(self) -> Tensor:
        return tinynet.ops.sqrt(self)

    def abs(self) -> Tensor:
        return tinynet.ops.absolute(self)

    def clip(self, minimum: float | None = None, maximum: float | None = None) -> Tensor:
        return tinynet.ops.clip(self, minimum, maximum)

    def tanh(self) -> Tensor:
        return tinynet.ops.tanh(self)

    def sigmoid(self) -> Tensor:
        return tinynet.ops.sigmoid(self)

    def relu(self) -> Tensor:
        return tinynet.ops.relu(self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return tinynet.ops.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return tinynet.ops.mean(self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return tinynet.ops.max(self, axis, keepdims)

    def var(self, axis: Any = None, keepdims: bool = False, correction: int = 0) -> Tensor:
        return tinynet.ops.var(self, axis, keepdims, correction)

    def logsumexp(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        return tinynet.ops.logsumexp(self, axis, keepdims)

    def softmax(self, axis: int = -1) -> Tensor:
        return tinynet.ops.softmax(self, axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        return tinynet.ops.log_softmax(self, axis)

    def reshape(self, *shape: Any) -> Tensor:
        return tinynet.ops.reshape(self, *shape)

    def transpose(self, *axes: Any) -> Tensor:
        return tinynet.ops.transpose(self, *axes)

    @property
    def T(self) -> Tensor:
        return tinynet.ops.transpose(self)

"""The non-linear functions between layers, and softmax, which turns logits into probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import elementwise
from ..tensor import Op, Tensor, as_tensor
from .checks import check_axis, check_not_empty


class ReLU(Op):
    """y = max(x, 0); g passes where x > 0, so not at 0. A NaN stays a NaN."""

    def forward(self, x):
        y = elementwise.relu(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return elementwise.relu_grad(grad, y)


class ReLU6(Op):
    """y = min(max(x, 0), 6); g passes where 0 < x < 6. Krizhevsky 2010, "Convolutional deep belief networks
    on CIFAR-10"; Keras's MobileNet uses it in place of ReLU.
    """

    def forward(self, x):
        y = elementwise.relu(x, 6.0)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return elementwise.relu_grad(grad, y, 6.0)


class Sigmoid(Op):
    """y = 1 / (1 + e^-x); the gradient is g y (1 - y)."""

    def forward(self, x):
        y = stable_sigmoid(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad * y * (1 - y)


class Tanh(Op):
    """y = tanh x; the gradient is g (1 - y^2)."""

    def forward(self, x):
        y = np.tanh(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad * (1 - y * y)


class Softmax(Op):
    """y_i = e^x_i / sum_j e^x_j along an axis; the gradient is y (g - sum_j g_j y_j)."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x):
        y = np.exp(log_softmax_array(x, self.axis))
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return y * (grad - (grad * y).sum(axis=self.axis, keepdims=True))


class LogSoftmax(Op):
    """y_i = x_i - ln sum_j e^x_j along an axis; the gradient is g - e^y sum_j g_j."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x):
        y = log_softmax_array(x, self.axis)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad - np.exp(y) * grad.sum(axis=self.axis, keepdims=True)


def stable_sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x) on arrays, with an exponential that cannot overflow."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def log_softmax_array(x: np.ndarray, axis: int) -> np.ndarray:
    """ln softmax on arrays; the largest element is taken off first, so that no exponential overflows."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def relu(x: Any) -> Tensor:
    """max(x, 0)."""
    return ReLU()(as_tensor(x))


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6)."""
    return ReLU6()(as_tensor(x))


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^-x)."""
    return Sigmoid()(as_tensor(x))


def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent."""
    return Tanh()(as_tensor(x))


def softmax(x: Any, axis: int = -1) -> Tensor:
    """Probabilities along `axis`: positive, with sum 1."""
    x = as_tensor(x)
    check_not_empty("softmax", x, (check_axis("softmax", x, axis),))
    return Softmax(axis)(x)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """The logarithm of softmax, exact where softmax itself would round to 0."""
    x = as_tensor(x)
    check_not_empty("log_softmax", x, (check_axis("log_softmax", x, axis),))
    return LogSoftmax(axis)(x)

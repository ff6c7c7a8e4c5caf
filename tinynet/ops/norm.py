"""Batch normalisation and dropout: the two operations that behave differently in training and evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import below_one, not_negative
from ..errors import InputError
from ..kernels import elementwise, norm
from ..kernels.memory import empty
from ..tensor import Op, Tensor, as_tensor


class BatchNorm(Op):
    """y = gamma (x - mean) / sqrt(var + eps) + beta with the mean and the biased variance of this batch.

    Mean and variance are taken per channel, over all other dimensions, and depend on x too: with
    xhat = (x - mean) / sqrt(var + eps) and m elements per channel the gradients are

        d beta  = sum g
        d gamma = sum g xhat
        d x     = gamma / sqrt(var + eps) (g - d beta / m - xhat d gamma / m)

    Shapes: x (..., C), gamma and beta (C,). Ioffe and Szegedy 2015 (arXiv 1502.03167), algorithm 1.
    """

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, x, gamma, beta):
        rows = x.reshape(-1, x.shape[-1])
        self.mean, self.var = norm.moments(rows)
        self.save(x, gamma)
        scale, shift = scale_and_shift(gamma, beta, self.mean, self.var, self.eps)
        return norm.scale_shift(rows, scale, shift).reshape(x.shape)

    def backward(self, grad):
        x, gamma = self.saved
        channels = x.shape[-1]
        inverse_std = 1 / np.sqrt(self.var + self.var.dtype.type(self.eps))
        grad_x, grad_gamma, grad_beta = norm.batch_norm_grad(
            grad.reshape(-1, channels), x.reshape(-1, channels), self.mean, inverse_std, gamma
        )
        return grad_x.reshape(x.shape), grad_gamma, grad_beta


class BatchNormInference(Op):
    """The same with a fixed mean and variance, which makes it a scale and a shift per channel."""

    def __init__(self, mean: np.ndarray, var: np.ndarray, eps: float) -> None:
        self.mean, self.var, self.eps = mean, var, eps

    def forward(self, x, gamma, beta):
        self.save(x, gamma)
        scale, shift = scale_and_shift(gamma, beta, self.mean, self.var, self.eps)
        return norm.scale_shift(x.reshape(-1, x.shape[-1]), scale, shift).reshape(x.shape)

    def backward(self, grad):
        x, gamma = self.saved
        inverse_std = 1 / np.sqrt(self.var + self.var.dtype.type(self.eps))
        per_channel = tuple(range(x.ndim - 1))
        normalised = (x - self.mean) * inverse_std
        grad_gamma = (grad * normalised).sum(per_channel, dtype=np.float64).astype(grad.dtype)
        grad_beta = grad.sum(per_channel, dtype=np.float64).astype(grad.dtype)
        return grad * (gamma * inverse_std), grad_gamma, grad_beta


class Dropout(Op):
    """y = x mask / (1 - rate): each element is 0 with probability `rate`, the others grow to keep the mean.

    Srivastava et al. 2014 (JMLR 15), in the inverted form that needs nothing at evaluation.
    """

    def __init__(self, rate: float, generator: np.random.Generator) -> None:
        self.rate = rate
        self.generator = generator

    def forward(self, x):
        chance = empty(x.shape, np.float32)
        self.generator.random(out=chance, dtype=np.float32)
        y, self.kept = elementwise.dropout(x, chance, self.rate)
        return y

    def backward(self, grad):
        return elementwise.dropout_grad(grad, self.kept, self.rate)


def scale_and_shift(
    gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """The normalisation of a channel as y = x scale + shift."""
    scale = gamma / np.sqrt(var + var.dtype.type(eps))
    return scale, beta - mean * scale


def batch_norm(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Normalise x (..., C) by the statistics of this batch; gamma and beta (C,).

    Returns the result and this batch's mean and biased variance, arrays (C,), for the running averages.
    Raises InputError when the sizes do not fit or there is only one value per channel.
    """
    x, gamma, beta = _checked("batch_norm", x, gamma, beta)
    if x.size == x.shape[-1]:
        raise InputError(
            f"batch_norm in training needs more than one value per channel, got shape {x.shape}: "
            "use a larger batch, or model.eval()."
        )
    op = BatchNorm(not_negative("eps", eps))
    y = op(x, gamma, beta)
    return y, op.mean.copy(), op.var.copy()  # the operation needs its own unchanged


def batch_norm_inference(
    x: Any, gamma: Any, beta: Any, mean: np.ndarray, var: np.ndarray, eps: float = 1e-5
) -> Tensor:
    """Normalise x (..., C) by a given mean and variance (C,)."""
    x, gamma, beta = _checked("batch_norm_inference", x, gamma, beta)
    mean, var = (np.array(statistic, dtype=x.dtype) for statistic in (mean, var))
    if mean.shape != gamma.shape or var.shape != gamma.shape:
        raise InputError(
            f"batch_norm_inference expects a mean and a variance of shape {gamma.shape}, "
            f"got {mean.shape} and {var.shape}."
        )
    return BatchNormInference(mean, var, eps)(x, gamma, beta)


def dropout(x: Any, rate: float, generator: np.random.Generator) -> Tensor:
    """x with a share of about `rate` of its elements set to 0, the others divided by 1 - rate."""
    return Dropout(below_one("rate", rate), generator)(as_tensor(x))


def _checked(name: str, x: Any, gamma: Any, beta: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = as_tensor(x)
    gamma, beta = as_tensor(gamma, like=x), as_tensor(beta, like=x)
    if x.ndim < 2 or x.size == 0 or gamma.shape != (x.shape[-1],) or beta.shape != gamma.shape:
        raise InputError(
            f"{name} expects x (..., C), gamma (C,) and beta (C,) with the same C and at least one element, "
            f"got shapes {x.shape}, {gamma.shape} and {beta.shape}."
        )
    return x, gamma, beta

"""The step of an optimiser: all arrays of a parameter changed in one pass over memory.

For a large model that pass is as fast as the memory, and each pass saved counts; for one of many small
parameters it is the calls that cost, so these functions take a list of parameters. The formulas, as
NumPy says them, are the definitions; the loops below compute the same.

Below about 1e-38 (float32) a number is subnormal, and each calculation with one costs a modern processor
dozens of cycles instead of less than one. A running mean that is only multiplied by 0.9 ends there and
stays: 0.9 times the smallest subnormal number rounds to itself. With every unit that has died a training
would become slower for good. So `settle` and `square` hold what is kept away from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numba import prange

from .compiling import kernel, parallel_kernel
from .threads import region

_BLOCK = 32 * 1024  # numbers in a block: four arrays of 128 kB in float32
_ALONE = 4 * _BLOCK  # numbers up to which waking other threads takes longer than they save

Part = tuple[np.ndarray, ...]
"""A parameter, its gradient and what is kept for it: contiguous arrays of one dimension and length."""


def settle(running):
    """A running mean with 0 for what is far smaller than any gradient: 2e-31 in float32.

    That leaves room below it for the product with a learning rate.
    """
    return np.where(np.abs(running) < least_mean(running.dtype), 0, running)


def square(g):
    """g², but never below 1e-32 in float32, the square of 1e-16.

    The root of it is compared with eps, which is 1e-8: a gradient of that size cannot be told from 0.
    """
    return np.maximum(np.abs(g), least_size(g.dtype)) ** 2


def least_mean(dtype: np.dtype) -> float:
    """The smallest number that a running mean may hold besides 0."""
    return float(np.finfo(dtype).tiny) * 2.0**24


def least_size(dtype: np.dtype) -> float:
    """The smallest size of a gradient that is told from 0 where its square is kept."""
    return math.sqrt(np.finfo(dtype).tiny) * 2.0**10


def sgd_definition(w, g, v, lr, momentum, nesterov, weight_decay):
    """One step of stochastic gradient descent, in place; v is None without momentum."""
    g = g + weight_decay * w
    if v is not None:
        v[...] = settle(momentum * v + g)
        g = g + momentum * v if nesterov else v
    w -= lr * g


def rmsprop_definition(w, g, s, v, lr, alpha, eps, momentum, weight_decay):
    """One step of RMSprop, in place; v is None without momentum."""
    g = g + weight_decay * w
    s[...] = alpha * s + (1 - alpha) * square(g)
    change = g / (np.sqrt(s) + eps)
    if v is not None:
        v[...] = settle(momentum * v + change)
        change = v
    w -= lr * change


def adam_definition(w, g, m, s, step, lr, betas, eps, weight_decay, decoupled):
    """One step of Adam, in place, the `step`th; decoupled is the weight decay of AdamW."""
    w *= 1 - lr * decoupled
    g = g + weight_decay * w
    m[...] = settle(betas[0] * m + (1 - betas[0]) * g)
    s[...] = betas[1] * s + (1 - betas[1]) * square(g)
    mean, mean_square = m / (1 - betas[0] ** step), s / (1 - betas[1] ** step)
    w -= lr * mean / (np.sqrt(mean_square) + eps)


def sgd(parts: Sequence[Part], lr: float, momentum: float, nesterov: bool, weight_decay: float) -> None:
    """Change each (w, g) or, with momentum, (w, g, v) in place."""
    of_g, of_v = (1.0, momentum) if nesterov else (0.0, 1.0)
    _run(_sgd, _sgd_blocks, parts, 3, [lr, momentum, of_g, of_v, weight_decay])


def rmsprop(
    parts: Sequence[Part], lr: float, alpha: float, eps: float, momentum: float, weight_decay: float
) -> None:
    """Change each (w, g, s) or, with momentum, (w, g, s, v) in place."""
    _run(_rmsprop, _rmsprop_blocks, parts, 4, [lr, alpha, 1 - alpha, eps, momentum, weight_decay])


def adam(
    parts: Sequence[Part],
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    decoupled: float,
) -> None:
    """Change each (w, g, m, s) in place."""
    beta1, beta2 = betas
    # The correction of s, taken out of the root and applied to two numbers instead of the array.
    correction = math.sqrt(1 - beta2**step)
    rate = lr * correction / (1 - beta1**step)
    shrink = 1 - lr * decoupled
    numbers = [rate, beta1, 1 - beta1, beta2, 1 - beta2, eps * correction, weight_decay, shrink]
    _run(_adam, _adam_blocks, parts, 4, numbers)


def _run(
    serial: Callable, parallel: Callable, parts: Sequence[Part], arrays: int, numbers: list[float]
) -> None:
    """Call a loop for each part; of the `arrays` that it takes the last may be missing, and is then empty."""
    of_type: dict[np.dtype, np.ndarray] = {}
    for part in parts:
        w = part[0]
        if w.dtype not in of_type:
            of_type[w.dtype] = np.array([*numbers, least_mean(w.dtype), least_size(w.dtype)], w.dtype)
        if len(part) < arrays:
            part += (w[:0],)
        if len(w) <= _ALONE:
            serial(*part, of_type[w.dtype])
        else:
            with region:
                parallel(*part, of_type[w.dtype])


@kernel
def _sgd(w, g, v, numbers):
    lr, momentum, of_g, of_v, weight_decay = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    least, zero = numbers[5], w.dtype.type(0)
    if len(v) == 0:
        for i in range(len(w)):
            w[i] -= lr * (g[i] + weight_decay * w[i])
    else:
        for i in range(len(w)):
            gradient = g[i] + weight_decay * w[i]
            velocity = momentum * v[i] + gradient
            v[i] = zero if abs(velocity) < least else velocity
            w[i] -= lr * (of_g * gradient + of_v * v[i])


@kernel
def _rmsprop(w, g, s, v, numbers):
    lr, alpha, of_square, eps = numbers[0], numbers[1], numbers[2], numbers[3]
    momentum, weight_decay, least, least_size = numbers[4], numbers[5], numbers[6], numbers[7]
    zero = w.dtype.type(0)
    for i in range(len(w)):
        gradient = g[i] + weight_decay * w[i]
        size = least_size if abs(gradient) < least_size else gradient
        s[i] = alpha * s[i] + of_square * (size * size)
        change = gradient / (np.sqrt(s[i]) + eps)
        if len(v) != 0:
            velocity = momentum * v[i] + change
            change = zero if abs(velocity) < least else velocity
            v[i] = change
        w[i] -= lr * change


@kernel
def _adam(w, g, m, s, numbers):
    rate, beta1, of_g, beta2, of_square = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    eps, weight_decay, shrink, least, least_size = numbers[5], numbers[6], numbers[7], numbers[8], numbers[9]
    zero = w.dtype.type(0)
    for i in range(len(w)):
        weight = w[i] * shrink
        gradient = g[i] + weight_decay * weight
        mean = beta1 * m[i] + of_g * gradient
        m[i] = zero if abs(mean) < least else mean
        size = least_size if abs(gradient) < least_size else gradient
        s[i] = beta2 * s[i] + of_square * (size * size)
        w[i] = weight - rate * m[i] / (np.sqrt(s[i]) + eps)


@parallel_kernel
def _sgd_blocks(w, g, v, numbers):
    for i in prange(-(-len(w) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _sgd(w[part], g[part], v[part], numbers)


@parallel_kernel
def _rmsprop_blocks(w, g, s, v, numbers):
    for i in prange(-(-len(w) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _rmsprop(w[part], g[part], s[part], v[part], numbers)


@parallel_kernel
def _adam_blocks(w, g, m, s, numbers):
    for i in prange(-(-len(w) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _adam(w[part], g[part], m[part], s[part], numbers)

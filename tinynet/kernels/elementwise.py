"""Functions of each number alone: ReLU and dropout, each in one pass over memory.

    relu:     y[i] = min(max(x[i], 0), limit)                 dx[i] = g[i] where 0 < y[i] < limit, else 0
    dropout:  y[i] = x[i] scale where chance[i] >= rate, else 0      with scale = 1 / (1 - rate)

NumPy needs several passes for each of these, as every operation of an expression reads and writes whole
arrays. Arrays of any shape are seen as one long row, cut into blocks for the threads; a short one is
not worth waking them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange

from .compiling import kernel, parallel_kernel, ready
from .memory import empty
from .threads import region

_BLOCK = 32 * 1024  # numbers in a block: three arrays of 128 kB in float32
_ALONE = 4 * _BLOCK  # numbers up to which waking other threads takes longer than they save


def relu_definition(x, limit=math.inf):
    """y[i] = min(max(x[i], 0), limit); a NaN stays a NaN."""
    y = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        y[i] = x[i] if math.isnan(x[i]) else min(max(x[i], 0), limit)
    return y


def relu_grad_definition(g, y, limit=math.inf):
    """dx[i] = g[i] where 0 < y[i] < limit, with the output y of `relu`."""
    dx = np.zeros_like(g)
    for i in np.ndindex(g.shape):
        dx[i] = g[i] if 0 < y[i] < limit else 0
    return dx


def dropout_definition(x, chance, rate):
    """`(y, kept)`: y[i] = x[i] / (1 - rate) where kept[i], which is chance[i] >= rate, else 0."""
    kept = chance >= np.float32(rate)
    y = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        y[i] = x[i] / (1 - rate) if kept[i] else 0
    return y, kept


def dropout_grad_definition(g, kept, rate):
    """dx[i] = g[i] / (1 - rate) where kept[i], else 0."""
    dx = np.zeros_like(g)
    for i in np.ndindex(g.shape):
        dx[i] = g[i] / (1 - rate) if kept[i] else 0
    return dx


def relu(x: np.ndarray, limit: float = math.inf) -> np.ndarray:
    """`min(max(x, 0), limit)`, any shape."""
    y = empty(x.shape, x.dtype)
    _run(_relu, _relu_blocks, _row(x), x.dtype.type(limit), _row(y))
    return y


def relu_grad(g: np.ndarray, y: np.ndarray, limit: float = math.inf) -> np.ndarray:
    """The gradient of x from that of y and from y itself, three arrays of one shape."""
    dx = empty(g.shape, g.dtype)
    _run(_relu_grad, _relu_grad_blocks, _row(g), _row(y), y.dtype.type(limit), _row(dx))
    return dx


def dropout(x: np.ndarray, chance: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """`(y, kept)` of x's shape from x and random numbers in [0, 1), float32; kept is boolean."""
    y, kept = empty(x.shape, x.dtype), empty(x.shape, np.bool_)
    scale = x.dtype.type(1 / (1 - rate))
    _run(_dropout, _dropout_blocks, _row(x), _row(chance), np.float32(rate), scale, _row(y), _row(kept))
    return y, kept


def dropout_grad(g: np.ndarray, kept: np.ndarray, rate: float) -> np.ndarray:
    """The gradient of x from that of y."""
    dx = empty(g.shape, g.dtype)
    _run(_mask, _mask_blocks, _row(g), _row(kept), g.dtype.type(1 / (1 - rate)), _row(dx))
    return dx


def _run(serial: Callable, parallel: Callable, *arguments: Any) -> None:
    if len(arguments[0]) <= _ALONE:
        serial(*arguments)
    else:
        with region:
            parallel(*arguments)


def _row(array: np.ndarray) -> np.ndarray:
    return ready(array).reshape(-1)


@kernel
def _relu(x, limit, y):
    zero = x.dtype.type(0)
    for i in range(len(x)):
        # Comparisons with a NaN are false: it passes both.
        value = zero if x[i] < zero else x[i]
        y[i] = limit if value > limit else value


@kernel
def _relu_grad(g, y, limit, dx):
    zero = g.dtype.type(0)
    for i in range(len(g)):
        dx[i] = g[i] if zero < y[i] < limit else zero


@kernel
def _dropout(x, chance, rate, scale, y, kept):
    zero = x.dtype.type(0)
    for i in range(len(x)):
        kept[i] = chance[i] >= rate
        y[i] = x[i] * scale if chance[i] >= rate else zero


@kernel
def _mask(g, kept, scale, dx):
    zero = g.dtype.type(0)
    for i in range(len(g)):
        dx[i] = g[i] * scale if kept[i] else zero


@parallel_kernel
def _relu_blocks(x, limit, y):
    for i in prange(-(-len(x) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _relu(x[part], limit, y[part])


@parallel_kernel
def _relu_grad_blocks(g, y, limit, dx):
    for i in prange(-(-len(g) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _relu_grad(g[part], y[part], limit, dx[part])


@parallel_kernel
def _dropout_blocks(x, chance, rate, scale, y, kept):
    for i in prange(-(-len(x) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _dropout(x[part], chance[part], rate, scale, y[part], kept[part])


@parallel_kernel
def _mask_blocks(g, kept, scale, dx):
    for i in prange(-(-len(g) // _BLOCK)):
        part = slice(i * _BLOCK, (i + 1) * _BLOCK)
        _mask(g[part], kept[part], scale, dx[part])

"""Matrix products, which a dense layer and a pointwise (1x1) convolution both are.

    y[r, o] = sum_k a[r, k] b[k, o] + bias[o]

In the layout `(N, H, W, C)` a pointwise convolution is this with R = N H W rows, K = C, and the
weight as `b`: nothing is moved or copied, the observation behind MobileNet's speed (Howard et al.
2017, section 3.2).

All products of the framework run here, as blocks given to Numba's threads, each block one call of
BLAS. Two ways of cutting are enough. Where there are many rows and a small weight, rows are cut
(`_multiply_rows`). Where the weight is the large matrix, as in a dense layer, the summed index k is
cut so that each core reads its own part of the weight once (`_sum_of_products`); the small matrices
are transposed to fit, the large one never is.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from .compiling import blocks, merged, parallel_kernel, quiet, ready
from .memory import empty
from .threads import region

_BLOCKS = 16  # pieces of work; more than the cores of a usual machine, few enough for large products
_BLOCK_ROWS = 1024  # rows in a block of a sum, at most: as long as a sum in float32 may get


def matmul_definition(a, b, bias):
    """y[r, o] = sum_k a[r, k] b[k, o] + bias[o]."""
    (R, K), O = a.shape, b.shape[1]
    y = np.zeros((R, O), a.dtype)
    for r in range(R):
        for o in range(O):
            total = 0.0 if bias is None else float(bias[o])
            for k in range(K):
                total += float(a[r, k]) * float(b[k, o])
            y[r, o] = total
    return y


def matmul_grad_a_definition(g, b):
    """da[r, k] = sum_o g[r, o] b[k, o], that is g @ b.T."""
    (R, O), K = g.shape, b.shape[0]
    da = np.zeros((R, K), g.dtype)
    for r in range(R):
        for k in range(K):
            da[r, k] = sum(float(g[r, o]) * float(b[k, o]) for o in range(O))
    return da


def matmul_grad_b_definition(a, g):
    """db[k, o] = sum_r a[r, k] g[r, o], that is a.T @ g."""
    (R, K), O = a.shape, g.shape[1]
    db = np.zeros((K, O), a.dtype)
    for k in range(K):
        for o in range(O):
            db[k, o] = sum(float(a[r, k]) * float(g[r, o]) for r in range(R))
    return db


def column_sum_definition(g):
    """s[o] = sum_r g[r, o], the gradient of the bias."""
    s = np.zeros(g.shape[1], g.dtype)
    for o in range(g.shape[1]):
        s[o] = sum(float(g[r, o]) for r in range(g.shape[0]))
    return s


def matmul(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """`a @ b + bias`: (R, K) and (K, O) and (O,) -> (R, O)."""
    a, b = ready(a), ready(b)
    with region:
        if _weight_is_small(a):
            return _rows(a, b, bias)
        y = _sum(ready(a.T), b)
        if bias is not None:
            with quiet():
                y += bias
        return y


def matmul_grad_a(g: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`g @ b.T`: (R, O) and (K, O) -> (R, K)."""
    g, b = ready(g), ready(b)
    with region:
        if len(g) >= len(b):
            return _rows(g, ready(b.T))
        return ready(_rows(b, ready(g.T)).T)


def matmul_grad_b(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """`a.T @ g`: (R, K) and (R, O) -> (K, O)."""
    a, g = ready(a), ready(g)
    with region:
        if _weight_is_small(a):
            return _sum(a, g)
        return _rows(ready(a.T), g)


def column_sum(g: np.ndarray) -> np.ndarray:
    """`g.sum(axis=0)`: (R, O) -> (O,); block sums in the dtype of `g`, their total in float64."""
    g = ready(g)
    edges = blocks(len(g), max(_BLOCKS, len(g) // _BLOCK_ROWS))
    sums = np.zeros((len(edges) - 1, g.shape[1]), g.dtype)
    with region:
        _sum_columns(g, edges, sums)
    return merged(sums)


def _weight_is_small(a: np.ndarray) -> bool:
    return a.shape[0] >= a.shape[1]


def _rows(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """`a @ b + bias`, cut by rows of `a`."""
    y = empty((a.shape[0], b.shape[1]), a.dtype)
    bias = np.zeros(b.shape[1], b.dtype) if bias is None else ready(bias)
    _multiply_rows(a, b, bias, blocks(len(a), max(_BLOCKS, len(a) // _BLOCK_ROWS)), y)
    return y


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a.T @ b`, cut along the summed index, which is the rows of both."""
    edges = blocks(len(a), _BLOCKS)
    products = empty((len(edges) - 1, a.shape[1], b.shape[1]), a.dtype)
    _sum_of_products(a, b, edges, products)
    return merged(products)


@parallel_kernel
def _multiply_rows(a, b, bias, edges, y):
    """y = a b + bias, one block of rows at a time: the product is still in cache when the bias is added."""
    for i in prange(len(edges) - 1):
        part = y[edges[i] : edges[i + 1]]  # (rows, O)
        np.dot(a[edges[i] : edges[i + 1]], b, part)
        for r in range(part.shape[0]):
            for o in range(part.shape[1]):
                part[r, o] += bias[o]


@parallel_kernel
def _sum_of_products(a, b, edges, products):
    """products[i] = a[rows of block i].T b[rows of block i]."""
    for i in prange(len(edges) - 1):
        rows = slice(edges[i], edges[i + 1])
        np.dot(a[rows].T, b[rows], products[i])


@parallel_kernel
def _sum_columns(g, edges, sums):
    """sums[i, o] = sum of g[r, o] over the rows of block i."""
    for i in prange(len(edges) - 1):
        for r in range(edges[i], edges[i + 1]):
            for o in range(g.shape[1]):
                sums[i, o] += g[r, o]

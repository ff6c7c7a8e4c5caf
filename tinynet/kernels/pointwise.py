"""Matrix products, which a dense layer and a pointwise (1x1) convolution both are.

    y[r, o] = sum_k a[r, k] b[k, o] + bias[o]

In the layout `(N, H, W, C)` a pointwise convolution is this with R = N H W rows, K = C, and the
weight as `b`: nothing is moved or copied, the observation behind MobileNet's speed (Howard et al.
2017, section 3.2).

A small product is one call of BLAS. A larger one is cut into blocks, each one call of BLAS in one of
Numba's threads. Where there are many rows, they are cut. Where the weight is the large matrix, as in
a dense layer, the weight is:

    y[:, block] = a b[:, block]
    da[:, block] = g b[block].T
    db[block] = a[:, block].T g

Blocks want to be few and large: BLAS rearranges both matrices for each call.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import numpy as np
from numba import prange

from .blas import multiply
from .compiling import blocks, kernel, merged, parallel_kernel, ready
from .memory import empty
from .threads import region

_ALONE = 1024 * 1024  # multiplications up to which waking other threads takes longer than they save
_BLOCKS = 16  # pieces of rows, at most; more only where a sum in float32 would get too long
_BLOCK_ROWS = 1024  # rows in a block of a sum, at most: as long as a sum in float32 may get
_WEIGHT_BLOCKS = 8  # pieces of a large weight, at most


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
    (R, K), O = a.shape, b.shape[1]
    y = empty((R, O), a.dtype)
    bias = np.zeros(O, b.dtype) if bias is None else ready(bias)
    with region:
        if _is_small(R, K, O):
            _multiply(a, b, bias, y)
        elif _has_many_rows(R, K):
            _multiply_rows(a, b, bias, _row_blocks(R), y)
        else:
            _multiply_columns(a, b, bias, _weight_blocks(O), y)
    return y


def matmul_grad_a(g: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`g @ b.T`: (R, O) and (K, O) -> (R, K)."""
    g, b = ready(g), ready(b)
    (R, O), K = g.shape, b.shape[0]
    da = empty((R, K), g.dtype)
    with region:
        if _is_small(R, K, O):
            _multiply_transposed(g, b, da)
        elif _has_many_rows(R, K):
            _multiply_rows_transposed(g, b, _row_blocks(R), da)
        else:
            _fill_columns(g, b, _weight_blocks(K), da)
    return da


def matmul_grad_b(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """`a.T @ g`: (R, K) and (R, O) -> (K, O)."""
    a, g = ready(a), ready(g)
    (R, K), O = a.shape, g.shape[1]
    db = empty((K, O), a.dtype)
    with region:
        if _is_small(R, K, O):
            _sum_of_products(a, g, db)
        elif R * (K + O) >= _BLOCKS * K * O:  # partial sums are smaller than what is summed
            edges = _row_blocks(R)
            sums = empty((len(edges) - 1, K, O), a.dtype)
            _partial_sums(a, g, edges, sums)
            db = merged(sums)
        else:
            _fill_rows(a, g, _weight_blocks(K), db)
    return db


def column_sum(g: np.ndarray) -> np.ndarray:
    """`g.sum(axis=0)`: (R, O) -> (O,); block sums in the dtype of `g`, their total in float64."""
    g = ready(g)
    alone = g.size <= _ALONE // 8
    edges = blocks(len(g), max(1 if alone else _BLOCKS, len(g) // _BLOCK_ROWS))
    sums = np.zeros((len(edges) - 1, g.shape[1]), g.dtype)
    if alone:
        _sum_blocks(g, edges, sums)
    else:
        with region:
            _sum_blocks_in_parallel(g, edges, sums)
    return merged(sums)


def _is_small(R: int, K: int, O: int) -> bool:
    return R * K * O <= _ALONE


def _has_many_rows(R: int, K: int) -> bool:
    return 16 * R >= K


def _row_blocks(R: int) -> np.ndarray:
    return blocks(R, max(2, min(_BLOCKS, R // 128), R // _BLOCK_ROWS))


def _weight_blocks(extent: int) -> np.ndarray:
    """The edges of pieces of the weight, along K or O."""
    return blocks(extent, max(2, min(_WEIGHT_BLOCKS, extent // 128)))


@kernel
def _multiply(a, b, bias, y):
    multiply(a, b, y)
    for r in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[r, o] += bias[o]


@parallel_kernel
def _multiply_rows(a, b, bias, edges, y):
    for i in prange(len(edges) - 1):
        rows = slice(edges[i], edges[i + 1])
        _multiply(a[rows], b, bias, y[rows])


@parallel_kernel
def _multiply_columns(a, b, bias, edges, y):
    for i in prange(len(edges) - 1):
        columns = slice(edges[i], edges[i + 1])
        _multiply(a, b[:, columns], bias[columns], y[:, columns])


@kernel
def _multiply_transposed(g, b, da):
    multiply(g, b.T, da)


@parallel_kernel
def _multiply_rows_transposed(g, b, edges, da):
    for i in prange(len(edges) - 1):
        rows = slice(edges[i], edges[i + 1])
        multiply(g[rows], b.T, da[rows])


@parallel_kernel
def _fill_columns(g, b, edges, da):
    for i in prange(len(edges) - 1):
        multiply(g, b[edges[i] : edges[i + 1]].T, da[:, edges[i] : edges[i + 1]])


@kernel
def _sum_of_products(a, g, db):
    multiply(a.T, g, db)


@parallel_kernel
def _partial_sums(a, g, edges, sums):
    for i in prange(len(edges) - 1):
        rows = slice(edges[i], edges[i + 1])
        multiply(a[rows].T, g[rows], sums[i])


@parallel_kernel
def _fill_rows(a, g, edges, db):
    for i in prange(len(edges) - 1):
        multiply(a[:, edges[i] : edges[i + 1]].T, g, db[edges[i] : edges[i + 1]])


@kernel
def _sum_blocks(g, edges, sums):
    """sums[i, o] = sum of g[r, o] over the rows of block i."""
    for i in range(len(edges) - 1):
        _sum_block(g[edges[i] : edges[i + 1]], sums[i])


@parallel_kernel
def _sum_blocks_in_parallel(g, edges, sums):
    for i in prange(len(edges) - 1):
        _sum_block(g[edges[i] : edges[i + 1]], sums[i])


@kernel
def _sum_block(g, total):
    for r in range(g.shape[0]):
        for o in range(g.shape[1]):
            total[o] += g[r, o]

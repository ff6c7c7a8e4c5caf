"""Solutions of lesson 07, from seven loops to a matrix product."""

from __future__ import annotations

import numpy as np


def windows(x: np.ndarray, KH: int, KW: int, stride: int) -> np.ndarray:
    """Each window as a row: (N, H, W, C) -> (N OH OW, KH KW C)."""
    N, H, W, C = x.shape
    OH, OW = (H - KH) // stride + 1, (W - KW) // stride + 1
    rows = np.zeros((N, OH, OW, KH, KW, C), x.dtype)
    for i, j in np.ndindex(OH, OW):  # all images at once
        rows[:, i, j] = x[:, i * stride : i * stride + KH, j * stride : j * stride + KW]
    return rows.reshape(N * OH * OW, KH * KW * C)


def add_back(rows: np.ndarray, shape: tuple[int, int, int, int], KH: int, KW: int, stride: int) -> np.ndarray:
    """The reverse of `windows`: each number added to the pixel it is a copy of, an array of `shape`."""
    N, H, W, C = shape
    OH, OW = (H - KH) // stride + 1, (W - KW) // stride + 1
    copies = rows.reshape(N, OH, OW, KH, KW, C)
    x = np.zeros(shape, rows.dtype)
    for i, j in np.ndindex(OH, OW):
        x[:, i * stride : i * stride + KH, j * stride : j * stride + KW] += copies[:, i, j]
    return x


def gradients(x: np.ndarray, weight: np.ndarray, g: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(by the images, by the weights), in their shapes, if g (N, OH, OW, O) arrives at the convolution."""
    KH, KW = weight.shape[:2]
    G, W = g.reshape(-1, g.shape[3]), weight.reshape(-1, weight.shape[3])
    by_weight = windows(x, KH, KW, stride).T @ G  # of Y = X W: X^T G
    return add_back(G @ W.T, x.shape, KH, KW, stride), by_weight.reshape(weight.shape)


def cost(
    shape: tuple[int, int, int, int], kernel: tuple[int, int], filters: int, stride: int
) -> tuple[int, int]:
    """(multiply-adds, bytes): of a convolution, and of its windows as rows in float32."""
    (N, H, W, C), (KH, KW) = shape, kernel
    rows = N * ((H - KH) // stride + 1) * ((W - KW) // stride + 1)
    numbers = rows * KH * KW * C
    return numbers * filters, numbers * 4  # each number meets every filter; float32 has four bytes

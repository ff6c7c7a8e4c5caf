"""Solutions of lesson 06, convolution by hand."""

from __future__ import annotations

import numpy as np


def convolve(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """One filter on one image, without padding: (H, W) and (KH, KW) -> (OH, OW)."""
    KH, KW = w.shape
    y = np.zeros(((x.shape[0] - KH) // stride + 1, (x.shape[1] - KW) // stride + 1))
    for i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        y[i, j] = (x[top : top + KH, left : left + KW] * w).sum()
    return y


def gradients(x: np.ndarray, w: np.ndarray, g: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(by the image, by the filter): the gradients of `convolve(x, w, stride)` if g arrives at its result."""
    KH, KW = w.shape
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j in np.ndindex(g.shape):
        # The same window as in the forward pass: its pixels were multiplied with w, w with its pixels.
        window = slice(i * stride, i * stride + KH), slice(j * stride, j * stride + KW)
        dx[window] += g[i, j] * w  # +=, since windows overlap
        dw += g[i, j] * x[window]
    return dx, dw


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, after): the padding of Keras's "same" along one axis."""
    outputs = -(-size // stride)  # rounded up
    # The last window begins at (outputs - 1) * stride; a small one may end before the image does.
    total = max(0, (outputs - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def learn_filter(x: np.ndarray, y: np.ndarray, size: int, steps: int, lr: float) -> np.ndarray:
    """The filter (size, size) that gradient descent finds, if y is to be `convolve(x, filter, 1)`."""
    w = np.zeros((size, size))
    for _ in range(steps):
        g = 2 * (convolve(x, w, 1) - y) / y.size  # the gradient of the mean squared difference
        w -= lr * gradients(x, w, g, 1)[1]
    return w

"""Solutions of lesson 11, optimisers and learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def momentum(
    w: np.ndarray, gradient: Callable[[np.ndarray], np.ndarray], lr: float, mu: float, steps: int
) -> np.ndarray:
    """w after some steps of SGD with momentum mu, in PyTorch's and tinynet's form."""
    v = np.zeros_like(w)
    for _ in range(steps):
        v = mu * v + gradient(w)  # the learning rate stays outside
        w = w - lr * v
    return w


def adam(
    w: np.ndarray,
    gradient: Callable[[np.ndarray], np.ndarray],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
    steps: int,
) -> np.ndarray:
    """w after some steps of AdamW, which is Adam if decay is 0."""
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient(w)
        m = betas[0] * m + (1 - betas[0]) * g
        s = betas[1] * s + (1 - betas[1]) * g**2
        mean, square = (
            m / (1 - betas[0] ** t),
            s / (1 - betas[1] ** t),
        )  # m and s themselves go on uncorrected
        w = (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps)
    return w


def warm_cosine(step: int, steps: int, warm_up: int, lr: float) -> float:
    """The learning rate of a step, counted from 0: a cosine with a warm-up."""
    cosine = lr * (1 + math.cos(math.pi * min(step / steps, 1))) / 2
    return cosine * min((step + 1) / warm_up, 1)


def largest_rate(curvatures: Sequence[float], mu: float) -> float:
    """The learning rate beyond which SGD with momentum mu leaves the valley 1/2 (k1 a^2 + k2 b^2 + ...)."""
    # Where a becomes -a in each step, the steps are -2a, 2a, -2a, ...: lr v is 2a, and the velocity before it
    # was its opposite. From v = mu (-v) + k a follows v (1 + mu) = k a, so 2a = lr k a / (1 + mu).
    return 2 * (1 + mu) / max(curvatures)

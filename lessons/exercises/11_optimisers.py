"""Exercises of lesson 11, optimisers and learning rates. Check them with `tinynet check 11`.

Replace each `raise NotImplementedError` by your answer. NumPy is all you need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def momentum(
    w: np.ndarray, gradient: Callable[[np.ndarray], np.ndarray], lr: float, mu: float, steps: int
) -> np.ndarray:
    """w after some steps of SGD with momentum mu, in PyTorch's and tinynet's form.

    gradient(w) is the gradient at w. The velocity starts at 0. The array that came in is not changed.
    """
    raise NotImplementedError


def adam(
    w: np.ndarray,
    gradient: Callable[[np.ndarray], np.ndarray],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
    steps: int,
) -> np.ndarray:
    """w after some steps of AdamW, which is Adam if decay is 0. The array that came in is not changed.

    Each step shrinks w by the factor 1 - lr decay, with the gradient taken before, and then takes Adam's step
    with both corrections. eps is added to the corrected root.
    """
    raise NotImplementedError


def warm_cosine(step: int, steps: int, warm_up: int, lr: float) -> float:
    """The learning rate of a step, counted from 0: a cosine with a warm-up.

    The cosine falls from lr at step 0 to 0 at step `steps`, and the rate stays 0 afterwards. The first
    `warm_up` steps are multiplied by 1 / warm_up, 2 / warm_up, ..., 1.
    """
    raise NotImplementedError


def largest_rate(curvatures: Sequence[float], mu: float) -> float:
    """The learning rate beyond which SGD with momentum mu leaves the valley 1/2 (k1 a^2 + k2 b^2 + ...).

    curvatures: k1, k2, ..., all above 0. Without momentum (mu = 0) each step multiplies a by 1 - lr k1; try
    for mu above 0 when a swings from a to -a for ever.
    """
    raise NotImplementedError

"""Where weights start: random values scaled so that signals neither die out nor explode with depth.

Each initialiser is a function `(shape, fan_in, fan_out) -> array`. The fans are given by the layer,
since only it knows them: fan_in is how many inputs one output sums up, fan_out how many outputs one
input reaches.

    layer                             fan_in        fan_out
    dense (I, O)                      I             O
    convolution (KH, KW, I, O)        KH*KW*I       KH*KW*O
    depthwise (KH, KW, C, M)          KH*KW         KH*KW*M      an output sees one channel

PyTorch counts the fan_in of a depthwise convolution in the same way. Keras applies the rule of the
ordinary convolution to the depthwise kernel, fan_in = KH*KW*C, and so starts with smaller weights.

Sources: He et al. 2015, "Delving deep into rectifiers", arXiv 1502.01852, equation 10 (variance 2 /
fan_in, which keeps the variance through ReLU); Glorot and Bengio 2010, "Understanding the
difficulty of training deep feedforward neural networks", equations 12 and 16 (variance 2 / (fan_in
+ fan_out)). Keras cuts its normal distributions off at two standard deviations; PyTorch, the papers
and we do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from ..errors import InputError

Initialiser = Callable[[tuple[int, ...], int, int], np.ndarray]


def he_normal(
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    rng: np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> np.ndarray:
    """Normal with standard deviation sqrt(2 / fan_in), for ReLU networks (He et al. 2015)."""
    return _normal(shape, 2.0 / fan_in, rng, dtype)


def he_uniform(
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    rng: np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> np.ndarray:
    """Uniform within +-sqrt(6 / fan_in): the variance of he_normal, bounded."""
    return _uniform(shape, 2.0 / fan_in, rng, dtype)


def glorot_normal(
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    rng: np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> np.ndarray:
    """Normal with standard deviation sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    return _normal(shape, 2.0 / (fan_in + fan_out), rng, dtype)


def glorot_uniform(
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    rng: np.random.Generator | None = None,
    dtype: Any = np.float32,
) -> np.ndarray:
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010): the default."""
    return _uniform(shape, 2.0 / (fan_in + fan_out), rng, dtype)


def draw(initialiser: Initialiser, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """What a layer's `init` argument gives, in float32; raises InputError if it is not an initialiser."""
    if not callable(initialiser):
        raise InputError(
            f"init expects a function such as nn.init.he_normal, got {initialiser!r}: "
            "pass the function itself."
        )
    array = np.asarray(initialiser(shape, fan_in, fan_out))
    if array.dtype.kind not in "iuf":
        raise InputError(
            f"init expects a function that returns numbers, got {array.dtype} from {initialiser!r}."
        )
    if array.shape != shape:
        raise InputError(
            f"init expects a function that returns the shape it is asked for, {shape}, "
            f"got an array of shape {array.shape} from {initialiser!r}."
        )
    return array.astype(np.float32, copy=False)


def _normal(
    shape: tuple[int, ...], variance: float, rng: np.random.Generator | None, dtype: Any
) -> np.ndarray:
    generator = random.stream("init") if rng is None else rng
    array = generator.standard_normal(shape, dtype=dtype)
    array *= math.sqrt(variance)
    return array


def _uniform(
    shape: tuple[int, ...], variance: float, rng: np.random.Generator | None, dtype: Any
) -> np.ndarray:
    limit = math.sqrt(3.0 * variance)  # a uniform distribution on [-a, a] has variance a² / 3
    generator = random.stream("init") if rng is None else rng
    array = generator.random(shape, dtype=dtype)  # [0, 1)
    array *= 2.0 * limit
    array -= limit
    return array

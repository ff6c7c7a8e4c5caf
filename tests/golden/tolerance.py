"""What the cases allow: the square root of the number of roundings (see `tinynet/interop/roundings.py`).

The expected numbers are exact, so only one side rounds.
"""

from __future__ import annotations

import math

import numpy as np

from tinynet.interop import roundings
from tinynet.interop.roundings import EXPONENTIAL

from .cases import Arrays, Case

Counts = dict[str, int]
"""By the name of an array: how many roundings lie between the inputs and each of its numbers."""


def allowed(case: Case, expected: Arrays) -> dict[str, float]:
    """The largest distance of each array from the expected one, in units of rounding."""
    counts = ROUNDINGS[case.kind](case, expected)
    return {name: math.sqrt(counts[name]) for name in expected}


def _named(counts: Counts) -> Counts:
    """By the names of the cases, where gradients are called so and the input is x."""
    names = {"output": "output", "input": "grad x"}
    return {names.get(name, f"grad {name}"): count for name, count in counts.items()}


def _window(case: Case, expected: Arrays) -> Counts:
    """Convolutions; the last size of a depthwise one's weight is its multiplier, if there is one."""
    height, width, channels, *rest = case.arrays["weight"].shape
    inner = channels if case.kind == "conv" else 1
    positions = math.prod(expected["output"].shape[:3])
    return _named(roundings.convolution(height * width, inner, *(rest or [1]), positions))


def _matrix(case: Case, expected: Arrays) -> Counts:
    rows = math.prod(expected["output"].shape[:-1])
    return _named(roundings.convolution(1, *case.arrays["weight"].shape, rows))


def _separable(case: Case, expected: Arrays) -> Counts:
    area, (wide, wider) = 9, case.arrays["pointwise"].shape
    positions = math.prod(expected["output"].shape[:3])
    return {
        "output": 2 * area + 2 * wide + 1,
        "grad x": 2 * wider + 2 * area,
        "grad depthwise": 2 * wider + 2 * positions,
        "grad pointwise": 2 * area + 2 * positions,
        "grad bias": positions,
    }


def _pool(case: Case, expected: Arrays) -> Counts:
    count = roundings.max_pooling if case.kind == "max_pool" else roundings.average_pooling
    return _named(count(math.prod(case.options["size"])))


def _global_average(case: Case, expected: Arrays) -> Counts:
    _, height, width, _ = case.arrays["x"].shape
    return _named(roundings.global_average(height * width))


def _batch_norm(case: Case, expected: Arrays) -> Counts:
    values, training = math.prod(case.arrays["x"].shape[:-1]), case.options["training"]
    return {
        **_named(roundings.batch_norm(values, training)),
        "running_mean": values + 4 if training else 0,
        "running_var": 3 * values + 8 if training else 0,
    }


def _alike(output: int, gradient: int):
    """The same counts for every size: functions of single elements."""
    return lambda case, expected: {
        "output": output, **{f"grad {name}": gradient for name in case.arrays}
    }  # fmt: skip


def _softmax(case: Case, expected: Arrays) -> Counts:
    return _named(roundings.softmax(case.arrays["x"].shape[-1]))


def _loss(case: Case, expected: Arrays) -> Counts:
    *_, classes = case.arrays["logits"].shape
    terms = case.arrays["logits"].size
    return {"output": 3 * terms + EXPONENTIAL, "grad logits": 3 * classes + EXPONENTIAL}


def _optimiser(case: Case, expected: Arrays) -> Counts:
    steps = len(case.arrays["gradients"])
    return {"path": PER_STEP[case.options["rule"]] * steps}


PER_STEP = {"SGD": 6, "RMSprop": 12, "Adam": 16, "AdamW": 18}

ROUNDINGS = {
    "conv": _window,
    "depthwise": _window,
    "pointwise": _matrix,
    "separable": _separable,
    "dense": _matrix,
    "flatten": _alike(0, 0),
    "max_pool": _pool,
    "avg_pool": _pool,
    "global_average": _global_average,
    "batch_norm": _batch_norm,
    "relu": _alike(0, 0),
    "relu6": _alike(0, 0),
    "sigmoid": _alike(EXPONENTIAL, EXPONENTIAL + 3),
    "tanh": _alike(EXPONENTIAL, EXPONENTIAL + 3),
    "softmax": _softmax,
    "dropout": _alike(2, 2),
    "maximum": _alike(0, 1),
    "cross_entropy": _loss,
    "binary_cross_entropy": _loss,
    "optimiser": _optimiser,
}


def of_storing(dtype: type) -> float:
    """A number kept in float32 is half a unit off: 2^28 units of float64."""
    return 0.5 * np.finfo(np.float32).eps / np.finfo(dtype).eps


def compared(framework: str, name: str) -> bool:
    """Whether an array has to be equal: Keras keeps another variance (see `test_differences.py`)."""
    return not (framework == "keras" and name.endswith("running_var"))

"""How far two correct computations may lie apart: the square root of the number of roundings.

Each operation rounds its result by at most half a unit (see `numbers.units`), up or down by chance. After n
of them the errors add up like the steps of a random walk, to sqrt(n) steps; the steps themselves are 0.29
of a unit on average, so that sqrt(n) units are more than three standard deviations. A sum of n products
has 2n roundings. Where nothing is rounded, as in max pooling, nothing is allowed.

The same count holds in float32 and float64: only the unit differs, by the factor 2^29.
"""

from __future__ import annotations

import math

import numpy as np

from .cases import Arrays, Case

Counts = dict[str, int]
"""By the name of an array: how many roundings lie between the inputs and each of its numbers."""


def allowed(case: Case, expected: Arrays) -> dict[str, float]:
    """The largest distance of each array from the expected one, in units of rounding."""
    counts = ROUNDINGS[case.kind](case, expected)
    return {name: math.sqrt(counts[name]) for name in expected}


def _window(case: Case, expected: Arrays) -> Counts:
    """Convolutions: sums over a window and the channels, or over all positions of the window."""
    height, width, channels, *rest = case.arrays["weight"].shape  # O, or the M of a depthwise one, is last
    area, (last,) = height * width, rest or [1]
    positions = math.prod(expected["output"].shape[:3])
    inner = channels if case.kind == "conv" else 1
    return {
        "output": 2 * area * inner + 1,
        "grad x": 2 * area * last,
        "grad weight": 2 * positions,
        "grad bias": positions,
    }


def _matrix(case: Case, expected: Arrays) -> Counts:
    wide, wider = case.arrays["weight"].shape
    rows = math.prod(expected["output"].shape[:-1])
    return {"output": 2 * wide + 1, "grad x": 2 * wider, "grad weight": 2 * rows, "grad bias": rows}


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
    area = math.prod(case.options["size"])
    if case.kind == "max_pool":
        return {"output": 0, "grad x": area}
    return {"output": area + 1, "grad x": 2 * area}


def _global_average(case: Case, expected: Arrays) -> Counts:
    _, height, width, _ = case.arrays["x"].shape
    return {"output": height * width + 1, "grad x": 1}


def _batch_norm(case: Case, expected: Arrays) -> Counts:
    """A mean and a variance over n values go into everything; in evaluation they are given.

    An error of the mean is common to all terms of gamma's gradient, where it meets the sum of the gradients
    from above, of whatever size: twice its deviation, four times the count.
    """
    values = math.prod(case.arrays["x"].shape[:-1])
    statistics = 3 * values + 4 if case.options["training"] else 4
    return {
        "output": statistics + 4,
        "grad x": statistics + 4 * values + 8 if case.options["training"] else 4,
        "grad gamma": 4 * statistics + 2 * values + 2,
        "grad beta": values,
        "running_mean": values + 4 if case.options["training"] else 0,
        "running_var": statistics + 4 if case.options["training"] else 0,
    }


def _alike(output: int, gradient: int):
    """The same counts for every size: functions of single elements."""
    return lambda case, expected: {
        "output": output, **{f"grad {name}": gradient for name in case.arrays}
    }  # fmt: skip


def _softmax(case: Case, expected: Arrays) -> Counts:
    classes = case.arrays["x"].shape[-1]
    return {"output": 3 * classes + EXPONENTIAL, "grad x": 5 * classes + EXPONENTIAL}


def _loss(case: Case, expected: Arrays) -> Counts:
    *_, classes = case.arrays["logits"].shape
    terms = case.arrays["logits"].size
    return {"output": 3 * terms + EXPONENTIAL, "grad logits": 3 * classes + EXPONENTIAL}


def _optimiser(case: Case, expected: Arrays) -> Counts:
    steps = len(case.arrays["gradients"])
    return {"path": PER_STEP[case.options["rule"]] * steps}


EXPONENTIAL = 8  # an exponential or logarithm may be two units off, which is four roundings' walk each
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


def through_a_network(own: float) -> float:
    """What is allowed after 28 layers, where `own` is the framework's float32 from its own float64.

    How far a deep network spreads an error depends on its weights: no count of roundings says it. The
    framework's own distance measures it, the same arithmetic in another order. It is a single draw, so four
    times it is allowed, and eight units for arrays that it happened to hit.
    """
    return 4 * own + 8


def of_storing(dtype: type) -> float:
    """A number kept in float32 is half a unit off: 2^28 units of float64."""
    return 0.5 * np.finfo(np.float32).eps / np.finfo(dtype).eps


def compared(framework: str, name: str) -> bool:
    """Whether an array has to be equal: Keras keeps another variance (see `test_differences.py`)."""
    return not (framework == "keras" and name.endswith("running_var"))

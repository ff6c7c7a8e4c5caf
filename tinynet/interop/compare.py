"""A network beside its equal in another framework: differences and times of every layer, and a verdict.

Each layer runs on both sides with exactly the same numbers, those that reach it in tinynet: images and, on
the way back, gradients. So a difference belongs to that layer, and ReLU and max pooling decide alike. A
second pass lets the other side live with its own numbers, layer after layer, to show how rounding adds up.
Last come the networks as a whole, each with its own loss, once more in float64: there a value within rounding
of a ReLU's kink, which sends a gradient another way, is rare enough to judge gradients as well.

A relative difference is the largest difference of any two elements by the largest magnitude of the array.
What it may be is counted, not chosen (`roundings`): for a layer from the numbers that it adds up. For the
network as a whole no count says it, and it is measured how far rounding spreads: how far tinynet's own layers
in float32, each going on with its own numbers, end up from the same in float64, and the other side's network
from its own in float64, whichever is farther. That a bug of ours cannot widen this limit unnoticed is the
business of the rows before, which hold the same layers to the other side's.
In float64 both have to agree within DOUBLE_LIMIT, as losses have to in training: rounding stays far below it,
a number that is only known in float32 does not.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..tensor import Tensor
from . import roundings
from .compare_training import DOUBLE_LIMIT
from .sides import Gradients, Measured, Ours, Problem, Side, loss_of, open_side, problem_of

REPEATS = 5
WHOLE = "the network as a whole"


class Difference(NamedTuple):
    """The largest difference of two arrays, and that by the largest magnitude; infinite for NaN."""

    absolute: float
    relative: float


class Step(NamedTuple):
    """A layer in a chain: what entered it, what came in from behind, and what was measured."""

    x: np.ndarray
    grad: np.ndarray | None
    measured: Measured


def difference(ours: np.ndarray, theirs: np.ndarray, scale: float | None = None) -> Difference:
    """How far two arrays of one shape are apart, by `scale` or the largest magnitude of ours.

    Another shape counts as infinitely far.
    """
    if ours.shape != theirs.shape:
        return Difference(np.inf, np.inf)
    if not ours.size:
        return Difference(0.0, 0.0)
    absolute = float(np.abs(ours.astype(np.float64) - theirs).max())
    largest = float(np.abs(ours).max()) if scale is None else scale
    if not np.isfinite(absolute):
        return Difference(np.inf, np.inf)
    return Difference(absolute, absolute / largest if largest else (np.inf if absolute else 0.0))


def compare_layers(
    framework: str,
    model: nn.Sequential,
    images: np.ndarray,
    labels: np.ndarray,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Both sides on one batch, as a record for JSON; "parted" is the verdict of `first_parted`.

    The model is used up: it gets random biases and batch-norm parameters, which zeros would hide, and ends
    in float64. Raises ConversionError or InputError where the other side cannot have it.
    """
    trains = framework != "onnx"  # ONNX Runtime runs finished networks
    problem = prepared(model, images, trains)
    ours, theirs = Ours(problem, trains), open_side(framework, problem)
    say(f"{len(problem.layers)} layers, each with the same numbers in {theirs.label}")
    base = chain(ours, len(problem.layers), images, labels, REPEATS)
    alone = [_fastest(theirs, place, step.x, step.grad, REPEATS) for place, step in enumerate(base)]
    say("layer after layer, each side with its own numbers")
    own = chain(theirs, len(problem.layers), images, labels, 1)
    rows = [
        _row(problem, place, base[place].measured, alone[place], own[place].measured)
        for place in range(len(base))
    ]
    say("the networks as a whole")
    pairs = {"float32": _both(ours, theirs, images, labels)}
    model.astype(np.float64)
    double, exact = images.astype(np.float64), Ours(problem, trains)
    doubles = chain(exact, len(problem.layers), double, labels, 1)
    own_results = [(base[-1].measured, doubles[-1].measured)]
    if trains:
        pairs["float64"] = _both(exact, open_side(framework, problem), double, labels)
        own_results.append((pairs["float32"][1], pairs["float64"][1]))
    limits = {"float32": _spread(own_results), "float64": DOUBLE_LIMIT}
    rows += [_whole(*pair, limits[dtype], dtype, theirs.label) for dtype, pair in pairs.items()]
    return {
        "framework": theirs.label,
        "versions": {side.label: side.version for side in (ours, theirs)},
        "batch": len(images),
        "mode": "training" if trains else "evaluation",
        "rows": rows,
        "parted": first_parted(rows),
    }


def prepared(model: nn.Sequential, images: np.ndarray, trains: bool) -> Problem:
    """The model's layers with values in which nothing is zero or one by default, in the mode to compare.

    Running statistics are those of the images.
    """
    problem = problem_of(model, images.shape[1:])
    rng = np.random.default_rng(0)
    for layer in problem.layers:
        for name, parameter in layer.named_parameters():
            if name != "weight":
                with parameter._writing() as array:
                    array[...] = rng.uniform(0.5, 1.5, array.shape) - (name != "gamma")
    _take_statistics(problem, images)
    for layer in problem.layers:
        layer.train(trains)
    return problem


def _take_statistics(problem: Problem, images: np.ndarray) -> None:
    norms = [layer for layer in problem.layers if isinstance(layer, nn.BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    nn.Sequential(*problem.layers).train()(Tensor(images))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def chain(side: Side, count: int, images: np.ndarray, labels: np.ndarray, repeats: int) -> list[Step]:
    """All layers forward and, where the side can, backward from the loss, each with the last one's result."""
    entrances = [images]
    for place in range(count):
        entrances.append(side.layer(place, entrances[-1]).output)
    grad = _loss_gradient(entrances[-1], labels) if side.differentiates else None
    steps = []
    for place in reversed(range(count)):
        measured = _fastest(side, place, entrances[place], grad, repeats)
        steps.append(Step(entrances[place], grad, measured))
        grad = measured.gradients.get("input")
    return steps[::-1]


def _loss_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    tensor = Tensor(logits.copy(), requires_grad=True)
    loss_of(tensor, labels).backward()
    assert tensor.grad is not None
    return tensor.grad


def _fastest(side: Side, place: int, x: np.ndarray, grad: np.ndarray | None, repeats: int) -> Measured:
    """A layer's results with the medians of its times; the first run of several, to warm up, not counted."""
    runs = [side.layer(place, x, grad) for _ in range(repeats + (repeats > 1))][-repeats:]
    return _with_medians(runs)


def _with_medians(runs: list[Measured]) -> Measured:
    forward, backward = (median(getattr(run, phase) for run in runs) for phase in ("forward", "backward"))
    return runs[-1]._replace(forward=forward, backward=backward)


# What the differences are


def _row(problem: Problem, place: int, ours: Measured, theirs: Measured, chained: Measured) -> dict[str, Any]:
    layer, eps = problem.layers[place], float(np.finfo(ours.output.dtype).eps)
    counts = roundings.of_layer(layer, problem.shapes[place], ours.output.shape)
    limits = {name: roundings.apart(count) * eps for name, count in counts.items()}
    gradients = _of_gradients(ours.gradients, theirs.gradients)
    nearest = max(gradients, key=lambda name: _share(gradients[name], limits[name]), default=None)
    return {
        "layer": f"{place} {type(layer).__name__}",
        "output": list(ours.output.shape[1:]),
        "activation": difference(ours.output, theirs.output)._asdict(),
        "gradient": nearest and {"of": nearest, **gradients[nearest]._asdict()},
        "chained": {
            "activation": difference(ours.output, chained.output).relative,
            "gradient": _largest(_of_gradients(ours.gradients, chained.gradients)),
        },
        "limit": {"activation": limits["output"], "gradient": nearest and limits[nearest]},
        **_times(ours, theirs),
    }


def _share(found: Difference, limit: float) -> float:
    """How much of its limit a difference uses."""
    return found.relative / limit if limit else np.inf if found.relative else 0.0


def _both(ours: Side, theirs: Side, images: np.ndarray, labels: np.ndarray) -> tuple[Measured, Measured]:
    """The networks as a whole."""
    one, other = (
        _with_medians([side.network(images, labels) for _ in range(REPEATS + 1)][1:])
        for side in (ours, theirs)
    )
    return one, other


def _spread(pairs: list[tuple[Measured, Measured]]) -> float:
    """What rounding may do to the outputs of a network, from results in float32 and in float64."""
    eps = float(np.finfo(np.float32).eps)
    own = max(difference(double.output, single.output).relative for single, double in pairs)
    return roundings.through_a_network(own / eps) * eps


def _whole(ours: Measured, theirs: Measured, limit: float, dtype: str, framework: str) -> dict[str, Any]:
    """The row of the networks as a whole; in float32 a kink may turn a gradient: shown, not judged."""
    gradients = _of_gradients(ours.gradients, theirs.gradients)
    worst = max(gradients, key=lambda name: gradients[name].relative, default=None)
    return {
        "layer": f"{WHOLE}, {dtype}",
        "output": list(ours.output.shape[1:]),
        "activation": difference(ours.output, theirs.output)._asdict(),
        "gradient": worst and {"of": worst, **gradients[worst]._asdict()},
        "chained": {"activation": None, "gradient": None},
        "limit": {"activation": limit, "gradient": limit if worst and dtype == "float64" else None},
        "loss": {Ours.label: ours.loss, framework: theirs.loss},
        **_times(ours, theirs),
    }


def _times(ours: Measured, theirs: Measured) -> dict[str, Any]:
    return {
        "milliseconds": {
            phase: [1000 * getattr(side, phase) if side.gradients or phase == "forward" else None
                    for side in (ours, theirs)]
            for phase in ("forward", "backward")
        }
    }  # fmt: skip


def _of_gradients(ours: Gradients, theirs: Gradients) -> dict[str, Difference]:
    """Of each array that has a gradient; empty where the other side has none.

    Weight and bias of a layer are measured by the larger of the two: the gradient of a bias that a batch norm
    follows is zero, and what is computed for it is rounding alone.
    """
    if not theirs:
        return {}
    scales: dict[str, float] = {}
    for name, array in ours.items():
        scales[_owner(name)] = max(scales.get(_owner(name), 0.0), float(np.abs(array).max(initial=0.0)))
    return {
        name: difference(array, theirs.get(name, np.empty(0)), scales[_owner(name)])
        for name, array in ours.items()
    }


def _owner(name: str) -> str:
    """The layer of a parameter; the input of a layer stands for itself."""
    return name if name == "input" else name.rpartition(".")[0]


def _largest(found: dict[str, Difference]) -> float | None:
    return max((one.relative for one in found.values()), default=None)


def first_parted(rows: list[dict[str, Any]]) -> str | None:
    """The first layer whose outputs differ by more than its limit, else the last whose gradients do; or None.

    Gradients come from behind, so among them the last layer is the first to part.
    """
    for row in rows:
        if not row["activation"]["relative"] <= row["limit"]["activation"]:
            return row["layer"]
    single = [row for row in rows if "loss" not in row]
    for row in [*reversed(single), *rows[len(single) :]]:
        limit = row["limit"]["gradient"]
        if limit is not None and not row["gradient"]["relative"] <= limit:
            return row["layer"]
    return None

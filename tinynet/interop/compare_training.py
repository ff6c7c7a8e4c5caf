"""Two trainings from the same start on the same batches: how far tinynet and another framework drift apart.

Rounding differs, training amplifies it: in float32 two right programs part. How fast is a property of the
network and of the learning rate, so it is measured: the other framework trains a second time in another of
its own ways. In float64 rounding begins 2^29 times smaller, and losses have to stay within DOUBLE_LIMIT.
Where training amplifies it beyond that within the steps asked for, the verdict is that they part, and it says
whether the framework parts from itself as well. Deep networks with batch norm do so at random weights, at any
learning rate that teaches them something; after a few hundred steps they no longer do. So a network can be
trained for some steps before both sides take it over (`warmed_up`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import nn, optim
from ..tensor import Tensor
from .sides import Batch, Ours, Problem, Side, Trained, loss_of, open_side, problem_of

DOUBLE_LIMIT = 1e-9  # of the loss in float64, relative, at every step
RATIO = 2.0  # how many times the framework's distance from itself tinynet's may be in the end
LR, MOMENTUM = 0.01, 0.9
WARM_UP_LR = 0.001  # of Adam


def compare_training(
    framework: str,
    build: Callable[[], nn.Sequential],
    batches: Sequence[Batch],
    say: Callable[[str], None] = lambda text: None,
    lr: float = LR,
) -> dict[str, Any]:
    """SGD with momentum on both sides, one step for each batch, as a record for JSON.

    build: makes the network, with the same weights at each call. Dropout is switched off.
    "parted" says in a sentence where a limit was passed; None if none was.
    """
    shape = batches[0][0].shape[1:]
    rates = _single(lr), _single(MOMENTUM)
    found = {}
    for dtype in (np.float32, np.float64):
        say(f"{len(batches)} steps in {np.dtype(dtype)}, {framework} in two ways")
        sides = _sides(framework, build, shape, dtype)
        found[str(np.dtype(dtype))] = _apart(sides, batches, dtype, rates)
    ours, theirs = sides[:2]
    losses = found["float32"].pop("losses")
    found["float64"].pop("losses")
    return {
        "framework": theirs.label,
        "versions": {side.label: side.version for side in (ours, theirs)},
        "optimizer": {"name": "SGD", "lr": lr, "momentum": MOMENTUM},
        "batch": len(batches[0][0]),
        "steps": len(batches),
        "other_way": theirs.other_way,
        "limits": {"float64_loss": DOUBLE_LIMIT, "ratio": RATIO},
        "losses": {"tinynet": losses[0], theirs.label: losses[1]},
        **found,
        "within": {name: steps_within(found["float64"][name]["loss"]) for name in ("tinynet", "itself")},
        "ratios": {name: final_ratio(curves, name) for name, curves in found.items()},
        "parted": verdict(found, theirs.label, theirs.other_way),
    }


def warmed_up(model: nn.Sequential, batches: Iterable[Batch]) -> nn.Sequential:
    """The network after a step of Adam on each batch, in tinynet."""
    optimizer = optim.Adam(model.train().parameters(), lr=WARM_UP_LR)
    for images, labels in batches:
        optimizer.zero_grad()
        loss_of(model(Tensor(images)), labels).backward()
        optimizer.step()
    return model


def _single(number: float) -> float:
    """Rounded to float32: so Keras keeps learning rate and momentum, beside weights of any precision."""
    return float(np.float32(number))


def _sides(
    framework: str, build: Callable[[], nn.Sequential], shape: tuple[int, ...], dtype: Any
) -> list[Side]:
    def problem() -> Problem:
        return problem_of(build().astype(dtype).train(), shape)

    others = [open_side(framework, problem(), otherwise) for otherwise in (False, True)]
    return [Ours(problem()), *others]


def _apart(
    sides: Sequence[Side], batches: Sequence[Batch], dtype: Any, rates: tuple[float, float]
) -> dict[str, Any]:
    """Train all sides in step; at each, how far tinynet and the framework's other way are from the framework.

    "loss": relative to the framework's. "weights": the distance of all of them by their length.
    """
    losses: list[list[float]] = [[] for _ in sides]
    curves: dict[str, Any] = {name: {"loss": [], "weights": []} for name in ("tinynet", "itself")}
    trainings = [side.train(_converted(batches, dtype), *rates) for side in sides]
    for ours, theirs, other in zip(*trainings, strict=True):
        for found, step in zip(losses, (ours, theirs, other), strict=True):
            found.append(step.loss)
        for curve, one in (("tinynet", ours), ("itself", other)):
            curves[curve]["loss"].append(abs(one.loss - theirs.loss) / abs(theirs.loss))
            curves[curve]["weights"].append(_distance(one, theirs))
    return {"losses": losses, **curves}


def _converted(batches: Sequence[Batch], dtype: Any) -> Iterator[Batch]:
    return ((images.astype(dtype), labels) for images, labels in batches)


def _distance(one: Trained, other: Trained) -> float:
    difference = one.weights.astype(np.float64) - other.weights
    return float(np.linalg.norm(difference) / np.linalg.norm(other.weights.astype(np.float64)))


def verdict(found: dict[str, Any], framework: str, other_way: str) -> str | None:
    """Where the two part faster than they may, in words that go on from "part at"; None if nowhere.

    In float64 no loss may differ by more than DOUBLE_LIMIT. In float32 tinynet may be RATIO times as far from
    the framework as that is from itself.
    """
    losses = {name: curve["loss"] for name, curve in found["float64"].items()}
    step = steps_within(losses["tinynet"])
    if step < len(losses["tinynet"]):
        itself = _of_itself(losses["itself"], step, f"{framework} ({other_way})")
        return (
            f"step {step + 1} of training in float64, where the losses differ by "
            f"{losses['tinynet'][step]:.1e}, more than {DOUBLE_LIMIT:g}. {itself}"
        )
    ratio = final_ratio(found["float32"], "float32")
    if not ratio <= RATIO:
        return (
            f"training in float32, where the weights end {ratio:.1f} times as far from "
            f"{framework}'s as those that it computes in another way ({other_way})"
        )
    return None


def _of_itself(losses: Sequence[float], step: int, framework: str) -> str:
    """Whether rounding alone explains that tinynet parts at `step`: it does if the framework is no better."""
    own = steps_within(losses)
    if own == len(losses):
        return f"{framework} does not part from itself"
    when = "earlier" if own < step else "at the same step" if own == step else "later"
    return (
        f"{framework} parts from itself {when}, at step {own + 1}: "
        "a lower learning rate, or a longer warm-up, amplifies less"
    )


def steps_within(losses: Sequence[float]) -> int:
    """How many steps it takes until a loss differs by more than DOUBLE_LIMIT."""
    return next((step for step, value in enumerate(losses) if not value <= DOUBLE_LIMIT), len(losses))


def final_ratio(curves: dict[str, Any], dtype: str) -> float:
    """tinynet's distance from the framework by that of the framework from itself, over the last tenth.

    The geometric mean. When a value within rounding of a ReLU's kink first falls on the other side, from
    where on two trainings part a thousand times faster, is chance: in the figure, not in this number.
    """
    least = 32 * np.finfo(dtype).eps  # what lies below is rounding of the weights themselves
    last = max(1, len(curves["tinynet"]["weights"]) // 10)
    ours, itself = (np.maximum(curves[name]["weights"][-last:], least) for name in ("tinynet", "itself"))
    return float(np.exp(np.mean(np.log(ours) - np.log(itself))))

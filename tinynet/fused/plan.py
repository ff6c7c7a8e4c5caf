"""Which layers of a Sequential run together, and when they do not.

A pattern is a function `match(layers, start)`. Where it knows the layers from `start` on, it returns how many
it covers and a function that runs them, `x -> tensor`. That function reads strides, weights and the like
from the layers at each call, as the layers themselves would, and returns None for an input it does not
take: the layers then run one by one, which is also how a wrong input meets the error that names its layer.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..errors import TinynetError
from ..nn.module import Module, is_observed
from ..tensor import Tensor, as_tensor, is_grad_enabled

FusedStep = Callable[[Any], Tensor | None]
Pattern = Callable[[Sequence[Module], int], tuple[int, FusedStep] | None]

PATTERNS: list[Pattern] = []
INFERENCE: list[Pattern] = []  # asked first where no graph is recorded


class Run(NamedTuple):
    """The layers `first` to `last - 1`, and how to run them together if they do."""

    first: int
    last: int
    together: FusedStep | None


class _Plan(NamedTuple):
    """The runs of a network, and the layers for which they were found: which they were, and in what state."""

    layers: list[Module]
    states: list[tuple]
    runs: list[Run]


# One for each network while a graph is recorded, and one while none is.
_plans: dict[bool, WeakKeyDictionary[Module, _Plan]] = {True: WeakKeyDictionary(), False: WeakKeyDictionary()}


class _Switch(threading.local):
    off = 0


_switch = _Switch()


class disabled(ContextDecorator):
    """Within `with fused.disabled():` this thread runs every layer on its own."""

    def __enter__(self) -> None:
        _switch.off += 1

    def __exit__(self, *exception: object) -> None:
        _switch.off -= 1


def is_enabled() -> bool:
    """Whether layers may run together: not switched off, and nobody is watching single layers."""
    return not _switch.off and not is_observed()


def runs(model: Module, layers: list[Module]) -> list[Run]:
    """The layers of `model` cut into runs; found once for the same layers in the same state."""
    recording = is_grad_enabled()
    states = [(layer.training, type(layer), "forward" in layer.__dict__) for layer in layers]
    plan = _plans[recording].get(model)
    if plan is None or plan.states != states or not _same(plan.layers, layers):
        patterns = PATTERNS if recording else [*INFERENCE, *PATTERNS]
        plan = _plans[recording][model] = _Plan(list(layers), states, _find_runs(layers, patterns))
    return plan.runs


def _same(before: list[Module], now: list[Module]) -> bool:
    return len(before) == len(now) and all(map(operator.is_, before, now))


def _find_runs(layers: list[Module], patterns: list[Pattern]) -> list[Run]:
    found = []
    start = 0
    while start < len(layers):
        count, together = _match(layers, start, patterns)
        found.append(Run(start, start + count, together))
        start += count
    return found


def _match(layers: list[Module], start: int, patterns: list[Pattern]) -> tuple[int, FusedStep | None]:
    for pattern in patterns:
        match = pattern(layers, start)
        if match is not None:
            return match
    return 1, None


def is_plain(layer: Module, kind: type[Module]) -> bool:
    """Whether a layer is exactly of this kind: a subclass or another `forward` may compute something else."""
    return type(layer) is kind and "forward" not in vars(layer)


def images(x: Any) -> Tensor | None:
    """x as a tensor (N, H, W, C) with at least one element, or None if it is nothing of the kind."""
    try:
        tensor = as_tensor(x)
    except TinynetError:
        return None
    return tensor if tensor.ndim == 4 and tensor.size else None

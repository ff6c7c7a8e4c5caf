"""Profile: the table that says where the time of a training step goes.

    with tn.Profile() as profile:
        trainer.fit(train, epochs=1)
    print(profile)

It works with any loop: a step is what lies between two updates of an optimiser. A row has the time that
is spent in an operation itself; what its parts report as their own is in their rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arguments import whole_number
from ..optim import Optimizer
from ..tensor import Op, is_grad_enabled
from ..watching import watching
from .limit import Limit, measure_limit

HEADER = ("operation", "calls", "forward ms", "backward ms", "share", "GFLOP/s", "GB/s", "of the limit")
LOADING, REST = "batches", "the rest"


@dataclass
class Row:
    """One kind of operation: calls, seconds, arithmetic and bytes, summed over the steps of a profile.

    The bytes are the least possible: each array that comes in, is kept or goes out, counted once.
    """

    name: str
    calls: int = 0
    forward: float = 0.0
    backward: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0

    @property
    def seconds(self) -> float:
        return self.forward + self.backward

    def add(self, other: Row) -> None:
        """Add what `other` counted."""
        for name in ("calls", "forward", "backward", "flops", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Profile:
    """Watches `steps` training steps after `warm_up` others; `str(profile)` is the table.

    steps, warm_up: how many updates of an optimiser to count, and how many to let pass before. Less is
        counted if the training ends earlier. Steps with an evaluation in between are not counted.

    Arithmetic is what the operations tell by `Op.flops`. The last column compares an operation with the
    machine: the least time for its arithmetic and its bytes, by a matrix product and a copy measured
    when the table is first asked for, as a share of the time it took. Small arrays that stay in the
    processor's cache can exceed it.

    rows: the operations, slowest first, then the optimiser, the gathering of batches and what remains.
    """

    def __init__(self, steps: int = 50, warm_up: int = 10) -> None:
        self.wanted = whole_number("steps", steps, 1)
        self.warm_up = whole_number("warm_up", warm_up, 1)
        self.steps = 0
        self.seconds = 0.0
        self._passed = 0
        self._rows: dict[str, Row] = {}
        self._pending: list[tuple[float, Row]] = []  # of the step under way: when each ended
        self._last_update = 0.0
        self._evaluated = False
        self._watching = ExitStack()

    def __enter__(self) -> Profile:
        self._watching.enter_context(watching(self._watch))
        return self

    def __exit__(self, *exception: object) -> None:
        self._watching.close()

    @cached_property
    def limit(self) -> Limit:
        """What the machine can do."""
        return measure_limit()

    # Counting

    def _watch(self, who: Any, what: str, arguments: tuple[Any, ...], result: Any, seconds: float) -> None:
        now = time.perf_counter()
        begin = now - seconds
        parts = [row for end, row in self._pending if end > begin]
        row = _row(who, what, arguments, result)
        if parts:
            row.flops = row.bytes = 0
        own = seconds - sum(part.seconds for part in parts)
        row.forward, row.backward = (0.0, own) if what == "backward" else (own, 0.0)
        self._pending.append((now, row))
        self._evaluated |= not is_grad_enabled()
        if what == "update":
            self._end_step(now)

    def _end_step(self, now: float) -> None:
        if self._passed >= self.warm_up and not self._evaluated:
            self.steps += 1
            self.seconds += now - self._last_update
            for _, row in self._pending:
                self._rows.setdefault(row.name, Row(row.name)).add(row)
        self._passed += 1
        self._pending = []
        self._last_update = now
        self._evaluated = False
        if self.steps == self.wanted:
            self._watching.close()

    # What came out

    @property
    def rows(self) -> list[Row]:
        operations = sorted(self._rows.values(), key=lambda row: -row.seconds)
        rest = self.seconds - sum(row.seconds for row in operations)
        return [*operations, Row(REST, self.steps, forward=rest)]

    def record(self) -> dict[str, Any]:
        """The figures of one step, ready for JSON."""
        return {
            "steps": self.steps,
            "warm_up": self.warm_up,
            "milliseconds": 1000 * self.seconds / max(self.steps, 1),
            "limit": {"flops": self.limit.flops, "bytes": self.limit.bytes, "threads": self.limit.threads},
            "rows": [self._figures(row) for row in self.rows] if self.steps else [],
        }

    def _figures(self, row: Row) -> dict[str, Any]:
        least = self.limit.seconds(row.flops, row.bytes)
        return {
            "operation": row.name,
            "calls": row.calls / self.steps,
            "forward_ms": 1000 * row.forward / self.steps,
            "backward_ms": 1000 * row.backward / self.steps,
            "share": row.seconds / self.seconds,
            "gflops": row.flops / row.seconds / 1e9 if row.flops else None,
            "gbytes": row.bytes / row.seconds / 1e9 if row.bytes else None,
            "of_limit": least / row.seconds if least else None,
        }

    def __str__(self) -> str:
        if not self.steps:
            return (
                f"No step was profiled: training made {self._passed}, and the first {self.warm_up} are left "
                "to warm up."
            )
        limit = self.limit
        return (
            f"A training step, the mean of {self.steps} after {self.warm_up} to warm up:\n"
            f"{_table([self._figures(row) for row in self.rows])}\n"
            f"The limit with {limit.threads} thread{'s' if limit.threads > 1 else ''}, measured now: "
            f"{limit.flops / 1e9:.0f} GFLOP/s (matrix product), {limit.bytes / 1e9:.1f} GB/s (copy)."
        )


def _row(who: Any, what: str, arguments: tuple[Any, ...], result: Any) -> Row:
    """What one piece of work was, without its time."""
    calls = int(what != "backward")
    if isinstance(who, Op):
        traffic = _bytes([*arguments, result, *vars(who).values()])
        return Row(who.name, calls, flops=_flops(who, what, arguments[0], result), bytes=traffic)
    if isinstance(who, Optimizer):  # reads and writes parameters and what it keeps, and reads gradients
        size = sum(parameter.size * parameter.dtype.itemsize for parameter in who.parameters)
        return Row(type(who).__name__, calls, bytes=(2 * (1 + len(who.slots)) + 1) * size)
    if what == "load":
        return Row(LOADING, calls)
    part = who.part(what, arguments)
    return Row(part.name, calls, flops=part.flops, bytes=part.bytes)


def _flops(op: Op, what: str, argument: Any, result: Any) -> int:
    """`argument` is the list of arrays that came in, or the gradient of the output."""
    if what == "forward":
        return op.flops([array.shape for array in argument], result.shape)
    times = op.needs_input_grad[0] + any(op.needs_input_grad[1:])
    return times * op.flops([tensor.shape for tensor in op.inputs], argument.shape)


def _bytes(values: list[Any]) -> int:
    """Of all arrays among the values, also in lists and tuples; one that is there twice counts once."""
    return sum({id(array): array.nbytes for array in _arrays(values)}.values())


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _arrays(item)


def _table(figures: list[dict[str, Any]]) -> str:
    """The rows and their sum, in columns."""
    body, total = [_cells(row) for row in figures], _cells(_total(figures))
    widths = [max(map(len, column)) for column in zip(HEADER, *body, total, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(cells, widths) for cells in (HEADER, *body, total)]
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _total(figures: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in figures) for name in ("forward_ms", "backward_ms", "share")}
    return {"operation": "a step", "calls": None, **sums, "gflops": None, "gbytes": None, "of_limit": None}


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table; what does not apply is left empty."""
    forms = ("{:.4g}", "{:.3f}", "{:.3f}", "{:.1%}", "{:.1f}", "{:.1f}", "{:.0%}")
    values = list(figures.values())[1:]
    cells = ("" if not value else form.format(value) for form, value in zip(forms, values, strict=True))
    return (figures["operation"], *cells)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    """Text to the left, numbers to the right."""
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join([cells[0].ljust(widths[0]), *rest]).rstrip()

"""How an exercise is checked: its numbers beside the expected ones, and the hint that fits the mistake.

A file of `checks/` has a list `CHECKS`. Each `Check` names a function or class of the exercise file and
compares what it does with numbers by yielding `Case`s; the first that differs is reported. The typical
mistakes are code too: who gets the same wrong number as a mistake gets the hint of that mistake. That is
why the tests can hold that every mistake is found and answered with its own hint.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinynet import Tensor
from tinynet.errors import InputError

from . import shelf

RIGHT, WRONG, NOT_ATTEMPTED = "right", "wrong", "not attempted"


@dataclass(frozen=True)
class Case:
    """One comparison: in words, what was computed; what came out; what is right.

    Numbers, arrays and tensors are equal within `tolerance` times the largest of 1 and the expected number;
    a tuple or list item by item; words, truth values and None exactly.
    """

    what: str
    got: Any
    expected: Any
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people give, and the hint for it."""

    answer: Any
    hint: str


@dataclass(frozen=True)
class Check:
    """An exercise: the name of the function or class to write, its cases, a hint, typical mistakes.

    `cases(answer)` yields `Case`s, with arrays made anew each time, for an answer may change them.
    """

    name: str
    cases: Callable[[Any], Iterable[Case]]
    hint: str
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Verdict:
    """What the check of one exercise found: the state, for wrong answers what is wrong, and a hint."""

    name: str
    state: str
    wrong: str = ""
    hint: str = ""


def check_file(checks: ModuleType, path: Path) -> Iterator[Verdict]:
    """The verdicts on the answers in a file, each when it is known.

    Raises InputError if the file cannot be imported or an exercise is missing in it.
    """
    module = shelf.load(path)
    for check in checks.CHECKS:
        if not hasattr(module, check.name):
            raise InputError(
                f"{shelf.shown(path)} has no {check.name}: copy the line that begins it from the starter."
            )
    for check in checks.CHECKS:
        yield judge(check, getattr(module, check.name), path)


def judge(check: Check, answer: Any, path: Path | None = None) -> Verdict:
    """Compare one answer, which stands in the file `path`, with the numbers of its check."""
    found = _first_difference(check, answer, path)
    if found is None:
        return Verdict(check.name, RIGHT)
    if found == NOT_ATTEMPTED:
        return Verdict(check.name, NOT_ATTEMPTED)
    fitting = (m.hint for m in check.mistakes if _same(found, _first_difference(check, m.answer)))
    return Verdict(check.name, WRONG, found.sentence, next(fitting, check.hint))


@dataclass(frozen=True)
class _Difference:
    """Where an answer differs first, what stands there instead, and a sentence about it."""

    where: str
    got: Any
    sentence: str


def _same(one: _Difference, other: _Difference | str | None) -> bool:
    if not isinstance(other, _Difference) or one.where != other.where:
        return False
    if isinstance(one.got, float) and isinstance(other.got, float):
        return bool(np.isclose(one.got, other.got, rtol=1e-5, atol=1e-9, equal_nan=True))
    return bool(one.got == other.got)


def _first_difference(check: Check, answer: Any, path: Path | None = None) -> Any:
    """The first `_Difference`, NOT_ATTEMPTED, or None where everything is right."""
    try:
        differences = (_compare(case.what, case.got, case) for case in check.cases(answer))
        return next((found for found in differences if found is not None), None)
    except Exception as error:  # an answer under way may raise anything
        innermost = traceback.extract_tb(error.__traceback__)[-1]
        if isinstance(error, NotImplementedError) and Path(innermost.filename) == path:
            return NOT_ATTEMPTED
        line = shelf.line_in(path, error) if path else None
        where = f" (line {line})" if line else ""
        return _Difference(type(error).__name__, None, f"raises {shelf.said(error)}{where}.")


def _compare(what: str, got: Any, case: Case) -> _Difference | None:
    expected = case.expected
    if isinstance(expected, tuple):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            return _difference(what, _kind(got), f"{len(expected)} values")
        parts = (
            _compare(f"{what}, value {number}", one, Case(what, one, right, case.tolerance))
            for number, (one, right) in enumerate(zip(got, expected, strict=True), 1)
        )
        return next((found for found in parts if found is not None), None)
    if got is None and expected is not None:
        return _difference(what, "None", f"{_brief(expected)}; is a `return` missing?", end="")
    if expected is None or isinstance(expected, str | bool):
        got = bool(got) if isinstance(got, np.bool_) else got
        same = type(got) is type(expected) and got == expected
        return None if same else _difference(what, repr(got), repr(expected))
    return _compare_numbers(what, got, expected, case.tolerance)


def _compare_numbers(what: str, got: Any, expected: Any, tolerance: float) -> _Difference | None:
    right = _numbers(expected)
    try:
        mine = _numbers(got)
    except (TypeError, ValueError):
        return _difference(what, _kind(got), _brief(expected))
    if mine.shape != right.shape:
        return _difference(what, _kind(mine), _brief(right))
    with np.errstate(invalid="ignore"):
        near = np.abs(mine - right) <= tolerance * np.maximum(1, np.abs(right))
    near &= np.isfinite(right)
    near |= (mine == right) | (np.isnan(mine) & np.isnan(right))
    if near.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~near)[0])
    one, other = float(mine[index]), float(right[index])
    digits = 6 if f"{one:.6g}" != f"{other:.6g}" else 12
    where = f"{what}{list(index)}" if index else what
    share = f"; {np.count_nonzero(~near):,} of {near.size:,} numbers differ" if near.size > 1 else ""
    sentence = f"{where}: got {one:.{digits}g}, expected {other:.{digits}g}{share}."
    return _Difference(where, one, sentence)


def _numbers(values: Any) -> np.ndarray:
    return np.asarray(values.numpy() if isinstance(values, Tensor) else values).astype(np.float64)


def _difference(what: str, got: str, expected: str, end: str = ".") -> _Difference:
    return _Difference(what, got, f"{what}: got {got}, expected {expected}{end}")


def _kind(value: Any) -> str:
    """What a value is, for a sentence that says that something else was expected."""
    if isinstance(value, tuple | list):
        return f"{len(value)} values"
    if isinstance(value, np.ndarray | Tensor):
        return f"an array of shape {value.shape}" if value.shape else f"the number {float(value):.6g}"
    return (
        repr(value) if isinstance(value, int | float | str) else f"an object of type {type(value).__name__}"
    )


def _brief(expected: Any) -> str:
    numbers = np.asarray(expected.numpy() if isinstance(expected, Tensor) else expected)
    if numbers.dtype.kind in "US":
        return repr(expected)
    return f"an array of shape {numbers.shape}" if numbers.shape else f"{float(numbers):.6g}"

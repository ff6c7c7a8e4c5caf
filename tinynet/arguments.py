"""Checks of plain numbers given as arguments, so that every part of the library refuses in one voice."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from .errors import InputError


def positive_int(name: str, value: Any) -> int:
    """`value` as an int; InputError unless it is a whole number of 1 or more."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise InputError(f"{name} expects a positive whole number, got {value!r}.")
    return number


def not_negative(name: str, value: Any) -> float:
    """`value` as a float; InputError unless it is a finite number of 0 or more."""
    return _number(name, value, "of 0 or more", lambda number: number >= 0)


def above_zero(name: str, value: Any) -> float:
    """`value` as a float; InputError unless it is a finite number above 0."""
    return _number(name, value, "above 0", lambda number: number > 0)


def below_one(name: str, value: Any) -> float:
    """`value` as a float; InputError unless it is from 0 to below 1, like a rate of dropout or decay."""
    return _number(name, value, "from 0 to below 1", lambda number: 0 <= number < 1)


def share(name: str, value: Any) -> float:
    """`value` as a float; InputError unless it is above 0 and at most 1."""
    return _number(name, value, "above 0 and at most 1", lambda number: 0 < number <= 1)


def _number(name: str, value: Any, expected: str, allowed: Callable[[float], bool]) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and allowed(number)):
        raise InputError(f"{name} expects a finite number {expected}, got {value!r}.")
    return number

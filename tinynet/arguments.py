"""Checks of arguments that many parts take, so that every part of the library refuses in one voice."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .errors import InputError


def whole_number(name: str, value: Any, least: int) -> int:
    """`value` as an int; InputError unless it is a whole number of `least` or more."""
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        expected = "positive whole number" if least == 1 else f"whole number of {least} or more"
        raise InputError(f"{name} expects a {expected}, got {value!r}.")
    return number


def positive_int(name: str, value: Any) -> int:
    """`value` as an int; InputError unless it is a whole number of 1 or more."""
    return whole_number(name, value, 1)


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


def named_arrays(state: Any) -> dict[str, np.ndarray]:
    """The arrays that `load_state_dict` was given; InputError unless it is a dict of arrays by name."""
    expected = "load_state_dict expects arrays by name, as state_dict() returns them"
    if not isinstance(state, Mapping):
        raise InputError(f"{expected}, got {type(state).__name__}.")
    arrays = {}
    for name, value in state.items():
        try:
            arrays[name] = np.asarray(value)
        except ValueError as error:  # lists of different lengths
            raise InputError(f"{expected}, got for {name} a {type(value).__name__}: {error}") from error
    return arrays


def _number(name: str, value: Any, expected: str, allowed: Callable[[float], bool]) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and allowed(number)):
        raise InputError(f"{name} expects a finite number {expected}, got {value!r}.")
    return number

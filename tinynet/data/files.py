"""Paths given as arguments, and files read whole: the errors of both are sentences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import DataError, InputError, MissingDataError


def as_path(name: str, value: Any) -> Path:
    """`value` as a Path; InputError unless it is a string or a path."""
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name} expects a path, got {value!r}.")
    return Path(value)


def read_file(path: Path) -> bytes:
    """The content of a file. Raises MissingDataError if there is none, DataError if it cannot be read."""
    try:
        if path.is_file():  # a pipe would keep us waiting
            return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}): see to its permissions."
        ) from error
    raise MissingDataError(f"{path} is not there, or is not a file: check the path.")

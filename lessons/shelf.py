"""Where the lessons are, and how a file is imported whose name begins with a number."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from tinynet.errors import InputError, MissingDataError

FOLDER = Path(__file__).resolve().parent


def lessons() -> list[Path]:
    """The files of all lessons in their order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def find(which: str) -> Path:
    """The lesson called `which`: its number or its name, as in 1, 01 or 01_scalar."""
    for path in lessons():
        number, _, name = path.stem.partition("_")
        if which in (path.stem, path.name, number, name) or (which.isdecimal() and int(which) == int(number)):
            return path
    names = ", ".join(path.stem for path in lessons())
    raise InputError(f"There is no lesson {which!r}: choose one of {names}.")


def load(path: Path) -> ModuleType:
    """Run a Python file and return it as a module.

    Raises InputError with the line if it cannot be imported, MissingDataError if it is not there.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no file {shown(path)}.")
    name = f"lesson_{path.parent.name}_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise InputError(f"{shown(path)} is not a Python file: its name has to end in .py.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(f"{shown(path)}, line {error.lineno}, is not Python: {error.msg}.") from error
    except (Exception, SystemExit) as error:
        line = line_in(path, error)
        place = f"{shown(path)}, line {line}," if line else f"{shown(path)}"
        raise InputError(f"{place} cannot be imported: {said(error)}.") from error
    return module


def line_in(path: Path, error: BaseException) -> int | None:
    """The line of a file in which an exception was raised, or which called what raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == path), None)


def said(error: BaseException) -> str:
    """An exception in one line: its type, and the first line of its message."""
    message = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def shown(path: Path) -> str:
    """A path as short as the working folder allows."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

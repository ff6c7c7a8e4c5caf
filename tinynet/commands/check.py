"""Check the exercises of a lesson: each is right, wrong (first wrong number, hint) or not attempted.

The lessons are part of a clone of the project. Edit lessons/exercises/NN_name.py, or a copy that you name
with --file. Exit code 0 if all exercises are right, 1 if not.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from ..errors import MissingDataError

HELP = "check the exercises of a lesson"
CLONE = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The lesson and, if it is another, the file with the answers."""
    parser.add_argument("lesson", metavar="NN", help="number or name of a lesson: 1, 01, 01_scalar")
    parser.add_argument("--file", metavar="FILE", help="your answers (lessons/exercises/NN_name.py)")


def run(arguments: argparse.Namespace) -> int:
    """Hand over to the lessons of this clone."""
    if not (CLONE / "lessons" / "checking.py").is_file():
        raise MissingDataError(
            "The lessons are not here, for they are no part of the installed package: clone the project and "
            "install it with python -m pip install -e ."
        )
    sys.path.insert(0, str(CLONE))
    return importlib.import_module("lessons.command").check(arguments.lesson, arguments.file)

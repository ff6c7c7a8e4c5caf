"""What `python -m lessons check` and `tinynet check` print, and their exit code."""

from __future__ import annotations

import textwrap
from pathlib import Path

from . import checking, shelf

ALL_RIGHT, NOT_YET = 0, 1
INDENT = " " * 6


def check(which: str, file: str | None = None) -> int:
    """Check the exercises of a lesson, in the starter's file or in `file`; 0 if all are right, else 1.

    Raises InputError or MissingDataError for a lesson or a file that cannot be checked.
    """
    lesson = shelf.find(which)
    checks = shelf.load(shelf.FOLDER / "checks" / lesson.name)
    path = Path(file).resolve() if file else shelf.FOLDER / "exercises" / lesson.name
    width = max(len(one.name) for one in checks.CHECKS)
    right = 0
    print(shelf.shown(path))
    for verdict in checking.check_file(checks, path):
        print(f"  {verdict.name:{width}}  {verdict.state}", flush=True)
        if verdict.state == checking.WRONG:
            print(f"{INDENT}{verdict.wrong}")
            print(textwrap.fill(f"Hint: {verdict.hint}", 90, initial_indent=INDENT, subsequent_indent=INDENT))
        right += verdict.state == checking.RIGHT
    print(f"{right} of {len(checks.CHECKS)} right.")
    return ALL_RIGHT if right == len(checks.CHECKS) else NOT_YET

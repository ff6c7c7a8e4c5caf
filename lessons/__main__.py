"""`python -m lessons check NN` checks the exercises of a lesson, `python -m lessons build` makes the site."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tinynet.errors import TinynetError

from . import command

WRONG_INPUT, INTERRUPTED = 2, 130


def parser() -> argparse.ArgumentParser:
    """The parser of both commands."""
    parser = argparse.ArgumentParser(prog="python -m lessons", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check the exercises of a lesson", allow_abbrev=False)
    check.add_argument("lesson", metavar="NN", help="number or name of a lesson: 1, 01, 01_scalar")
    check.add_argument("--file", metavar="FILE", help="your answers (lessons/exercises/NN_name.py)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done and right, 1 not all right, 2 wrong input, 130 stopped by Ctrl-C."""
    arguments = parser().parse_args(argv)
    try:
        return command.check(arguments.lesson, arguments.file)
    except TinynetError as error:
        print(f"lessons: error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("lessons: interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())

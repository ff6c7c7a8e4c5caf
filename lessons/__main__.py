"""`python -m lessons`: `check NN` checks exercises, `build` makes the site, `map` prints the source's map."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinynet.errors import TinynetError

from . import command, source_map

WRONG_INPUT, INTERRUPTED = 2, 130


def parser() -> argparse.ArgumentParser:
    """The parser of both commands."""
    parser = argparse.ArgumentParser(prog="python -m lessons", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check the exercises of a lesson", allow_abbrev=False)
    check.add_argument("lesson", metavar="NN", help="number or name of a lesson: 1, 01, 01_scalar")
    check.add_argument("--file", metavar="FILE", help="your answers (lessons/exercises/NN_name.py)")
    build = commands.add_parser("build", help="execute all lessons and make the site", allow_abbrev=False)
    build.add_argument("--out", metavar="DIR", default="build/site", help="the site's folder (build/site)")
    build.add_argument("--fast", action="store_true", help="small data and few steps, as in the tests")
    commands.add_parser("map", help="print the map of the source", allow_abbrev=False)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done and right, 1 not all right, 2 wrong input, 130 stopped by Ctrl-C."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.command == "build":
            from .site.build import build

            return build(Path(arguments.out).resolve(), arguments.fast)
        if arguments.command == "map":
            print(source_map.markdown(), end="")
            return 0
        return command.check(arguments.lesson, arguments.file)
    except TinynetError as error:
        print(f"lessons: error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("lessons: interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())

"""The command line: its arguments, and how errors become one sentence and an exit code.

Each command is a module of `commands/` with `HELP`, `add_arguments(parser)` and `run(arguments)`. They
import what they need when they run, so that `tinynet --help` does not wait for it.

Exit codes: 0 done; 1 an exercise is not right yet (`check`), or two frameworks part (`compare`);
2 something was wrong with the input, and stderr has a sentence about it; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import NoReturn

from .commands import (
    augment,
    check,
    compare,
    convert,
    evaluate,
    export,
    models,
    predict,
    reproduce,
    summary,
    train,
)
from .errors import OutputError, TinynetError

COMMANDS = {
    "train": train,
    "reproduce": reproduce,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "convert": convert,
    "compare": compare,
    "augment": augment,
    "summary": summary,
    "models": models,
    "check": check,
}
DONE, WRONG_INPUT, INTERRUPTED = 0, 2, 130


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors look like all others."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"tinynet: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` defaults to the program's arguments."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that a terminal has not
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has printed its help or its complaint
        return int(leaving.code or DONE)
    try:
        return COMMANDS[arguments.command].run(arguments)
    except BrokenPipeError as error:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(str(error)) if isinstance(error, OutputError) else DONE
    except TinynetError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}.")
    except MemoryError:
        return _fail("There is not enough memory: choose a smaller network, resolution or batch size.")
    except KeyboardInterrupt:
        print("tinynet: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _fail(sentence: str) -> int:
    print(f"tinynet: error: {sentence}", file=sys.stderr)
    return WRONG_INPUT


def _wrapped(text: str) -> str:
    """The paragraphs of `text` for a terminal of 80 columns."""
    return "\n\n".join(textwrap.fill(part, 78) for part in text.strip().split("\n\n"))


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    from . import __version__

    parser = _Parser(
        prog="tinynet",
        description="Train and use small convolutional networks on a CPU, with a framework made to be read.",
        epilog="`tinynet train` alone trains a separable CNN on Fashion-MNIST.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinynet {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=_wrapped(module.__doc__ or ""),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
    return parser

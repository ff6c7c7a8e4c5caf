"""Measure tinynet beside PyTorch, Keras and ONNX Runtime.

    python -m benchmarks                    all cases side by side: times, ratios, memory; JSON and PNG
    python -m benchmarks scaling            time of a training step over batch and image size
    python -m benchmarks layers [CASE]      each layer of a network alone, against PyTorch

Each takes --help. Leave the machine alone meanwhile: only ratios taken in one run can be compared.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinynet.commands.arguments import count
from tinynet.errors import InputError, TinynetError
from tinynet.train import files

from . import cases, tables
from .comparison import compare
from .measure import QUICK, Effort
from .peers import RIVALS, Peer


def main(arguments: list[str]) -> int:
    """Run one of the commands; the exit code."""
    if not arguments or arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"):
        arguments = ["compare", *arguments]
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except TinynetError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


def run_compare(options: argparse.Namespace) -> None:
    """`python -m benchmarks`."""
    effort = QUICK if options.quick else Effort()
    if options.rounds:
        effort = Effort(options.rounds, effort.seconds)
    record = compare(cases.chosen(options.cases), _peers(options.peers), options.threads, effort)
    print("\n" + tables.show(record))
    options.out.mkdir(parents=True, exist_ok=True)
    files.write_json(options.out / "comparison.json", record)
    print(f"\nWritten to {options.out}: comparison.json")


def _peers(names: list[str] | None) -> list[Peer]:
    known = {peer.name: peer for peer in RIVALS}
    for name in names or []:
        if name not in known:
            raise InputError(f"There is no peer called {name!r}; there are {', '.join(known)}.")
    return [peer for peer in RIVALS if names is None or peer.name in names]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    compare_ = commands.add_parser("compare", help="all cases side by side (what runs without a command)")
    compare_.set_defaults(command=run_compare)
    compare_.add_argument("--cases", nargs="+", metavar="WORD", help="those with a WORD in the name")
    compare_.add_argument("--peers", nargs="*", metavar="NAME", help="pytorch, keras, onnxruntime (all)")
    compare_.add_argument("--rounds", type=count, metavar="N", help="rounds of each case (7)")
    compare_.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    for command in (compare_,):
        command.add_argument("--threads", type=count, default=2, metavar="N", help="of every peer (2)")
        command.add_argument(
            "--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR", help="(runs/benchmarks)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

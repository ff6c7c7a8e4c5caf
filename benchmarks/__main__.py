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
from typing import Any

from tinynet.commands.arguments import count
from tinynet.errors import InputError, TinynetError
from tinynet.report import style
from tinynet.train import files

from . import cases, chart, layerwise, recorded, scaling, tables
from .comparison import Record, compare, tell
from .measure import QUICK, Effort
from .peers import RIVALS, TINYNET, Peer


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
    if options.record and (options.cases or options.peers is not None or options.rounds or options.quick):
        raise InputError("--record keeps whole runs only: leave out --cases, --peers, --rounds and --quick.")
    effort = QUICK if options.quick else Effort()
    if options.rounds:
        effort = Effort(options.rounds, effort.seconds)
    record = compare(cases.chosen(options.cases), _peers(options.peers), options.threads, effort)
    print("\n" + tables.show(record))
    picture = chart.comparison(record) if record["cases"] else None
    _write(options, "comparison", record, picture)


def run_layers(options: argparse.Namespace) -> None:
    """`python -m benchmarks layers`."""
    peers = [TINYNET, *_present(["pytorch"])]
    case = layerwise.chosen(options.case, cases.CASES)
    record = layerwise.measure_layers(case, peers, options.threads, layerwise.EFFORT)
    print(f"\n{record['label']}\n\n{tables.plain(layerwise.table(record))}")
    _write(options, "layers", record)


def run_scaling(options: argparse.Namespace) -> None:
    """`python -m benchmarks scaling`."""
    peers = [TINYNET, *_present(["pytorch"])]
    record = scaling.measure_scaling(peers, options.threads, scaling.EFFORT)
    for series in ("batch", "side"):
        print("\n" + tables.plain(scaling.table(record, series)))
    _write(options, "scaling", record, chart.scaling(record))


def _write(options: argparse.Namespace, name: str, record: Record, picture: Any = None) -> None:
    """Keep the record, and the picture if there is one; with --record, in the README too."""
    folder = recorded.FOLDER if options.record else options.out
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / f"{name}.json", record)
    if picture is not None:
        files.write_bytes(folder / f"{name}.png", style.to_png(picture))
    if options.record:
        recorded.main([])
    print(f"\nWritten to {folder}: {name}.json{'' if picture is None else f', {name}.png'}")


def _present(names: list[str] | None) -> list[Peer]:
    """The rivals that are installed; the others get a sentence."""
    found = []
    for peer in _peers(names):
        if peer.missing():
            tell(peer.missing())
        else:
            found.append(peer)
    return found


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
    scaling_ = commands.add_parser("scaling", help="time over batch and over the size of images")
    scaling_.set_defaults(command=run_scaling)
    layers = commands.add_parser("layers", help="each layer of a network alone")
    layers.set_defaults(command=run_layers)
    layers.add_argument("case", nargs="?", metavar="CASE")
    for command in (compare_, scaling_, layers):
        command.add_argument("--threads", type=count, default=2, metavar="N", help="of every peer (2)")
        command.add_argument(
            "--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR", help="(runs/benchmarks)"
        )
        command.add_argument(
            "--record", action="store_true", help="keep the run in benchmarks/recorded and in its README"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

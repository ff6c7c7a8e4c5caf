"""Measure tinynet beside PyTorch, Keras and ONNX Runtime.

    python -m benchmarks                    all cases side by side: times, ratios, memory; JSON and PNG
    python -m benchmarks scaling            time of a training step over batch and image size
    python -m benchmarks layers [CASE]      each layer of a network alone, against PyTorch
    python -m benchmarks onnx               tinynet's ONNX files beside PyTorch's, in ONNX Runtime

Each takes --help. Leave the machine alone meanwhile: only ratios taken in one run can be compared.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinynet.commands.arguments import count
from tinynet.errors import InputError, TinynetError
from tinynet.kernels.cores import usable_cores
from tinynet.report import style
from tinynet.train import files

from . import cases, chart, layerwise, onnx_files, recorded, scaling, tables
from .comparison import Record, compare, tell
from .measure import QUICK, Effort
from .peers import RIVALS, TINYNET, Peer
from .process import PeerError

THREADS = 2  # of every peer, unless told otherwise


def main(arguments: list[str]) -> int:
    """Run one of the commands; the exit code."""
    if not arguments or arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"):
        arguments = ["compare", *arguments]
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        options.command(options)
    except (TinynetError, PeerError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse, before anything is measured, what could not be measured, written or kept. Raises InputError."""
    if options.threads > usable_cores():
        raise InputError(f"--threads {options.threads} is more than the {usable_cores()} cores there are.")
    if options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out {options.out} is a file: name a folder.")
    if options.record:
        _check_record(options)


def _check_record(options: argparse.Namespace) -> None:
    """Only whole runs are kept: every case, every rival, the usual number of threads."""
    partial = options.command is run_compare and (
        options.cases or options.peers is not None or options.rounds or options.quick
    )
    if partial or options.threads != THREADS:
        raise InputError(
            f"--record keeps whole runs only: leave out --cases, --peers, --rounds and --quick, "
            f"and use {THREADS} threads."
        )
    missing = [peer.missing() for peer in RIVALS if peer.missing()]
    if missing:
        raise InputError(f"--record keeps whole runs only. {' '.join(missing)}")


def run_compare(options: argparse.Namespace) -> None:
    """`python -m benchmarks`."""
    effort = QUICK if options.quick else Effort()
    if options.rounds:
        effort = replace(effort, rounds=options.rounds)
    record = compare(cases.chosen(options.cases), _peers(options.peers), options.threads, effort)
    if not record["cases"]:
        raise PeerError("no case could be measured, and nothing was written.")
    print("\n" + tables.show(record))
    _write(options, "comparison", record, chart.comparison(record))


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


def run_onnx(options: argparse.Namespace) -> None:
    """`python -m benchmarks onnx`."""
    if onnx_files.PEER.missing():
        raise InputError(onnx_files.PEER.missing())
    record = onnx_files.measure_files(options.threads)
    print("\n" + tables.plain(onnx_files.table(record)))
    _write(options, "onnx", record)


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
    onnx = commands.add_parser("onnx", help="ONNX files of tinynet and of PyTorch in ONNX Runtime")
    onnx.set_defaults(command=run_onnx)
    for command in (compare_, scaling_, layers, onnx):
        command.add_argument("--threads", type=count, default=THREADS, metavar="N", help="of every peer (2)")
        command.add_argument(
            "--out", type=Path, default=Path("runs/benchmarks"), metavar="DIR", help="(runs/benchmarks)"
        )
        command.add_argument(
            "--record", action="store_true", help="keep the run in benchmarks/recorded and in its README"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The last recorded run of each benchmark: its figures and pictures, and the tables in benchmarks/README.md.

    python -m benchmarks.recorded             write the tables again from the figures
    python -m benchmarks.recorded --check     exit with 1 if the README holds others

The figures come from the commands of `python -m benchmarks` with --record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tinynet.errors import InputError, TinynetError
from tinynet.report.sections import with_section

from . import layerwise, onnx_files, scaling, tables
from .cases import INFERENCE, TRAINING
from .comparison import Record

FOLDER = Path(__file__).resolve().parent / "recorded"
README = Path(__file__).resolve().parent / "README.md"


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    try:
        if arguments not in ([], ["--check"]):
            raise InputError(f"Expected nothing or --check, got {' '.join(arguments)}.")
        old = README.read_text(encoding="utf-8")
        new = renewed(old)
    except TinynetError as error:
        print(f"benchmarks.recorded: {error}", file=sys.stderr)
        return 2
    if not arguments:
        README.write_text(new, encoding="utf-8")
    elif new != old:
        print("benchmarks/README.md has other figures than benchmarks/recorded: run -m benchmarks.recorded")
        return 1
    return 0


def renewed(text: str) -> str:
    """The README with the tables of the records there are."""
    for name, write in SECTIONS.items():
        path = FOLDER / f"{name}.json"
        if path.exists():
            content = write(json.loads(path.read_text(encoding="utf-8")))
            text = with_section(text, name, content, "benchmarks/README.md")
    return text


def _comparison(record: Record) -> str:
    parts = [f"{tables.heading(record)} **{tables.verdict_sentence(record)}**"]
    for task in (TRAINING, INFERENCE):
        parts += [f"### {task.capitalize()}", *map(tables.markdown, tables.of_task(record, task))]
    parts += ["![The same figures as bars](recorded/comparison.png)", *record["left_out"]]
    return "\n\n".join(parts) + "\n"


def _scaling(record: Record) -> str:
    parts = [f"{record['network']}. {_surroundings(record)}"]
    parts += [tables.markdown(scaling.table(record, series)) for series in ("batch", "side")]
    return "\n\n".join([*parts, "![The same figures as lines](recorded/scaling.png)"]) + "\n"


def _layers(record: Record) -> str:
    limit = record["limit"]
    note = (
        f"{record['label']}. {_surroundings(record)} The limit: {limit['flops'] / 1e9:.0f} GFLOP/s, "
        f"{limit['bytes'] / 1e9:.1f} GB/s."
    )
    return f"{note}\n\n{tables.markdown(layerwise.table(record))}\n"


def _onnx(record: Record) -> str:
    note = f"Median of {record['rounds']} rounds, in brackets the fastest and the slowest."
    return f"{_surroundings(record)} {note}\n\n{tables.markdown(onnx_files.table(record))}\n"


def _surroundings(record: Record) -> str:
    return f"{tables.machine(record)}, {record['taken'][:10]}. {tables.versions(record)}."


SECTIONS: dict[str, Callable[[Record], str]] = {
    "comparison": _comparison,
    "scaling": _scaling,
    "layers": _layers,
    "onnx": _onnx,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

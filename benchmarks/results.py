"""The table of results in the README, made from run folders so that no figure in it is typed by hand.

    python -m benchmarks.results add RUN...   keep a run's record under benchmarks/results/
    python -m benchmarks.results              write the table into README.md
    python -m benchmarks.results --check      exit with 1 if README.md holds another one

A record is what `tinynet train` wrote into run.json and history.json, without paths. Runs that differ in
nothing but the seed make one row, with the median over the seeds.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from tinynet import models
from tinynet.commands.train import DEFAULTS
from tinynet.errors import InputError, TinynetError
from tinynet.train import RunFolder
from tinynet.train.run import processor

from .sections import with_section

ROOT = Path(__file__).resolve().parent.parent
RECORDS = Path(__file__).resolve().parent / "results"
README = ROOT / "README.md"
HEADER = (
    "| command | parameters | epochs | training accuracy | test accuracy | test loss | seconds an epoch |\n"
    "|---|---:|---:|---:|---:|---:|---:|\n"
)


def main(arguments: list[str]) -> int:
    """Run one of the three commands; the exit code."""
    try:
        if arguments[:1] == ["add"] and len(arguments) > 1:
            for run in arguments[1:]:
                print(f"kept {keep(Path(run)).relative_to(ROOT)}")
            return 0
        if arguments not in ([], ["--check"]):
            raise InputError(f"Expected nothing, --check, or add RUN..., got {' '.join(arguments)}.")
        return write(check=arguments == ["--check"])
    except TinynetError as error:
        print(f"benchmarks.results: {error}", file=sys.stderr)
        return 2


def keep(run: Path) -> Path:
    """Write the record of a finished run; return the file."""
    folder = RunFolder.open(run)
    record = folder.record
    if record.get("status") != "finished":
        raise InputError(f"{run} is {record.get('status')}, expected a finished run.")
    data = {name: value for name, value in record["data"].items() if name != "source"}
    kept = {
        "command": command(record["configuration"]),
        **{name: record[name] for name in ("configuration", "seed", "versions", "steps", "test")},
        "machine": {**record["machine"], "processor": processor()},
        "data": data,
        "history": json.loads((run / "history.json").read_text(encoding="utf-8")),
    }
    if kept["configuration"]["data"] not in ("fashion-mnist", "garments"):
        kept["configuration"]["data"] = data["name"]  # a folder: its name, not its place
    name = "-".join([*kept["command"].split()[2:], data["name"]]).replace("--", "").replace("/", "-")
    path = RECORDS / f"{name}-seed-{kept['seed']}.json".replace(" ", "-")
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return path


def command(configuration: dict) -> str:
    """The command line that gives this configuration, but for the seed."""
    words = ["tinynet", "train", configuration["model"]]
    usual = {**DEFAULTS, "data": "fashion-mnist", "lr": 0.001}
    for name, value in configuration.items():
        if name in usual and name not in ("model", "seed") and value != usual[name]:
            words += ["--" + name.replace("_", "-"), str(value)]
    return " ".join(words)


def write(check: bool) -> int:
    """Put the table between the two marks of the README, or with `check` say whether it is there."""
    text = README.read_text(encoding="utf-8")
    new = with_section(text, "results", table())
    if check:
        if new != text:
            print("README.md has other figures than benchmarks/results: run python -m benchmarks.results")
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


def table() -> str:
    """The Markdown table of all records, and a line that says how they were taken."""
    groups: dict[str, list[dict]] = defaultdict(list)
    for path in sorted(RECORDS.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        groups[record["command"]].append(record)
    rows = [row(records) for _, records in sorted(groups.items(), key=lambda item: -len(item[1]))]
    one = next(iter(groups.values()))[0]
    machine, versions = one["machine"], one["versions"]
    note = (
        f"Medians over the seeds, in brackets all of them. Fashion-MNIST: {one['data']['training_images']:,} "
        f"training and {one['data']['test_images']:,} test images. Machine: {machine['cores']} cores, "
        f"{machine['processor']}; Python {versions['python']}, NumPy {versions['numpy']}, Numba "
        f"{versions['numba']}. Seconds are of training, without the test images, taken "
        "while other programs ran on the same cores: a quiet machine is faster. The records are in "
        "[benchmarks/results](benchmarks/results).\n"
    )
    return HEADER + "".join(rows) + "\n" + note


def row(records: list[dict]) -> str:
    """One line of the table from the runs of one command with several seeds."""
    first, last = records[0], [record["history"][-1] for record in records]
    model = models.build(first["configuration"]["model"], **first["configuration"]["options"])
    seeds = "seed " + ", ".join(str(record["seed"]) for record in records)
    seconds = [epoch["seconds"] for record in records for epoch in record["history"]]
    cells = [
        f"`{first['command']}` ({seeds})",
        f"{model.parameter_count():,}",
        str(len(first["history"])),
        percent([epoch["accuracy"] for epoch in last]),
        percent([record["test"]["accuracy"] for record in records]),
        several([record["test"]["loss"] for record in records], "{:.4f}"),
        f"{median(seconds):.0f}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def percent(shares: list[float]) -> str:
    """Median and all values of shares, in percent."""
    return several([100 * share for share in shares], "{:.2f}") + " %"


def several(values: list[float], form: str) -> str:
    """The median, and in brackets all values if there are several."""
    middle = form.format(median(values))
    return middle if len(values) == 1 else f"{middle} ({', '.join(form.format(value) for value in values)})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

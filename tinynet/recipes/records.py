"""Records: what came of a recipe, one small JSON file for each training, committed with the project."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import tinynet

from ..errors import CheckpointError
from ..train import History, RunFolder
from ..train.files import write_json
from .recipe import Recipe

TOP = Path(tinynet.__file__).resolve().parent.parent
NAME = "record.json"  # in the run folder
ENTRIES = {"recipe", "seed", "configuration", "data", "machine", "versions", "parameters", "training_seconds",
           "test", "history"}  # fmt: skip
Record = dict[str, Any]


def is_clone(top: Path = TOP) -> bool:
    """Whether the package lies in a clone of the project, where records are kept, or was installed."""
    return (top / "setup.cfg").is_file() and (top / ".git").exists()


def make(recipe: Recipe, folder: RunFolder, parameters: int, **extra: Any) -> Record:
    """The record of a finished run: all that a figure depends on, and no path of this machine.

    parameters: how many are trained.  extra: what was measured beside.
    """
    kept = {name: folder.record[name] for name in ("configuration", "seed", "versions", "machine")}
    data = {name: value for name, value in folder.record["data"].items() if name != "source"}
    record = {
        "recipe": recipe.name,
        "taken": folder.record["started"],
        **kept,
        "data": data,
        "parameters": parameters,
        "steps": folder.record["steps"],
        "training_seconds": folder.record["training_seconds"],
        "test": folder.record["test"],
        **extra,
        "history": History.load(folder.path / "history.json"),
    }
    if recipe.photographs:
        record["configuration"] = {**record["configuration"], "data": data["name"]}
    return {"command": f"{command(recipe, record)} --seed {record['seed']}", **record}


def command(recipe: Recipe, record: Record) -> str:
    """What trains the network of a record again, with all seeds; of a folder it has the name alone.

    Where time ended a training, the number of its epochs ends it at the same place.
    """
    words = ["tinynet reproduce", recipe.name]
    if recipe.photographs and record["data"]["name"] != recipe.settings["data"]:
        words += ["--data", record["data"]["name"]]
    if recipe.full_size and len(record["history"]) != recipe.settings["epochs"]:
        words += ["--epochs", str(len(record["history"]))]
    if record["configuration"]["skip_bad"]:
        words.append("--skip-bad")
    return " ".join(words)


def keep(record: Record, run: Path, top: Path | None) -> list[Path]:
    """Write the record into the run folder and, with `top`, into `results/` there; the files."""
    files = [run / NAME]
    if top is not None:
        files.append(top / "results" / f"{stem(record)}.json")
    for file in files:
        file.parent.mkdir(exist_ok=True)
        write_json(file, record)
    return files


def stem(record: Record) -> str:
    """The name of the record's file, without its ending."""
    return f"{record['recipe']}-{record['data']['name']}-seed-{record['seed']}"


def load_all(top: Path = TOP) -> list[Record]:
    """The records kept in the project, by recipe, data set and seed."""
    records = []
    for path in sorted((top / "results").glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged: {error}.") from error
        if not isinstance(record, dict) or not ENTRIES <= set(record):
            raise CheckpointError(f"{path} is no record: one is an object with {', '.join(sorted(ENTRIES))}.")
        records.append(record)
    return sorted(records, key=lambda record: (record["recipe"], record["data"]["name"], record["seed"]))


def figures(recipe: Recipe, record: Record) -> dict[str, float]:
    """The figures of one training by the names of MEASURES; a sprint that failed took for ever."""
    last = record["history"][-1]
    if recipe.target is not None:
        reached = last["val_accuracy"] >= recipe.target
        return {"seconds": record["training_seconds"] if reached else float("inf")}
    return {
        "training_accuracy": last["accuracy"],
        "training_loss": last["loss"],
        "test_accuracy": record["test"]["accuracy"],
        "test_loss": record["test"]["loss"],
        **({"flipped_accuracy": record["flipped"]["accuracy"]} if recipe.flips else {}),
        "parameters": record["parameters"],
        "minutes": record["training_seconds"] / 60,
    }


def medians(recipe: Recipe, records: Iterable[Record]) -> dict[str, float]:
    """The median of each figure over the seeds."""
    each = [figures(recipe, record) for record in records]
    return {name: median(one[name] for one in each) for name in each[0]}


def images_per_second(record: Record) -> float:
    """Training images per second, over all epochs."""
    return len(record["history"]) * record["data"]["training_images"] / record["training_seconds"]

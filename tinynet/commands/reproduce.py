"""Reproduce a published network: train it by its recipe, and set our figures beside the published ones.

Without NAME: the list of recipes with both. Each seed of a recipe trains in a folder of its own below --out;
Ctrl-C stops after the step under way, and the same command with --resume goes on from there. In a clone of
the project the record of each training is kept in results/, and the table in the README is written anew.

--quick trains one epoch of few images, to see that everything works: its figures mean nothing and are
not kept in results/.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, InputError, MissingDataError
from .arguments import add_skip_bad, add_threads, count, rate, seed, use_threads

if TYPE_CHECKING:
    from ..recipes import Recipe
    from ..recipes.records import Record
    from ..train import History, RunFolder

HELP = "train a published network by its recipe and compare"
QUICK = {"limit": 640, "epochs": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe, and what may be chosen about it."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe; without it, list them")
    parser.add_argument("--seed", type=seed, metavar="N", help="train with this seed alone")
    parser.add_argument("--out", metavar="DIR", help="where the run folders go (runs/reproduce/NAME)")
    parser.add_argument("--resume", action="store_true", help="go on with the runs in that folder")
    parser.add_argument("--quick", action="store_true", help="one epoch of 640 images: does it run?")
    parser.add_argument("--data", metavar="DIR", help="photographs, for the recipes that take a folder")
    add_skip_bad(parser)
    parser.add_argument("--epochs", type=count, metavar="N", help="not the recipe's (mobilenet-animals)")
    parser.add_argument("--minutes", type=rate, metavar="M", help="end after so long (mobilenet-animals)")
    parser.add_argument(
        "--table", action="store_true", help="write the README's table from the records in results/"
    )
    add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="print the results only")


def run(arguments: argparse.Namespace) -> int:
    """Train all seeds, keep the records, compare; 130 if Ctrl-C ended it."""
    from .. import recipes
    from ..recipes import records, table

    if arguments.table:
        return _write_table()
    if arguments.name is None:
        return _list()
    recipe = recipes.get(arguments.name)
    use_threads(arguments.threads)
    settings = _settings(recipe, arguments)
    out = Path(arguments.out or Path("runs") / "reproduce" / (recipe.name + "-quick" * arguments.quick))
    top = records.TOP if records.is_clone(records.TOP) and not arguments.quick else None
    kept = []
    for number in recipe.seeds if arguments.seed is None else (arguments.seed,):
        path = out / f"seed-{number}"
        if not _trained(recipe, {**settings, "seed": number}, path, arguments):
            again = " ".join(["tinynet reproduce", recipe.name, *_again(arguments)])
            print(f"Interrupted. To go on: {again}")
            return 130
        kept.append(_record(recipe, path, arguments.skip_bad))
        for file in records.keep(kept[-1], path, top):
            print(f"Record: {file}")
    print(f"\n{recipe.name}: {recipe.sentence}")
    if arguments.quick:
        print("QUICK: one epoch of 640 images. These figures mean nothing.")
    print(f"Published: {recipe.source}.\n" if recipe.source else "")
    print(table.comparison(recipe, kept))
    if recipe.prediction:
        print(_one_prediction(path, arguments.skip_bad))
    if top is not None:
        print(f"Table written into {table.write(top)}")
    return 0


def _list() -> int:
    """Every recipe with the published figures and those of its records."""
    from ..recipes import RECIPES, records, table

    kept = records.load_all(records.TOP) if records.is_clone(records.TOP) else []
    for recipe in RECIPES.values():
        print(f"{recipe.name}\n    {recipe.sentence}")
        for line in table.lines(recipe, kept):
            print(f"    {line}")
    return 0


def _write_table() -> int:
    from ..recipes import records, table

    if not records.is_clone(records.TOP):
        raise InputError("--table writes into the README of a clone of the project: this is none.")
    print(f"Table written into {table.write(records.TOP)}")
    return 0


def _settings(recipe: Recipe, arguments: argparse.Namespace) -> dict[str, Any]:
    """The recipe's settings with what the arguments may change. Raises InputError for what they may not."""
    for name in ("data", "skip_bad", "epochs", "minutes"):
        free = recipe.photographs if name in ("data", "skip_bad") else recipe.full_size
        if getattr(arguments, name) is not None and not free:
            flag = "--" + name.replace("_", "-")
            raise InputError(
                f"{flag} does not apply to {recipe.name}, whose figures are those of its recipe: leave it "
                "out, or use tinynet train."
            )
    settings = {**recipe.settings, "data": _data(recipe, arguments.data), "skip_bad": arguments.skip_bad}
    if arguments.epochs is not None:
        settings["epochs"] = arguments.epochs
    return {**settings, **QUICK} if arguments.quick else settings


def _data(recipe: Recipe, given: str | None) -> str:
    """What to load: a data set's name, or a folder of photographs that is there."""
    name = recipe.settings["data"]
    if given is not None or not recipe.photographs:
        return given or name
    own = os.environ.get("TINYNET_DATA")
    folder = Path(own) / name if own else None
    if folder is None or not folder.is_dir():
        place = "$TINYNET_DATA (not set)" if folder is None else str(folder)
        raise MissingDataError(
            f"{recipe.name} takes {recipe.photographs}, and found none in {place}: "
            "name the folder with --data."
        )
    return str(folder)


def _trained(recipe: Recipe, settings: dict[str, Any], path: Path, arguments: argparse.Namespace) -> bool:
    """Train in the folder `path`, or what is left to train there; False if Ctrl-C ended it."""
    from ..train import RunFolder
    from .session import begin, resume

    progress = not arguments.quiet
    if arguments.resume and (path / "checkpoint.npz").exists():
        folder = RunFolder.open(path)
        settings = _kept(settings, folder)
        if _is_done(recipe, settings, folder):
            return True
        session = resume(folder, settings, progress)
    else:
        session = begin(settings, path, progress, recipe=recipe.name)
    if recipe.target is not None and not session.warm_up():
        return False
    session.train(arguments.quiet, _until(recipe, arguments.minutes))
    return not session.trainer.interrupted


def _until(recipe: Recipe, minutes: float | None) -> Callable[[History], bool] | None:
    """When to end before the last epoch: at the target, or where another epoch would take too long."""
    if recipe.target is not None:
        target = recipe.target
        return lambda history: history[-1]["val_accuracy"] >= target
    if minutes is None:
        return None
    begun = time.monotonic()
    epochs: list[float] = []

    def no_time_left(history: History) -> bool:
        now = time.monotonic() - begun
        epochs.append(now)
        return now + now / len(epochs) > 60 * minutes

    return no_time_left


def _is_done(recipe: Recipe, settings: dict[str, Any], folder: RunFolder) -> bool:
    """Whether nothing is left to train: all epochs made, or the target reached."""
    from ..train import History

    history = History.load(folder.path / "history.json")
    if folder.record.get("status") != "finished" or "test" not in folder.record:
        return False
    stopped = recipe.target is not None and history[-1]["val_accuracy"] >= recipe.target
    return stopped or len(history) >= settings["epochs"]


def _kept(settings: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """All settings of the run in the folder, which may become longer.

    Raises CheckpointError if it is not one of this recipe as it is now.
    """
    from .settings import DEFAULTS, resolved, settings_of

    kept, wanted = settings_of(folder), {**DEFAULTS, **settings}
    wanted["lr"] = wanted["lr"] or kept["lr"]  # the optimiser's own
    if kept["data"] == resolved(wanted["data"]):
        wanted["data"] = kept["data"]
    for name, value in wanted.items():
        if name != "epochs" and value != kept[name]:
            raise CheckpointError(
                f"The run in {folder.path} has {name}={kept[name]!r}, this recipe {value!r}: "
                "choose another folder with --out."
            )
    return {**kept, "epochs": wanted["epochs"]}


def _record(recipe: Recipe, path: Path, skip_bad: bool | None) -> Record:
    """The record of the finished run, with what only the recipe asks for."""
    from ..recipes import records
    from ..train import RunFolder
    from .evaluate import measured, test_images
    from .trained import open_trained

    trained, folder = open_trained(str(path)), RunFolder.open(path)
    extra: dict[str, Any] = {}
    if recipe.flips:
        extra["flipped"], _ = measured(trained, test_images(trained, None, skip_bad=skip_bad), flips=True)
    parameters = trained.model.parameter_count(trainable_only=True)
    return records.make(recipe, folder, parameters, **extra)


def _one_prediction(path: Path, skip_bad: bool | None) -> str:
    """What the network says of the first test image, in a sentence."""
    from ..train import predict_probabilities
    from .evaluate import test_images
    from .trained import open_trained

    trained = open_trained(str(path))
    image = test_images(trained, None, skip_bad=skip_bad).take(1)
    (chances,) = predict_probabilities(trained.model, image)
    best, truth = int(chances.argmax()), image.class_names[image.labels[0]]
    said = f"{trained.class_names[best]}, {100 * chances[best]:.1f} %"
    return f"One prediction: the first test image, of class {truth}, is called {said}."


def _again(arguments: argparse.Namespace) -> list[str]:
    """The words to go on with."""
    words = ["--resume"]
    for flag in ("seed", "out", "data", "epochs", "minutes"):
        value = getattr(arguments, flag)
        words += [] if value is None else [f"--{flag}", str(value)]
    words += ["--skip-bad"] if arguments.skip_bad else []
    return [*words, "--quick"] if arguments.quick else words

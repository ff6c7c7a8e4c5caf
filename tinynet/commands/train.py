"""Train a network and keep everything in a run folder.

The network sees all training images, or with --validation-split those left by it. The val_ columns of
history.json are measured on the images held out or, without --validation-split, on the test images.
Neither is ever used to choose anything: there is no early stopping, and the weights kept are those of
the last epoch. The test accuracy is printed at the end and stands in run.json.

Ctrl-C stops after the step under way and saves; `tinynet train --resume DIR` goes on from there and
ends with the same bits as an uninterrupted training. With more --epochs than the run was begun with,
the learning rate goes on where it would be by then in the longer training.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CheckpointError, InputError
from .arguments import add_network_options, add_threads, amount, count, fraction, rate, seed, use_threads

if TYPE_CHECKING:
    from ..data import Dataset
    from ..train import RunFolder, Trainer

HELP = "train a network"
SHOWN = ("curves.png", "confusion.png", "predictions.png", "model.npz", "history.json")
DEFAULTS = {
    "model": "separable-cnn",
    "data": "auto",
    "epochs": 10,
    "batch_size": 32,
    "limit": None,
    "validation_split": None,
    "seed": 0,
    "optimizer": "adam",
    "lr": None,
    "schedule": "cosine",
    "weight_decay": None,
    "label_smoothing": None,
    "average": None,
    "width": None,
    "resolution": None,
    "stem_stride": None,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All defaults are None here, so that --resume can tell what was given."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="a name listed by `tinynet models` (separable-cnn)"
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="fashion-mnist, garments (drawn, needs no files), a folder with one folder of images per "
        "class, or auto (default): fashion-mnist, or garments if it cannot be had",
    )
    parser.add_argument("--epochs", type=count, metavar="N", help="passes over the images (10)")
    parser.add_argument("--batch-size", type=count, metavar="N", help="images per step (32)")
    parser.add_argument("--limit", type=count, metavar="N", help="use the first N training images")
    parser.add_argument(
        "--validation-split", type=fraction, metavar="F", help="hold out this fraction, stratified"
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of everything random (0)")
    parser.add_argument(
        "--optimizer",
        choices=("adam", "adamw", "rmsprop", "sgd"),
        help="adam (default), adamw, rmsprop, or sgd with momentum 0.9",
    )
    parser.add_argument("--lr", type=rate, metavar="RATE", help="highest learning rate (0.001; sgd 0.01)")
    parser.add_argument(
        "--schedule",
        choices=("cosine", "constant", "one-cycle"),
        help="of the learning rate over all epochs: cosine (default: falls to 0), constant, or one-cycle",
    )
    parser.add_argument(
        "--weight-decay", type=amount, metavar="X", help="of adamw (0.01) and sgd (0): shrinks the weights"
    )
    parser.add_argument(
        "--label-smoothing",
        type=fraction,
        metavar="X",
        help="spread this share of each label over all classes, in training (and in its loss) only",
    )
    parser.add_argument(
        "--average",
        type=fraction,
        metavar="DECAY",
        help="measure and save the moving average of the weights, for instance 0.999",
    )
    add_network_options(parser)
    parser.add_argument("--out", metavar="DIR", help="run folder (runs/MODEL-DATA-DATE-TIME)")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in this folder")
    add_threads(parser)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="watch 50 training steps, print where their time goes and write profile.json",
    )
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def run(arguments: argparse.Namespace) -> int:
    """Train, and say where everything is."""
    use_threads(arguments.threads)
    session = _resumed(arguments) if arguments.resume else _begun(arguments)
    return _profiled(session, arguments.quiet) if arguments.profile else session.train(arguments.quiet)


def _profiled(session: _Session, quiet: bool) -> int:
    """Train, and print and keep a profile of some steps."""
    from ..report.profile import Profile
    from ..train import files

    with Profile() as profile:
        code = session.train(quiet)
    files.write_json(session.folder.path / "profile.json", profile.record())
    print(f"\n{profile}")
    return code


class _Session:
    """A training that is set up: the run folder, the settings, the trainer and its data."""

    def __init__(
        self,
        folder: RunFolder,
        settings: dict[str, Any],
        trainer: Trainer,
        train: Dataset,
        test: Dataset,
    ) -> None:
        from . import building

        self.folder, self.settings, self.trainer, self.test = folder, settings, trainer, test
        self.training, self.validation = train, test
        if settings["validation_split"] is not None:
            fraction, seed = settings["validation_split"], settings["seed"]
            self.training, self.validation = train.split(fraction, seed)
        steps = settings["epochs"] * len(self.training.batches(settings["batch_size"]))
        trainer.schedule = building.choose_schedule(settings["schedule"], settings["lr"], steps)

    def train(self, quiet: bool) -> int:
        """Fit, and print the result; 130 if Ctrl-C ended it."""
        if not quiet:
            self._announce()
        left = self.settings["epochs"] - len(self.trainer.history)
        if left:
            batch_size = self.settings["batch_size"]
            self.trainer.fit(self.training, self.validation, left, batch_size, test=self.test)
        else:
            self.trainer.complete(self.validation, self.test)
        self._report()
        return 130 if self.trainer.interrupted else 0

    def refuse_other_data(self) -> None:
        """Raise InputError unless the data are, as far as is known, those the run began with."""
        from ..train.run import describe_data

        found = describe_data(self.training, self.validation, self.test)
        recorded = self.folder.record.get("data", {})
        for name in ("image_shape", "class_names", "training_images", "test_images"):
            if found[name] != recorded.get(name):
                raise InputError(
                    f"The data of the run in {self.folder.path} have changed: {name} was "
                    f"{recorded.get(name)} and is {found[name]}. Bring the old ones back, or begin a "
                    "new run."
                )

    def _announce(self) -> None:
        model, path, train = self.trainer.model, self.folder.path, self.training
        shape = "x".join(map(str, train.image_shape))
        split = self.validation is not self.test
        held_out = f"{len(self.validation):,} held out, " if split else ""
        print(f"{self.settings['model']}: {model.parameter_count():,} parameters")
        print(
            f"{train.name}: {len(train):,} training images of {shape}, {held_out}"
            f"{len(self.test):,} test images, {len(train.class_names)} classes"
        )
        if self.settings["data"] not in ("fashion-mnist", "garments"):
            counts = np.bincount(train.labels, minlength=len(train.class_names))
            named = (f"{name} {count:,}" for name, count in zip(train.class_names, counts, strict=True))
            print("Training images by class: " + ", ".join(named))
        print(f"Run folder: {path}", flush=True)

    def _report(self) -> None:
        record, path = self.folder.record, self.folder.path
        epochs = f"{self.trainer.epochs_done:.4g} of {self.settings['epochs']} epochs"
        saved = ", ".join(name for name in SHOWN if (path / name).exists())
        result = record["test"]
        marked = " of SYNTHETIC GARMENTS" if record["data"]["synthetic"] else ""
        print(
            f"Test accuracy {100 * result['accuracy']:.2f} %, loss {result['loss']:.4f} on "
            f"{result['images']:,} images{marked}, after {epochs} "
            f"({record['steps']:,} steps, {_duration(record)})"
        )
        print(f"Saved in {path}: {saved}")
        if self.trainer.interrupted:
            print(f"Interrupted. To go on: tinynet train --resume {path}")
        else:
            print(f"Next: tinynet predict {path} IMAGE   or   tinynet evaluate {path}")


def _begun(arguments: argparse.Namespace) -> _Session:
    """A new run, from the arguments and the defaults."""
    import tinynet

    from ..train import RunFolder
    from ..train.run import check_folder, default_folder
    from . import building

    given = {name: getattr(arguments, name) for name in DEFAULTS}
    settings = {**DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    size = building.image_size(settings["model"], settings["resolution"])
    building.network_options(settings["model"], **_network(settings))
    building.check_weight_decay(settings["optimizer"], settings["weight_decay"])
    if arguments.out:
        check_folder(arguments.out)
    if settings["lr"] is None:
        settings["lr"] = building.OPTIMIZERS[settings["optimizer"]][1]

    tinynet.seed(settings["seed"])
    train, test, warning = building.load_data(settings["data"], settings["seed"], settings["limit"], size)
    model = building.build_for(settings["model"], train, _network(settings))
    settings["data"] = _data_again(settings["data"], train)
    configuration = {**settings, "options": model.config["options"]}  # type: ignore[attr-defined]
    folder = RunFolder.create(
        arguments.out or default_folder(settings["model"], train.name),
        configuration=configuration,
        **({"warning": warning} if warning else {}),
    )
    trainer = building.make_trainer(model, settings, folder, progress=not arguments.quiet)
    return _Session(folder, settings, trainer, train, test)


def _resumed(arguments: argparse.Namespace) -> _Session:
    """The run in --resume DIR, set up as it was and put where it stopped."""
    import tinynet

    from .. import models
    from ..train import RunFolder
    from . import building

    folder = RunFolder.open(arguments.resume)
    configuration = folder.record.get("configuration", {})
    settled = [name for name, value in DEFAULTS.items() if value is not None]
    missing = [name for name in (*settled, "options") if name not in configuration]
    if missing:
        raise CheckpointError(
            f"The run in {folder.path} was not begun by `tinynet train` (its run.json has no "
            f"{', '.join(missing)}): go on in Python, with Trainer.restore."
        )
    settings = {name: configuration.get(name) for name in DEFAULTS}
    _refuse_changes(arguments, settings)
    settings["epochs"] = configuration["epochs"] = arguments.epochs or settings["epochs"]

    tinynet.seed(settings["seed"])
    model = models.build(settings["model"], **configuration["options"])
    assert model.input_shape is not None  # every network of the zoo has one
    trainer = building.make_trainer(model, settings, folder, progress=not arguments.quiet)
    trainer.restore(folder.path)
    complete = folder.record.get("status") == "finished" or len(trainer.history) > settings["epochs"]
    if complete and len(trainer.history) >= settings["epochs"]:
        raise InputError(
            f"--epochs {settings['epochs']} asks for nothing more: the run in {folder.path} has made "
            f"{len(trainer.history)} of them. Give a larger number, for instance "
            f"--epochs {len(trainer.history) + 10}."
        )
    train, test, _ = building.load_data(
        settings["data"], settings["seed"], settings["limit"], model.input_shape[0]
    )
    session = _Session(folder, settings, trainer, train, test)
    session.refuse_other_data()
    return session


def _refuse_changes(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    """A resumed run keeps its configuration, except that it may become longer."""
    given = {name: getattr(arguments, name) for name in (*DEFAULTS, "out")}
    for name, value in given.items():
        same = value == settings.get(name) or (name == "data" and _resolved(value) == settings[name])
        if value is None or name == "epochs" or same:
            continue
        flag = "MODEL" if name == "model" else "--" + name.replace("_", "-")
        raise InputError(
            f"{flag} {value} cannot be combined with --resume: the run has {settings.get(name)!r}, and "
            "only --epochs may change. Leave it out, or begin a new run."
        )


def _network(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("width", "resolution", "stem_stride")}


def _data_again(name: str, train: Dataset) -> str | None:
    """What to load when the run goes on: not "auto", which could choose differently then."""
    from ..train.run import is_synthetic

    if name == "auto":
        return "garments" if is_synthetic(train) else "fashion-mnist"
    return name if name in ("fashion-mnist", "garments") else _resolved(name)


def _resolved(folder: str | None) -> str | None:
    return None if folder is None else str(Path(folder).resolve())


def _duration(record: dict) -> str:
    seconds = record["training_seconds"]
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"

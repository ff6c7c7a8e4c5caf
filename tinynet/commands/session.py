"""A training as `tinynet train` does it: settings in words become a run folder, data and a trainer.

Apart from the command because recipes train in the same way: `begin` a run or `resume` one, then
`Session.train`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, OutputError
from .settings import DEFAULTS, resolved

if TYPE_CHECKING:
    from ..data import Dataset
    from ..train import History, RunFolder, Trainer
    from . import building

SHOWN = ("curves.png", "confusion.png", "predictions.png", "model.npz", "history.json")


class Session:
    """A training that is set up: the run folder, the settings, the trainer and its data."""

    def __init__(
        self,
        folder: RunFolder,
        settings: dict[str, Any],
        trainer: Trainer,
        train: Dataset,
        test: Dataset,
        validation: Dataset | None,
    ) -> None:
        from . import building

        self.folder, self.settings, self.trainer, self.test = folder, settings, trainer, test
        self.training, self.validation = train, test if validation is None else validation
        steps = settings["epochs"] * len(self.training.batches(settings["batch_size"]))
        trainer.schedule = building.choose_schedule(settings["schedule"], settings["lr"], steps)

    def train(self, quiet: bool, until: Callable[[History], bool] | None = None) -> None:
        """Fit, and print the result.

        until: as for `Trainer.fit`. Raises OutputError if what is printed cannot be written any more.
        """
        try:
            if not quiet:
                self._announce()
            self._fit(until)
            self._report()
        except BrokenPipeError as error:
            raise OutputError(
                "Nobody reads the output any more: the training ended after "
                f"{self.trainer.epochs_done:.4g} of {self.settings['epochs']} epochs. {self._next()}"
            ) from error

    def _next(self) -> str:
        path = self.folder.path
        if (path / "checkpoint.npz").exists():
            return f"To go on: tinynet train --resume {path}"
        return "Begin it again."

    def _fit(self, until: Callable[[History], bool] | None) -> None:
        from ..data.augment import parse

        left = self.settings["epochs"] - len(self.trainer.history)
        if left:
            batch_size, words = self.settings["batch_size"], self.settings["augment"]
            augment = parse(words) if words else None
            self.trainer.fit(
                self.training,
                self.validation,
                left,
                batch_size,
                test=self.test,
                augment=augment,
                until=until,
            )
        else:
            self.trainer.complete(self.validation, self.test)

    def warm_up(self) -> bool:
        """Make two steps with a model that is thrown away, so that no compiling falls into the training.

        Random streams are put back: the training is the same with and without it. False if Ctrl-C ended it.
        """
        from .. import models, random
        from ..data.augment import parse
        from . import building

        streams, batch_size, words = random.state(), self.settings["batch_size"], self.settings["augment"]
        config = self.trainer.model.config  # type: ignore[attr-defined]  # every network of the zoo has one
        model = models.build(config["model"], **config["options"])
        few = self.training.take(min(2 * batch_size, len(self.training)))
        trainer = building.make_trainer(model, self.settings, None, progress=False)
        trainer.fit(few, few, 1, batch_size, augment=parse(words) if words else None)
        random.restore(streams)
        return not trainer.interrupted

    def refuse_other_data(self) -> None:
        """Raise InputError unless the data are, as far as is known, those the run began with."""
        from ..train.run import describe_data

        found = describe_data(self.training, self.validation, self.test)
        recorded = self.folder.record.get("data", {})
        for name in ("image_shape", "class_names", "training_images", "test_images"):
            if found[name] != recorded.get(name):
                raise InputError(
                    f"The data of the run in {self.folder.path} have changed: {name} was "
                    f"{recorded.get(name)} and is {found[name]}. Bring the old ones back, say with --data "
                    "where they are, or begin a new run."
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
            f"({record['steps']:,} steps, {duration(record)})"
        )
        print(f"Saved in {path}: {saved}")


def begin(settings: dict[str, Any], out: str | Path | None, progress: bool, **record: Any) -> Session:
    """A new run in the folder `out` (by default one under runs/) with `settings` over the defaults.

    record: what run.json shall hold beside. Raises InputError, before anything is read or written, for
    settings that do not fit together, and for data or a folder that cannot be used.
    """
    import tinynet

    from ..train import RunFolder
    from ..train.run import check_folder, default_folder
    from . import building

    settings = {**DEFAULTS, **settings}
    size = building.checked_size(settings["model"], _network(settings))
    building.check_weight_decay(settings["optimizer"], settings["weight_decay"])
    if out:
        check_folder(out)
    if settings["lr"] is None:
        settings["lr"] = building.OPTIMIZERS[settings["optimizer"]][1]

    tinynet.seed(settings["seed"])
    train, test, validation, warning = _data(settings, size)
    model = building.build_for(settings["model"], train, _network(settings))
    settings["data"] = _data_again(settings["data"], train)
    configuration = {**settings, "options": model.config["options"]}  # type: ignore[index]  # set by build
    if warning:
        record["warning"] = warning
    out = out or default_folder(settings["model"], train.name)
    folder = RunFolder.create(out, configuration=configuration, **record)
    trainer = building.make_trainer(model, settings, folder, progress)
    return Session(folder, settings, trainer, train, test, validation)


def resume(folder: RunFolder, settings: dict[str, Any], progress: bool) -> Session:
    """The run in `folder`, set up as it was and put where it stopped.

    settings: those of the run, with another number of epochs if it shall be longer, and another place of the
    photographs if they were moved. Raises InputError if nothing is left to do, or the data have changed.
    """
    import tinynet

    from .. import models
    from . import building

    configuration = folder.record["configuration"]
    configuration["epochs"] = settings["epochs"]
    tinynet.seed(settings["seed"])
    model = models.build(settings["model"], **configuration["options"])
    assert model.input_shape is not None  # every network of the zoo has one
    trainer = building.make_trainer(model, settings, folder, progress)
    trainer.restore(folder.path)
    complete = folder.record.get("status") == "finished" or len(trainer.history) > settings["epochs"]
    if complete and len(trainer.history) >= settings["epochs"]:
        raise InputError(
            f"--epochs {settings['epochs']} asks for nothing more: the run in {folder.path} has made "
            f"{len(trainer.history)} of them. Give a larger number, for instance "
            f"--epochs {len(trainer.history) + 10}."
        )
    building.check_place(settings["data"])
    train, test, validation, _ = _data(settings, model.input_shape[0])
    session = Session(folder, settings, trainer, train, test, validation)
    session.refuse_other_data()
    configuration["data"] = settings["data"]
    return session


def _data(settings: dict[str, Any], size: int) -> building.Loaded:
    from . import building

    given = {name: settings[name] for name in ("cache", "skip_bad")}
    held_out = settings["validation_split"]
    return building.load_data(
        settings["data"], settings["seed"], settings["limit"], size, fraction=held_out, **given
    )


def _network(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("width", "resolution", "stem_stride")}


def _data_again(name: str, train: Dataset) -> str | None:
    """What to load when the run goes on: not "auto", which could choose differently then."""
    from ..data import sources
    from ..train.run import is_synthetic

    if name == "auto":
        return "garments" if is_synthetic(train) else "fashion-mnist"
    return name if name in sources.NAMES else resolved(name)


def duration(record: dict) -> str:
    """The seconds of training in a run.json, in words."""
    seconds = record["training_seconds"]
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"

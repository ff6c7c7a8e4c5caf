"""The run folder: all that one training leaves behind, readable without tinynet.

    run.json         what was asked for, data set, versions, machine, how it ended, test result
    history.json     a list, one object per epoch
    model.npz        weights and the recipe of the network (see checkpoint.py)
    checkpoint.npz   everything needed to go on from here
    curves.png  confusion.png  predictions.png

Numbers are rewritten after every epoch, each file as a whole; the pictures are drawn at the end.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tinynet

from ..data.garments import SYNTHETIC
from ..errors import CheckpointError, InputError, MissingDataError
from ..kernels.threads import num_threads
from . import checkpoint, files, predictions
from .history import History

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..nn import Module
    from .trainer import Trainer

RESULTS = ("history.json", "model.npz", "checkpoint.npz")
LIBRARIES = ("numpy", "numba", "scipy", "matplotlib")


class RunFolder:
    """A folder with the record of one run. Make one with `create`, come back to one with `open`.

    record: what run.json holds; `update` adds to it and writes it.
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record

    @classmethod
    def create(cls, path: str | Path, **record: Any) -> RunFolder:
        """Make the folder, with `record` as the beginning of run.json.

        Raises InputError if it holds a run already or cannot be written to.
        """
        path = Path(path)
        check_folder(path)
        run = cls(path, {"status": "created", "started": _now(), **record, **environment()})
        files.write_json(path / "run.json", run.record)
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The run kept in `path`. Raises MissingDataError or CheckpointError if there is none."""
        path = Path(path)
        if not path.is_dir():
            raise MissingDataError(f"There is no run folder {path}: give the folder of a training run.")
        try:
            record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingDataError(
                f"The folder {path} holds no run.json: give the folder of a training run."
            ) from None
        except ValueError as error:
            raise CheckpointError(f"{path / 'run.json'} is damaged: {error}.") from error
        if not isinstance(record, dict):
            raise CheckpointError(f"{path / 'run.json'} is damaged: expected a JSON object.")
        for name in ("configuration", "data"):
            if not isinstance(record.get(name, {}), dict):
                raise CheckpointError(
                    f"{path / 'run.json'} is damaged: {name} expects a JSON object, got {record[name]!r}."
                )
        return cls(path, record)

    def update(self, **changes: Any) -> None:
        """Change entries of run.json."""
        self.record.update(changes)
        files.write_json(self.path / "run.json", self.record)

    # The numbers

    def save_state(self, model: Module, state: dict) -> None:
        """Write checkpoint.npz: the first of the files, as it is the one that is needed after a crash."""
        checkpoint.save_state(self.path / "checkpoint.npz", model, state)

    def save_model(self, model: Module, history: History) -> None:
        """Write model.npz and history.json."""
        data = self.record.get("data", {})
        checkpoint.save(
            self.path / "model.npz",
            model,
            class_names=data.get("class_names"),
            data=data.get("name"),
            epochs=len(history),
            seed=self.record.get("seed"),
        )
        history.save(self.path / "history.json")

    # The pictures

    def draw_curves(self, history: History, validation: str) -> None:
        """Write curves.png; before the end of the first epoch there is nothing to draw."""
        from ..report import plots, style

        if history:
            figure = plots.curves(history, validation=validation, **self._heading(len(history)))
            files.write_bytes(self.path / "curves.png", style.to_png(figure))

    def draw_predictions(self, dataset: Dataset, logits: np.ndarray, epochs: float, kind: str) -> None:
        """Write confusion.png and predictions.png for the `kind` ("test") images."""
        from ..report import pictures, plots, style

        heading = self._heading(epochs)
        labels, names = np.asarray(dataset.labels), list(dataset.class_names)
        predicted = predictions.predicted_classes(logits)
        accuracy = 100 * float(np.mean(predicted == labels))
        heading["subtitle"] += f"; {len(labels):,} {kind} images, accuracy {accuracy:.2f} %"
        matrix = predictions.confusion_matrix(labels, predicted, len(names))
        figure = plots.confusion(matrix, names, **heading)
        files.write_bytes(self.path / "confusion.png", style.to_png(figure))
        chances = predictions.probabilities(logits)
        figure = pictures.predictions(dataset.images, labels, chances, names, **heading)
        files.write_bytes(self.path / "predictions.png", style.to_png(figure))

    def _heading(self, epochs: float) -> dict[str, str]:
        """Subtitle and warning for the run's pictures."""
        from ..report import style

        model = self.record.get("configuration", {}).get("model", "a network")
        data = self.record.get("data", {})
        name = style.shortened(data.get("name") or "a data set", 24)
        count = f"{epochs:.4g} epoch{'' if epochs == 1 else 's'}"
        return {
            "subtitle": f"{model} on {name}, {count}",
            "warning": "synthetic garments" if data.get("synthetic") else "",
        }


def check_folder(path: str | Path) -> None:
    """Raise InputError unless `path` is, or can become, a folder for a new run.

    Asked before the data are loaded: better than after an hour of training.
    """
    path = Path(path)
    held = [name for name in RESULTS if (path / name).exists()]
    if held:
        raise InputError(
            f"The folder {path} already holds a run ({', '.join(held)}): continue it with --resume, or "
            "choose another one with --out."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path / ".writable", b"")
        (path / ".writable").unlink()
    except OSError as error:
        raise InputError(
            f"The run folder {path} cannot be written to ({error.strerror}): choose another one with --out."
        ) from error


def default_folder(model: str, data: str) -> Path:
    """A new name for a run: runs/<model>-<data>-<date-time>."""
    name = re.sub(r"[^\w.-]+", "-", f"{model}-{data}").strip("-")
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    path = Path("runs") / stem
    number = 2
    while path.exists():
        path = Path("runs") / f"{stem}-{number}"
        number += 1
    return path


def environment() -> dict:
    """Versions and machine: what a number depends on beside the code."""
    return {
        "versions": {
            "python": platform.python_version(),
            "tinynet": tinynet.__version__,
            **{name: metadata.version(name) for name in LIBRARIES},
        },
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": num_threads(),
        },
    }


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or a kind of processor without that line
        return platform.processor() or platform.machine()


def describe_parts(trainer: Trainer) -> dict[str, Any]:
    """What can be told of a training by its parts; the command line knows, and says, more."""
    model, schedule, average = trainer.model, trainer.schedule, trainer.average
    return {
        **(getattr(model, "config", None) or {"model": type(model).__name__}),
        "optimizer": type(trainer.optimizer).__name__,
        "lr": trainer.optimizer.lr,
        "schedule": type(schedule).__name__ if schedule else None,
        "loss": getattr(trainer.loss, "__name__", repr(trainer.loss)),
        **trainer.smoothing,
        **({"average": average.decay} if average else {}),
    }


def describe_data(train: Dataset, validation: Dataset | None, test: Dataset | None) -> dict:
    """The data set's entry in run.json."""
    return {
        "name": train.name,
        "source": train.source,
        "synthetic": is_synthetic(train),
        "image_shape": list(train.image_shape),
        "class_names": list(train.class_names),
        "training_images": len(train),
        "validation_images": _length(validation),
        "test_images": _length(test),
    }


def is_synthetic(dataset: Dataset) -> bool:
    """Whether the images are the drawn garments rather than photographs."""
    return dataset.name == SYNTHETIC


def _length(items: Sequence | Dataset | None) -> int | None:
    return None if items is None else len(items)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")

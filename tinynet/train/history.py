"""History: what was measured in each epoch; a list that any JSON reader understands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from .files import write_json

COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")


class History(list[dict]):
    """A list with one dict per finished epoch.

    epoch: from 1. loss, accuracy: means over the epoch's training batches, taken while learning.
    val_loss, val_accuracy: measured after the epoch on the validation set; None without one.
    seconds: of training, without the validation.
    """

    def column(self, name: str) -> list:
        """One measure over all epochs, such as `history.column("val_accuracy")`."""
        return [record[name] for record in self]

    def save(self, path: str | Path) -> None:
        """Write the history as a JSON list."""
        write_json(path, self)

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote. Raises CheckpointError if the file is something else."""
        try:
            records = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} is not there: give the history.json of a run.") from None
        except ValueError:
            records = None
        return cls.checked(records, path)

    @classmethod
    def checked(cls, records: Any, path: str | Path) -> History:
        """`records`, read from `path`, as a history. Raises CheckpointError if they are something else."""
        if not (isinstance(records, list) and all(map(_is_epoch, records))):
            raise CheckpointError(f"{path} is not a history: expected a list of epochs with {COLUMNS}.")
        return cls(records)

    def __str__(self) -> str:
        """A table with one line per epoch."""
        return "\n".join(["  ".join(f"{name:>12}" for name in COLUMNS), *map(_row, self)])


def _is_epoch(record: Any) -> bool:
    return isinstance(record, dict) and set(COLUMNS) <= set(record)


def _row(record: dict) -> str:
    values = (record[name] for name in COLUMNS)
    cells = (
        "" if value is None else f"{value:.4f}" if isinstance(value, float) else value for value in values
    )
    return "  ".join(f"{cell:>12}" for cell in cells)

"""The settings of a training: their defaults, what they may be, and how they come back from a run folder.

Apart from `session.py`, which trains by them: here they are words and numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError

if TYPE_CHECKING:
    from ..train import RunFolder

DEFAULTS = {
    "model": "separable-cnn",
    "data": "auto",
    "epochs": 10,
    "batch_size": 32,
    "limit": None,
    "skip_bad": None,
    "cache": None,
    "validation_split": None,
    "seed": 0,
    "optimizer": "adam",
    "lr": None,
    "schedule": "cosine",
    "weight_decay": None,
    "label_smoothing": None,
    "average": None,
    "augment": None,
    "width": None,
    "resolution": None,
    "stem_stride": None,
}

CHOICES = {
    "optimizer": ("adam", "adamw", "rmsprop", "sgd"),
    "schedule": ("cosine", "constant", "one-cycle"),
}
KINDS = {  # of settings that may be None
    "limit": int,
    "skip_bad": bool,
    "cache": bool,
    "validation_split": float,
    "lr": float,
    "weight_decay": float,
    "label_smoothing": float,
    "average": float,
    "augment": str,
    "width": float,
    "resolution": int,
    "stem_stride": int,
}


def settings_of(folder: RunFolder) -> dict[str, Any]:
    """The settings with which the run was begun.

    Raises CheckpointError if it was not by `begin`, or if they are none that it could have written.
    """
    configuration = folder.record.get("configuration", {})
    settled = [name for name, value in DEFAULTS.items() if value is not None]
    missing = [name for name in (*settled, "options") if name not in configuration]
    if missing:
        raise CheckpointError(
            f"The run in {folder.path} was not begun by `tinynet train` (its run.json has no "
            f"{', '.join(missing)}): go on in Python, with Trainer.restore."
        )
    settings = {name: configuration.get(name) for name in DEFAULTS}
    wrong = [name for name, value in settings.items() if not _is_setting(name, value)]
    wrong += [] if isinstance(configuration["options"], dict) else ["options"]
    if wrong:
        raise CheckpointError(
            f"{folder.path / 'run.json'} is damaged: no training has {wrong[0]}={configuration[wrong[0]]!r}."
        )
    return settings


def _is_setting(name: str, value: Any) -> bool:
    """Whether a value of JSON is of the kind that the setting has."""
    if name in CHOICES:
        return value in CHOICES[name]
    if value is None:
        return DEFAULTS[name] is None
    kind = KINDS.get(name, type(DEFAULTS[name]))
    return type(value) is kind or (kind is float and type(value) is int)


def resolved(folder: str | None) -> str | None:
    """The place of a folder from wherever the run is gone on with."""
    return None if folder is None else str(Path(folder).resolve())

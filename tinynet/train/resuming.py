"""What a training needs to go on as if it had never stopped: taken from a trainer, and put back into one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import random
from ..arguments import whole_number
from ..errors import CheckpointError
from . import checkpoint
from .epoch import EpochUnderWay
from .history import History

if TYPE_CHECKING:
    from .trainer import Trainer


def state_of(trainer: Trainer) -> dict[str, Any]:
    """All that the next step depends on, but for the model's own weights."""
    average, epoch = trainer.average, trainer.under_way
    return {
        "optimizer": trainer.optimizer.state_dict(),
        "history": list(trainer.history),
        "steps": trainer.steps,
        "epoch": asdict(epoch) if epoch else None,
        "random": random.state(),
        "average": average.state_dict() if average else None,
    }


def restore(trainer: Trainer, path: str | Path) -> None:
    """Put the model and the state in the checkpoint `path`, or in that of a run folder, into the trainer.

    Raises CheckpointError if they are not complete, or not of such a training.
    """
    path = Path(path)
    path = path / "checkpoint.npz" if path.is_dir() else path
    state = checkpoint.load_state(path, trainer.model)
    try:
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.history = History.checked(state["history"], path)
        trainer.steps = whole_number("steps", state["steps"], 0)
        trainer.under_way = EpochUnderWay(**state["epoch"]) if state["epoch"] else None
        random.restore(state["random"])
        _restore_average(trainer, state.get("average"), path)
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise CheckpointError(f"{path} holds no complete training state: {reason}.") from error


def _restore_average(trainer: Trainer, saved: dict | None, path: Path) -> None:
    """The average of the weights goes on, and into the model."""
    average = trainer.average
    if (saved is None) != (average is None):
        has, lacks = ("the trainer", path) if saved is None else (path, "the trainer")
        raise CheckpointError(
            f"An average of the weights is in {has} and not in {lacks}: go on as the run was begun."
        )
    if average is not None and saved is not None:
        average.load_state_dict(saved)
        average.put_into(trainer.model)

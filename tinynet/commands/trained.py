"""A trained network with what is needed to use it, from a run folder or from a model file alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from .. import models
from ..errors import CheckpointError
from ..models import pretrained
from ..train import RunFolder, checkpoint
from ..train.run import SYNTHETIC

if TYPE_CHECKING:
    from ..nn import Sequential


class Trained(NamedTuple):
    """The network, the names of its classes, and the data it was trained on.

    shape: (H, W, C) of the images it takes.  folder: where results about it are written.
    synthetic, on_black: whether the images were the drawn garments, and whether they were light on black.
    data: what to give --data; None if that is not known.
    """

    model: Sequential
    shape: tuple[int, int, int]
    class_names: list[str]
    folder: Path
    data: str | None
    seed: int
    synthetic: bool
    on_black: bool


def open_trained(path: str) -> Trained:
    """Load the network saved in a run folder or `.npz` file, or the one of the package with that name.

    Raises MissingDataError, CheckpointError or InputError if there is none that can be used.
    """
    by_name = path in models.names() and not Path(path).exists()
    file = pretrained.weights(path) if by_name else checkpoint.model_file(path)
    model = cast("Sequential", checkpoint.load(file))
    assert model.classes is not None and model.input_shape is not None  # set by models.build
    metadata = checkpoint.read_metadata(file)
    names = metadata.get("class_names") or [f"class {k}" for k in range(model.classes)]
    seed = metadata.get("seed") or 0  # it decides which images of a folder were held out
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise CheckpointError(f"{file} is damaged: its class_names expect names, got {names!r}.")
    if not isinstance(seed, int):
        raise CheckpointError(f"{file} is damaged: its seed expects a whole number, got {seed!r}.")
    if len(names) != model.classes:
        raise CheckpointError(
            f"{file} names {len(names)} classes for a network of {model.classes}: "
            "save it again with the right class_names."
        )
    height, width, channels = model.input_shape
    data = metadata.get("data") if by_name else None
    if not by_name and Path(path).is_dir():
        data = RunFolder.open(path).record.get("configuration", {}).get("data")
    synthetic = metadata.get("data") == SYNTHETIC
    on_black = synthetic or metadata.get("data") == "fashion-mnist"
    folder = Path() if by_name else file.parent
    return Trained(model, (height, width, channels), names, folder, data, seed, synthetic, on_black)

"""Models and training states in files: `.npz` archives that hold arrays and JSON text, never code.

Two files make a run safe to interrupt at any moment:

- `model.npz`, written by `save`: weights, running statistics and the recipe to build the network again.
  It is what people share and what `load` reads.
- `checkpoint.npz`, written by `save_state`: all of that again plus the optimiser, the random streams
  and how far training had come. It depends on no other file, so there is no moment, between
  writing one and writing the other, in which a crash would leave a pair that does not fit.

Each is replaced as a whole (`files.replacing`). Reading uses `allow_pickle=False`: a file from a
stranger can be wrong, but it cannot run anything.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import models
from ..errors import CheckpointError, InputError, MissingDataError
from ..nn import Module
from .files import replacing

FORMAT = 1
HEADER = "tinynet"  # the entry with the JSON text
WEIGHTS = "weights/"
STATE = "state/"


def save(path: str | Path, model: Module, half: bool = False, **metadata: Any) -> None:
    """Write the model's weights and running statistics, and how to build it, to an `.npz` file.

    half: in half precision, float16, with three decimal digits; `load` gives the model's own precision back.
    metadata: anything JSON can hold, such as `class_names`; `read_metadata` gives it back.
    Raises InputError for metadata that JSON cannot hold, or values that half precision cannot. An existing
    file is replaced only when the new one is complete.
    """
    if not isinstance(model, Module):
        raise InputError(f"save expects a path and then a model, got {type(model).__name__} as the model.")
    header = {"kind": "model", **_recipe(model), "metadata": metadata}
    weights = _weights(model)
    _write(path, header, _halved(weights) if half else weights)


def load(path: str | Path, model: Module | None = None) -> Module:
    """The model saved at `path`, a file or a run folder, in evaluation mode.

    model: takes the weights; needed for a network that is not in the zoo and so cannot be built by name.
    Raises MissingDataError if there is no file, CheckpointError if it is damaged, no model, or does not
    fit; unknown and missing names are listed.
    """
    path = model_file(path)
    header, arrays = _read(path)
    if model is None:
        model = _build(path, header)
    model.load_state_dict(_stripped(arrays, WEIGHTS))
    return model.eval()


def read_metadata(path: str | Path) -> dict:
    """What was given to `save` beside the model: `{"class_names": [...], ...}`."""
    path = model_file(path)
    header, _ = _read(path, header_only=True)
    metadata = header.get("metadata", {})
    if not isinstance(metadata, dict):
        raise CheckpointError(f"{path} is damaged: its metadata expect names and values, got {metadata!r}.")
    return metadata


def model_file(path: str | Path) -> Path:
    """The file itself: a run folder stands for the `model.npz` in it."""
    path = Path(path)
    return path / "model.npz" if path.is_dir() else path


def save_state(path: str | Path, model: Module, state: dict) -> None:
    """Write the model and a nested `state` of JSON values and arrays, for `load_state`."""
    arrays: dict[str, np.ndarray] = {}
    header = {"kind": "checkpoint", **_recipe(model), "state": _pack(state, arrays)}
    _write(path, header, {**_weights(model), **arrays})


def load_state(path: str | Path, model: Module) -> dict:
    """Put the saved weights into `model` and return the `state` that was saved with them."""
    header, arrays = _read(Path(path))
    if header.get("kind") != "checkpoint":
        raise CheckpointError(
            f"{path} holds a model but no training state: resume from a run's checkpoint.npz."
        )
    try:
        state = _unpack(header["state"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} holds no training state that can be read: {error}.") from error
    model.load_state_dict(_stripped(arrays, WEIGHTS))
    return state


def _recipe(model: Module) -> dict:
    """How to build the network again: its zoo configuration and precision."""
    parameters = model.parameters()
    return {
        "format": FORMAT,
        "model": getattr(model, "config", None),
        "dtype": str(parameters[0].dtype) if parameters else "float32",
    }


def _build(path: Path, header: dict) -> Module:
    config = header.get("model")
    if config is None:
        raise CheckpointError(
            f"{path} holds the weights of a network that is not in the zoo: build that network and "
            "pass it, as in load(path, model)."
        )
    try:
        return models.build(config["model"], **config["options"]).astype(header["dtype"])
    except (InputError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} asks for a network that this version of tinynet cannot build: {error}"
        ) from error


def _weights(model: Module) -> dict[str, np.ndarray]:
    return {WEIGHTS + name: array for name, array in model.state_dict().items()}


def _halved(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    limit = float(np.finfo(np.float16).max)
    for name, array in arrays.items():
        largest = float(np.abs(array).max(initial=0.0))
        if not largest <= limit:
            raise InputError(
                f"{name} holds {largest:g}, and half precision ends at {limit:g}: save without half=True."
            )
    return {name: array.astype(np.float16) for name, array in arrays.items()}


def _stripped(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _write(path: str | Path, header: dict, arrays: dict[str, np.ndarray]) -> None:
    try:
        text = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"metadata expects values that JSON can hold: {error}.") from error
    with replacing(path) as file:
        np.savez(file, **{HEADER: np.array(text)}, **arrays)  # type: ignore[arg-type]


def _read(path: Path, header_only: bool = False) -> tuple[dict, dict[str, np.ndarray]]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            wanted = [HEADER] if header_only else archive.files
            arrays = {name: archive[name] for name in wanted}
        header = json.loads(str(arrays.pop(HEADER)))
        version = header["format"]
    except FileNotFoundError:
        raise MissingDataError(f"{path} is not there: give a saved model or a run folder.") from None
    except Exception as error:  # a damaged zip archive can raise almost anything
        raise CheckpointError(
            f"{path} is not a model of tinynet, or it is damaged or cut short "
            f"({type(error).__name__}): take another copy, or train again."
        ) from error
    if version != FORMAT:
        raise CheckpointError(
            f"{path} has format {version}, this version of tinynet reads format {FORMAT}: upgrade tinynet."
        )
    return header, arrays


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """`value` with its arrays moved to `arrays`, each replaced by the name it has there."""
    if isinstance(value, np.ndarray):
        name = f"{STATE}{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, arrays)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_pack(item, arrays) for item in value]}
    return {"value": value.item() if isinstance(value, np.generic) else value}


def _unpack(packed: dict, arrays: dict[str, np.ndarray]) -> Any:
    ((kind, content),) = packed.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: _unpack(item, arrays) for key, item in content}
    if kind == "list":
        return [_unpack(item, arrays) for item in content]
    return content

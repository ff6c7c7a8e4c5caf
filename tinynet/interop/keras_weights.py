"""The arrays of Keras's files, .weights.h5 and .keras, read with h5py alone: nothing in them can run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ConversionError
from .frameworks import require

INSIDE = "model.weights.h5"  # the member of a .keras archive


@contextmanager
def read(path: str | Path) -> Iterator[dict[str, list[Any]]]:
    """The arrays of each layer, not read yet: each has a `shape`, and `[()]` while the file is open.

    Raises CheckpointError if the file is damaged or reaches outside itself, ConversionError if it holds
    models within models, whose layers have no common order.
    """
    h5py = require("h5py")
    try:
        with h5py.File(_source(path), "r") as file:
            yield _layers(h5py, file, path)
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        if isinstance(error, CheckpointError | ConversionError):  # which are ValueErrors
            raise
        raise CheckpointError(
            f"{path} is no file of Keras's weights, or it is damaged or cut short ({type(error).__name__})."
        ) from None


def _source(path: str | Path) -> Any:
    if Path(path).suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(INSIDE))


def _layers(h5py: Any, file: Any, path: str | Path) -> dict[str, list[Any]]:
    if "layers" not in file:
        raise CheckpointError(
            f"{path} has no layers in the format of Keras 3: load it with Keras and save it again."
        )
    found, nested = {}, []
    for name in file["layers"]:
        layer = _own(h5py, file["layers"], name, path)
        if "layers" in layer:
            nested.append(name)
        if "vars" in layer:
            variables = _own(h5py, layer, "vars", path)
            arrays = [_own(h5py, variables, number, path) for number in sorted(variables, key=int)]
            if arrays:
                found[name] = arrays
    if nested:
        raise ConversionError(
            f"{path} holds models within its model ({', '.join(nested)}): load it in Keras, use from_keras."
        )
    return found


def _own(h5py: Any, group: Any, name: str, path: str | Path) -> Any:
    """A member that is stored in the file itself: HDF5 can also point into any other file."""
    link = group.get(name, getlink=True)
    member = group[name] if isinstance(link, h5py.HardLink) else None
    outside = isinstance(member, h5py.Dataset) and (member.is_virtual or member.external)
    if member is None or outside:
        raise CheckpointError(f"{path} is refused: {name} in it points into another file.")
    return member

"""Trained weights that are part of the package: where they are, and how a network gets them.

`weights/NAME.npz` is a file of `tn.save` in half precision, `weights/NAME.json` says what was measured with
it. `tinynet export` writes both. A file of its own because weights are data, and networks are code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..nn import Sequential

FOLDER = Path(__file__).parent / "weights"


def names() -> list[str]:
    """The networks of which there are trained weights."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def weights(name: str) -> Path:
    """The file with the weights of a network. Raises InputError if there is none."""
    if name not in names():
        there_are = f"there are of {', '.join(names())}" if names() else "there are none at all"
        raise InputError(
            f"There are no trained weights of {name} in the package; {there_are}: "
            f"train it, for instance with tinynet train {name}."
        )
    return FOLDER / f"{name}.npz"


def load(name: str, chosen: Mapping[str, Any]) -> Sequential:
    """The network with its trained weights, in float32 and in evaluation mode.

    chosen: options that were asked for. Raises InputError if the weights are of other ones.
    """
    from ..train import checkpoint  # which knows this package, to build what it loads

    path = weights(name)
    model = checkpoint.load(path)
    assert isinstance(model, Sequential) and model.config is not None  # made by `build`
    trained = model.config["options"]
    for option, value in chosen.items():
        if value != trained[option]:
            has = ", ".join(f"{option}={value}" for option, value in trained.items())
            raise InputError(
                f"The trained weights of {name} are for {has}, got {option}={value!r}: leave it out, or "
                "build the network without pretrained=True and train it."
            )
    return model

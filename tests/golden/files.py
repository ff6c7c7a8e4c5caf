"""The golden files: what PyTorch and Keras computed, by case, and with which versions."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from . import mobilenet
from .cases import Arrays, Case

HERE = Path(__file__).parent
FRAMEWORKS = ("torch", "keras")


class Golden:
    """The results of one framework.

    about: "versions", "facts" (defaults and the like), "inputs" (a checksum of each case's inputs), and
    "float32": how far the framework's own float32 lies from its float64, in units of rounding.
    """

    def __init__(self, framework: str, folder: Path = HERE) -> None:
        self.framework = framework
        self.arrays: Arrays = {}
        for path in paths(framework, folder):
            with np.load(path, allow_pickle=False) as file:
                self.arrays.update(file)
        self.about: dict[str, Any] = json.loads(str(self.arrays.pop("about")))

    def of(self, name: str) -> Arrays:
        """The arrays of one case."""
        prefix = f"{name} | "
        return {
            key.removeprefix(prefix): array for key, array in self.arrays.items() if key.startswith(prefix)
        }


def paths(framework: str, folder: Path = HERE) -> tuple[Path, Path]:
    """Where a framework's results are: the cases in float64, MobileNet in float32, which is enough there."""
    return folder / f"{framework}.npz", folder / f"{framework}-mobilenet.npz"


def write(path: Path, arrays: Arrays) -> None:
    """Write all arrays, or nothing."""
    unfinished = path.with_name(f".{path.name}")
    try:
        with open(unfinished, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def checksum(case: Case) -> int:
    """Of everything that goes into a case."""
    total = zlib.crc32(repr(case.options).encode())
    for name, array in {**case.arrays, **case.fixed}.items():
        total = zlib.crc32(f"{name} {array.shape} {array.dtype}".encode() + array.tobytes(), total)
    return total


def mobilenet_checksum() -> int:
    """Of MobileNet's weights and images."""
    total = 0
    for array in [*mobilenet.arrays().values(), mobilenet.images(), mobilenet.LABELS]:
        total = zlib.crc32(array.tobytes(), total)
    return total

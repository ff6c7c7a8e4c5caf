"""Which array of a file belongs to which layer; all that does not fit goes into one error."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ConversionError
from ..nn.module import Shape
from . import keras_plan, layouts, torch_plan

COUNTER = "num_batches_tracked"  # of PyTorch's batch norm; without effect where momentum is a number


class _Misfits:
    """What does not fit, kind by kind."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.unknown: list[str] = []
        self.shapes: list[str] = []

    def raise_if_any(self, path: str) -> None:
        kinds = {"missing": self.missing, "unknown": self.unknown, "of another shape": self.shapes}
        found = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)
        if found:
            raise ConversionError(f"{path} does not fit this network: {found}.")

    def fits(self, name: str, expected: Shape, found: Shape) -> bool:
        if expected == found or _core(expected) == _core(found):
            return True
        self.shapes.append(f"{name} (expected {expected}, got {found})")
        return False


def _core(shape: Shape) -> Shape:
    """A shape without axes of length 1 at an image's place: a dense layer may be a 1x1 convolution there."""
    return shape[2:] if shape[:2] == (1, 1) else shape[:-2] if shape[-2:] == (1, 1) else shape


def match_torch(
    path: str, parts: list[torch_plan.Part], arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays by our names and in our layouts, matched by name if all names are ours, else in order."""
    arrays = {name: array for name, array in arrays.items() if name.rpartition(".")[2] != COUNTER}
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        owner, _, attribute = name.rpartition(".")
        groups.setdefault(owner, {})[attribute] = array
    weighted = [part for part in parts if part.arrays]
    if set(groups) <= {part.path for part in weighted}:
        groups = {part.path: groups.get(part.path, {}) for part in weighted}
    misfits, state = _Misfits(), {}
    for part, owner in itertools.zip_longest(weighted, groups):
        group = groups.get(owner, {}) if owner is not None else {}
        wanted = {} if part is None else {layouts.TORCH_NAMES[own]: own for own in part.arrays}
        misfits.unknown += [f"{owner}.{name}".lstrip(".") for name in group if name not in wanted]
        for name, own in wanted.items():
            full = f"{part.path if owner is None else owner}.{name}".lstrip(".")
            layout = part.arrays[own]
            if name not in group:
                misfits.missing.append(f"{full} (for {part.name}.{own})")
            elif misfits.fits(full, layout.torch_shape, group[name].shape):
                state[f"{part.name}.{own}"] = layout.from_torch(group[name])
    misfits.raise_if_any(path)
    return state


def match_keras(
    path: str, parts: list[keras_plan.Part], groups: Mapping[str, list[Any]]
) -> dict[str, np.ndarray]:
    """The arrays by our names and in Keras's shapes.

    groups: the arrays of each layer of the file, under names like conv2d, conv2d_1, by which Keras counts
        the layers of a class. Our dense layers are 1x1 convolutions there if the file has no dense ones.
    """
    left = _by_class(groups)
    misfits, state = _Misfits(), {}
    for part in parts:
        if not part.weights:
            continue
        kind = _snake(part.kind)
        if kind == "dense" and "dense" not in left:
            kind = "conv2d"
        owner = left[kind].pop(0) if left.get(kind) else None
        found = [] if owner is None else groups[owner]
        for number, (own, array) in enumerate(part.weights.items()):
            full = f"{kind if owner is None else owner}/{number}"
            if number >= len(found):
                misfits.missing.append(f"{full} (for {own})")
            elif misfits.fits(full, array.shape, tuple(found[number].shape)):
                state[own] = np.asarray(found[number][()])
        misfits.unknown += [f"{owner}/{number}" for number in range(len(part.weights), len(found))]
    misfits.unknown += [owner for owners in left.values() for owner in owners]
    misfits.raise_if_any(path)
    return state


def _by_class(groups: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """Names of layers by their class, in the order of their numbers; the first has none."""
    classes: dict[str, list[tuple[int, str]]] = {}
    for name in groups:
        kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
        classes.setdefault(kind, []).append((int(number or 0), name))
    return {kind: [name for _, name in sorted(names)] for kind, names in classes.items()}


def _snake(kind: str) -> str:
    """BatchNormalization as batch_normalization, Conv2D as conv2d: how Keras names layers of a class."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower().replace("2_d", "2d")

"""Whole networks without gradients: one compiled call for all layers in a row, and nothing out of date.

`translation.py` turns layers into a program, which takes about a millisecond, and `program.py` runs it. A
program holds copies of the weights, so before each call `Together` makes sure that nothing has changed
since it was made: no option of a layer, no parameter, no running statistic. For the networks of this
project that takes one to twenty microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..conversion import DTYPES
from ..errors import TinynetError
from ..kernels.compiling import ready
from ..kernels.memory import aligned, empty
from ..kernels.threads import num_threads, region
from ..nn.activation import Dropout
from ..nn.dense import Flatten
from ..nn.module import Module, Shape
from ..tensor import Tensor, is_grad_enabled
from .assembly import Program
from .program import run, run_on_lanes
from .translation import are_in_evaluation, leaves, translate

_SERIAL = 4_000_000  # multiply-adds, some 50 microseconds: for less it does not pay to wake another core
_PIECES = 8  # blocks that a batch is cut into, at least, if it has so many images
_SIZES = 4  # sizes of images for which programs are kept
_UNKNOWN: Any = object()  # no program has been asked for, where None says that there is none
_KEPT = 1024 * 1024  # numbers of scratch memory kept from call to call, at most

_kept: dict[np.dtype, np.ndarray] = {}


def match(layers: Sequence[Module], start: int) -> tuple[int, Together] | None:
    """A pattern for `plan.py`: as many layers as can be translated, if one of them has any work to do."""
    found: list[Module] = []
    count = 0
    for layer in layers[start:]:
        inner = leaves(layer)
        if inner is None or not are_in_evaluation(inner):
            break
        found += inner
        count += 1
    if all(isinstance(leaf, Dropout | Flatten) for leaf in found):
        return None
    return count, Together(layers[start : start + count])


class Together:
    """Some layers in a row as one step: `x -> tensor`, or None where only the layers themselves will do."""

    def __init__(self, layers: Sequence[Module]) -> None:
        self._layers = layers
        self._reading = _Reading(layers)

    def __call__(self, x: Any) -> Tensor | None:
        array = _images(x)
        if array is None or is_grad_enabled():
            return None
        reading = self._reading  # taken once: another thread may exchange it
        if not reading.is_current():
            reading = self._reading = _Reading(self._layers)
        program = reading.program(array.shape[1:], array.dtype)
        return None if program is None else Tensor._own(_run(program, array))


def _images(x: Any) -> np.ndarray | None:
    """The array of x, at least one image, or None if the layers would have something to say about it."""
    if isinstance(x, Tensor):
        array = x._array
    elif isinstance(x, np.ndarray) and x.dtype in DTYPES:
        array = np.asarray(x)
    else:
        return None
    return ready(array) if array.ndim and len(array) else None


def _run(program: Program, x: np.ndarray) -> np.ndarray:
    """The results for images x (N, ...). Blocks depend on N alone, so that bits depend on no thread."""
    N = len(x)
    block = min(program.block, max(1, N // _PIECES))
    y = empty((N, *program.shape), x.dtype)
    images = x.reshape(-1), y.reshape(-1), N, block
    with region:
        if N * program.multiply_adds < _SERIAL:
            run(program.stages, program.weights, _scratch(program, 1), *images, 0, 1)
        else:
            lanes = min(num_threads(), -(-N // block))
            scratch = _scratch(program, lanes).reshape(lanes, program.scratch)
            run_on_lanes(program.stages, program.weights, scratch, *images, lanes)
    return y


def _scratch(program: Program, lanes: int) -> np.ndarray:
    """Scratch memory for some lanes. A little is kept from call to call, for whoever is in `region`."""
    dtype, size = program.weights.dtype, lanes * program.scratch
    if size > _KEPT:
        return empty((size,), dtype)
    kept = _kept.get(dtype)
    if kept is None or len(kept) < size:
        kept = _kept[dtype] = aligned((size,), dtype)
    return kept[:size]


class _Reading:
    """What layers were like at one moment, and the programs made from them then.

    Everything a result depends on is an option in an attribute, a parameter or a running statistic. The
    attributes of all modules are compared with those remembered: identical objects are equal, and options
    never change in place (`leaves`). A parameter that the library changes gets another storage or another
    version; what others may have written to, the arrays they hold and all running statistics, is compared
    by content. Where something that cannot be translated has come in, no reading is current.
    """

    def __init__(self, layers: Sequence[Module]) -> None:
        parts = [leaves(layer) for layer in layers]
        self._leaves = None if None in parts else [leaf for part in parts if part for leaf in part]
        self._programs: dict[tuple[Shape, np.dtype], Program | None] = {}
        if self._leaves is not None:
            self._remember(layers)

    def _remember(self, layers: Sequence[Module]) -> None:
        modules = [module for layer in layers for _, module in layer.named_modules()]
        self._attributes = [vars(module) for module in modules]
        self._seen = [_remembered(attributes) for attributes in self._attributes]
        values = [value for attributes in self._attributes for value in attributes.values()]
        self._parameters = [value for value in values if isinstance(value, Tensor)]
        self._storages = [parameter._storage for parameter in self._parameters]
        self._versions = [storage.version for storage in self._storages]
        self._statistics = [
            (attributes, name)
            for module, attributes in zip(modules, self._attributes, strict=True)
            for name in module.buffer_names
        ]
        self._bytes = self._contents()

    def is_current(self) -> bool:
        """Whether nothing has changed since."""
        if self._leaves is None:
            return False
        try:
            return (
                self._attributes == self._seen
                and [parameter._storage for parameter in self._parameters] == self._storages
                and [storage.version for storage in self._storages] == self._versions
                and self._contents() == self._bytes
            )
        except (TinynetError, LookupError, TypeError, ValueError):
            return False  # a parameter or an array is another one, and would not be compared

    def _contents(self) -> bytes:
        """All bytes that may have changed without a trace."""
        arrays: list[Any] = [storage.array for storage in self._storages if storage.exposed]
        arrays += [attributes[name] for attributes, name in self._statistics]
        try:
            return b"".join(arrays)
        except BufferError:  # one is not contiguous
            return b"".join([array.tobytes() for array in arrays])

    def program(self, shape: Shape, dtype: np.dtype) -> Program | None:
        """The program for images of this shape and dtype, None if there is none."""
        if self._leaves is None:
            return None
        key = shape, dtype
        program = self._programs.get(key, _UNKNOWN)
        if program is _UNKNOWN:  # another thread may clear what is kept at any time
            program = translate(self._leaves, shape, dtype)
            if len(self._programs) >= _SIZES:
                self._programs.clear()
            self._programs[key] = program
        return program


def _remembered(attributes: dict[str, Any]) -> dict[str, Any]:
    """A copy that does not change with the original: lists of layers are copied too."""
    return {name: list(value) if isinstance(value, list) else value for name, value in attributes.items()}

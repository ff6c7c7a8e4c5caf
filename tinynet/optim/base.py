"""What all optimisers share: the list of parameters, their state, and the walk over them.

An optimiser defines which arrays it keeps for each parameter (`slots`) and how they are updated
(`_update`). The loops over the numbers are in `kernels/update.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..arguments import above_zero, named_arrays, not_negative
from ..errors import CheckpointError, InputError
from ..kernels.compiling import ready
from ..kernels.update import Part
from ..tensor import Tensor
from ..watching import watched


class Optimizer:
    """Base of the optimisers: `step()` changes the parameters by their gradients.

    parameters: tensors with requires_grad=True, such as `model.parameters()`.  lr: the learning
    rate, above 0. Raises InputError for anything else.
    """

    slots: tuple[str, ...] = ()
    """Names of the arrays of a parameter's shape that are kept between steps; they start as zeros."""

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = _checked_parameters(parameters)
        self.lr = above_zero("lr", lr)
        self._steps = [0] * len(self.parameters)
        # The slots of each parameter in their order, as arrays of one dimension; empty before its first step.
        self._state: list[dict[str, np.ndarray]] = [{} for _ in self.parameters]

    @property
    def lr(self) -> float:
        """The learning rate. Schedules set it before each step and may end at 0."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = not_negative("lr", value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters, lr={self.lr:g})"

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the others stay as they are.

        Raises InputError, and changes nothing, if a gradient was replaced by one of another shape.
        """
        watched(self, "update", self._update_all)

    def _update_all(self) -> None:
        parts: dict[int, list[Part]] = {}  # by number of step, as a parameter may have sat some out
        copies = []
        for index, grad in self._gradients():
            self._steps[index] += 1
            self.parameters[index]._storage.begin_write()
            array = self.parameters[index]._array
            row = ready(array).reshape(-1)
            if not array.flags.carray:
                copies.append((array, row))
            if len(self._state[index]) < len(self.slots):
                self._begin_state(index)
            kept = self._state[index].values()
            parts.setdefault(self._steps[index], []).append((row, ready(grad).reshape(-1), *kept))
        for step, group in parts.items():
            self._update(step, group)
        for array, row in copies:
            array[...] = row.reshape(array.shape)

    def _gradients(self) -> list[tuple[int, np.ndarray]]:
        """The positions of the parameters that have a gradient, and the gradients, all checked."""
        found = []
        for index, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                continue
            array = parameter._array
            grad = np.asarray(parameter.grad, dtype=array.dtype)
            if grad.shape != array.shape:
                raise InputError(
                    f"step() expects a gradient of shape {array.shape} for parameter {index}, "
                    f"got {grad.shape}: let backward() set it."
                )
            found.append((index, grad))
        return found

    def _update(self, step: int, parts: list[Part]) -> None:
        """Change parameters and what is kept for them in place; it is the `step`th step of each, from 1.

        Each part is a tuple of arrays of one dimension: parameter, gradient, and the slots in their order.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update rule: define _update().")

    def _begin_state(self, index: int) -> None:
        array, before = self.parameters[index]._array, self._state[index]
        self._state[index] = {
            name: before[name] if name in before else np.zeros(array.size, array.dtype) for name in self.slots
        }

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all that the next step depends on, by name, ready for `np.savez`.

        "lr", and for each parameter "<position>.step" and "<position>.<slot>". Options such as the
        momentum are not part of it: they are given when the optimiser is built.
        """
        state = {"lr": np.array(self.lr)}
        for index, (step, arrays) in enumerate(zip(self._steps, self._state, strict=True)):
            state[f"{index}.step"] = np.array(step)
            shape = self.parameters[index].shape
            state.update((f"{index}.{name}", array.reshape(shape).copy()) for name, array in arrays.items())
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()` of the same kind of optimiser with the same parameters.

        Raises CheckpointError, and changes nothing, if names, shapes or values do not fit;
        InputError for what is no dict of arrays.
        """
        arrays = named_arrays(state)
        problems = self._misfits(arrays)
        if problems:
            raise CheckpointError(
                f"The saved state does not fit this {type(self).__name__} of {len(self.parameters)} "
                f"parameters: {'; '.join(problems)}. Build the same optimiser for the same model."
            )
        self.lr = float(arrays["lr"])
        for index, parameter in enumerate(self.parameters):
            self._steps[index] = int(arrays[f"{index}.step"])
            self._state[index] = {
                name: np.array(arrays[f"{index}.{name}"], dtype=parameter.dtype, order="C").reshape(-1)
                for name in self.slots
                if f"{index}.{name}" in arrays
            }

    def _misfits(self, arrays: dict[str, np.ndarray]) -> list[str]:
        """What is wrong with a saved state; slots of a parameter that has made no step may be missing."""
        required: dict[str, tuple[int, ...]] = {"lr": ()}
        optional: dict[str, tuple[int, ...]] = {}
        for index, parameter in enumerate(self.parameters):
            required[f"{index}.step"] = ()
            started = f"{index}.step" in arrays and np.any(arrays[f"{index}.step"] != 0)
            group = required if started else optional
            group.update((f"{index}.{name}", parameter.shape) for name in self.slots)
        known = {**required, **optional}
        missing = [f"{name} is missing" for name in required if name not in arrays]
        unknown = [f"{name} is unknown" for name in arrays if name not in known]
        misshapen = [
            f"{name} has shape {arrays[name].shape}, expected {shape}"
            for name, shape in known.items()
            if name in arrays and arrays[name].shape != shape
        ]
        if missing or unknown or misshapen:
            return missing + unknown + misshapen
        return [problem for name, array in arrays.items() for problem in _faults(name, array)]


def _faults(name: str, array: np.ndarray) -> list[str]:
    """What is wrong with the values of one entry of a saved state, if anything."""
    kind = array.dtype.kind
    if name == "lr":
        fits = kind in "iuf" and np.isfinite(array) and array >= 0
        return [] if fits else [f"lr expects a finite number of 0 or more, got {array}"]
    if name.endswith(".step"):
        fits = kind in "iu" and array >= 0
        return [] if fits else [f"{name} expects a whole number of 0 or more, got {array}"]
    if kind != "f":
        return [f"{name} expects floating-point values, got {array.dtype}"]
    return [f"{name} expects values without NaN"] if np.isnan(array).any() else []


def _checked_parameters(parameters: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        raise InputError(
            f"parameters expects a list of tensors, got {type(parameters).__name__}: pass model.parameters()."
        )
    found = list(parameters)
    if not found:
        raise InputError("parameters expects at least one tensor to train, got none.")
    for position, parameter in enumerate(found):
        if not isinstance(parameter, Tensor) or not parameter.requires_grad:
            what = "without requires_grad=True " if isinstance(parameter, Tensor) else ""
            raise InputError(
                f"parameters expects tensors with requires_grad=True, got a {type(parameter).__name__} "
                f"{what}at position {position}: pass model.parameters()."
            )
    if len({id(parameter) for parameter in found}) < len(found):
        raise InputError("parameters expects each tensor once, got one of them twice.")
    return found

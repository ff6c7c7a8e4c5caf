"""What all optimisers share: the list of parameters, their state, and the walk over memory.

An optimiser defines which arrays it keeps for each parameter (`slots`) and how one block of numbers
is updated (`_update`). The base class cuts the arrays into blocks small enough for the processor's
cache, so the formulas can be written as plain NumPy: their temporaries never leave the cache,
however large the model is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..arguments import above_zero, named_arrays, not_negative
from ..errors import CheckpointError, InputError
from ..tensor import Tensor
from ..watching import watched

# 64 KB in float32: an update touches four arrays and a few temporaries, together under 1 MB of cache.
BLOCK = 16_384


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
        for index, grad in self._gradients():
            state = self._state_of(index)
            self._steps[index] += 1
            with self.parameters[index]._writing() as array:
                for part, *rest in _blocks(array, grad, *(state[name] for name in self.slots)):
                    self._update(self._steps[index], part, *rest)

    def _gradients(self) -> list[tuple[int, np.ndarray]]:
        """The positions of the parameters that have a gradient, and the gradients, all checked."""
        found = []
        for index, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                continue
            grad = np.asarray(parameter.grad, dtype=parameter.dtype)
            if grad.shape != parameter.shape:
                raise InputError(
                    f"step() expects a gradient of shape {parameter.shape} for parameter {index}, "
                    f"got {grad.shape}: let backward() set it."
                )
            found.append((index, grad))
        return found

    def _update(self, step: int, parameter: np.ndarray, grad: np.ndarray, *slots: Any) -> None:
        """Change one block of a parameter and of its slots in place; `step` counts from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no update rule: define _update().")

    def _state_of(self, index: int) -> dict[str, np.ndarray]:
        state = self._state[index]
        for name in self.slots:
            if name not in state:
                state[name] = np.zeros_like(self.parameters[index]._array, order="C")
        return state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all that the next step depends on, by name, ready for `np.savez`.

        "lr", and for each parameter "<position>.step" and "<position>.<slot>". Options such as the
        momentum are not part of it: they are given when the optimiser is built.
        """
        state = {"lr": np.array(self.lr)}
        for index, (step, arrays) in enumerate(zip(self._steps, self._state, strict=True)):
            state[f"{index}.step"] = np.array(step)
            state.update((f"{index}.{name}", array.copy()) for name, array in arrays.items())
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
                name: np.array(arrays[f"{index}.{name}"], dtype=parameter.dtype, order="C")
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


# Below about 1e-38 (float32) a number is subnormal, and each calculation with one costs a modern processor
# dozens of cycles instead of less than one. A running mean that is only multiplied by 0.9 ends there and
# stays: 0.9 times the smallest subnormal number rounds to itself. With every unit that has died a training
# would become slower for good. So what an optimiser keeps is held away from there, by these two functions.


def settle(running: np.ndarray) -> None:
    """Round a running mean in place to a multiple of a unit far below any gradient: 2e-31 in float32.

    What is smaller becomes 0, what is above 1e-16 stays as it is. The unit leaves room below it for the
    product with a learning rate. Adding and subtracting is several times faster than writing through a mask.
    """
    kind = np.finfo(running.dtype)
    unit = kind.tiny * kind.dtype.type(2**24)
    running += unit / kind.eps
    running -= unit / kind.eps


def square(grad: np.ndarray) -> np.ndarray:
    """grad², but never below 1e-32 in float32, the square of 1e-16.

    The root of it is compared with eps, which is 1e-8: a gradient of that size cannot be told from 0.
    """
    kind = np.finfo(grad.dtype)
    least = np.sqrt(kind.tiny) * kind.dtype.type(2**10)
    size = np.abs(grad)
    np.maximum(size, least, out=size)
    size *= size
    return size


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Matching pieces of arrays of one shape, as views; all at once if the first is not contiguous."""
    if not arrays[0].flags.c_contiguous:
        yield arrays
        return
    rows = [array.reshape(-1) for array in arrays]
    for start in range(0, rows[0].size, BLOCK):
        yield tuple(row[start : start + BLOCK] for row in rows)


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

"""Parameter and Module: how a network finds its weights and saves them.

Nothing here is automatic at assignment. A module is an ordinary object; when somebody asks for its
parameters it looks through its own attributes, in the order in which they were set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from ..arguments import named_arrays
from ..conversion import DTYPES
from ..errors import CheckpointError, DTypeError, InputError
from ..storage import Storage
from ..tensor import Tensor

Shape = tuple[int, ...]
Observer = Callable[["Module", Any], None]
ModuleType = TypeVar("ModuleType", bound="Module")

_observers: list[Observer] = []


@contextmanager
def observing(callback: Observer) -> Iterator[None]:
    """Call `callback(module, output)` after every module's forward while it lasts.

    Inner modules come before the one that holds them. This is how a profile or the search for the
    first NaN looks inside a network. One list serves all threads; while it is empty, a call of a
    module costs nothing more.
    """
    _observers.append(callback)
    try:
        yield
    finally:
        _observers.remove(callback)


def is_observed() -> bool:
    """Whether somebody is watching the outputs of single modules."""
    return bool(_observers)


class Parameter(Tensor):
    """A tensor that is trained: it requires a gradient, and owns a copy of the array it is given.

    As nobody else holds that copy, the engine need not watch it; optimisers announce their changes.
    """

    __slots__ = ()

    def __init__(self, array: Any, name: str | None = None) -> None:
        super().__init__(array, requires_grad=True, name=name)
        self._replace(np.array(self._array, order="C"))

    def convert(self, dtype: Any) -> None:
        """Change to float32 or float64. The gradient, which has the old dtype, is dropped."""
        self._replace(self._array.astype(dtype))
        self.grad = None

    def _replace(self, array: np.ndarray) -> None:
        self._storage = Storage(array, exposed=False)


class Module:
    """A part of a network: parameters, inner modules, and a `forward` that applies them.

    A subclass sets its parts as attributes and defines `forward`; to appear in summaries it also
    defines `output_shape` and `multiply_adds`. Parameters and modules are found in attributes, also
    inside lists and tuples; a name is the path that leads there: `layers.0.weight` is
    `model.layers[0].weight`. A parameter or module that can be reached twice counts once, at its
    first name.
    """

    training: bool = True
    """Whether dropout drops and batch norm uses the batch; set by `train()` and `eval()`."""

    buffer_names: tuple[str, ...] = ()
    """Attributes holding arrays that belong to the saved state but are not trained."""

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; call the module itself instead, so that observers see it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x): define it.")

    def __call__(self, *inputs: Any) -> Any:
        output = self.forward(*inputs)
        for observer in tuple(_observers):
            observer(self, output)
        return output

    # Shapes and costs, without running

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output for an input of `input_shape`, both without the batch axis."""
        raise NotImplementedError(f"{type(self).__name__} has no output_shape(self, input_shape): define it.")

    def multiply_adds(self, input_shape: Shape) -> int:
        """Products of the convolutions and dense layers for one image of `input_shape` (H, W, C).

        As the MobileNet paper counts: a product and its addition are one; biases, normalisation and
        activations are not counted.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no multiply_adds(self, input_shape): define it."
        )

    # What is inside

    def _walk(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Parameter | Module]]:
        """Every parameter and module inside, depth first, each under its first name only."""
        for attribute, value in vars(self).items():
            for name, part in _parts(prefix + attribute, value):
                if id(part) in seen:
                    continue
                seen.add(id(part))
                yield name, part
                if isinstance(part, Module):
                    yield from part._walk(f"{name}.", seen)

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The module itself, under the name "", and every module inside."""
        yield "", self
        for name, part in self._walk("", {id(self)}):
            if isinstance(part, Module):
                yield name, part

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter inside with its dotted name, in the order of definition."""
        for name, part in self._walk("", {id(self)}):
            if isinstance(part, Parameter):
                yield name, part

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every array that is saved but not trained, such as the running mean of a batch norm."""
        for name, module, attribute in self._buffers():
            yield name, getattr(module, attribute)

    def _buffers(self) -> Iterator[tuple[str, Module, str]]:
        for name, module in self.named_modules():
            for attribute in module.buffer_names:
                yield (f"{name}.{attribute}" if name else attribute), module, attribute

    def parameters(self) -> list[Parameter]:
        """Every parameter inside, in the order of definition: what an optimiser is given."""
        return [parameter for _, parameter in self.named_parameters()]

    def parameter_count(self, trainable_only: bool = False) -> int:
        """How many numbers are saved; running statistics count, as they do in Keras's total."""
        trainable = sum(parameter.size for parameter in self.parameters())
        if trainable_only:
            return trainable
        return trainable + sum(array.size for _, array in self.named_buffers())

    # Modes and gradients

    def train(self: ModuleType, mode: bool = True) -> ModuleType:
        """Switch this module and all inside to training, and return it."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self: ModuleType) -> ModuleType:
        """Switch this module and all inside to evaluation, and return it."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def astype(self: ModuleType, dtype: Any) -> ModuleType:
        """Convert parameters and buffers to float32 or float64, in place, and return the module.

        An optimiser keeps arrays of the parameters' dtype: make it after the conversion.
        Raises DTypeError for any other dtype.
        """
        if not _is_supported(dtype):
            raise DTypeError(f"astype expects float32 or float64, got {dtype!r}.")
        for parameter in self.parameters():
            parameter.convert(dtype)
        for _, module, attribute in self._buffers():
            setattr(module, attribute, getattr(module, attribute).astype(dtype))
        return self

    # The saved state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers by dotted name."""
        state = {name: parameter._array.copy() for name, parameter in self.named_parameters()}
        state.update((name, array.copy()) for name, array in self.named_buffers())
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy the arrays of a `state_dict()` into this module.

        Floating-point values of another precision are converted to the parameter's. Raises
        CheckpointError, and changes nothing, if any name is missing or unknown or any array has
        another shape or no floating-point values; the message lists all of them. Raises InputError
        for what is no dict of arrays.
        """
        arrays = named_arrays(state)
        self._check_fit(arrays)
        for name, parameter in self.named_parameters():
            with parameter._writing() as target:
                target[...] = arrays[name]
        for name, module, attribute in self._buffers():
            setattr(module, attribute, arrays[name].astype(getattr(module, attribute).dtype))

    def _check_fit(self, arrays: dict[str, np.ndarray]) -> None:
        own: dict[str, Shape] = {name: part.shape for name, part in self.named_parameters()}
        own.update((name, array.shape) for name, array in self.named_buffers())
        common = [name for name in own if name in arrays]
        problems = {
            "missing": [name for name in own if name not in arrays],
            "unknown": [name for name in arrays if name not in own],
            "of another shape": [
                f"{name} (expected {own[name]}, got {arrays[name].shape})"
                for name in common
                if arrays[name].shape != own[name]
            ],
            "not floating-point": [
                f"{name} ({arrays[name].dtype})" for name in common if arrays[name].dtype.kind != "f"
            ],
        }
        found = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in problems.items() if names)
        if found:
            raise CheckpointError(
                f"The saved state does not fit this {type(self).__name__}: {found}. "
                "Build the model with the same options as the saved one."
            )

    def __repr__(self) -> str:
        """The class and, one per line, the modules directly inside."""
        lines = [
            f"  {name}: {indented(part)}"
            for attribute, value in vars(self).items()
            for name, part in _parts(attribute, value)
            if isinstance(part, Module)
        ]
        body = "\n".join(lines)
        return f"{type(self).__name__}(\n{body}\n)" if lines else f"{type(self).__name__}()"


def indented(module: Module) -> str:
    """The text of an inner module, for the second and later lines of its container's."""
    return repr(module).replace("\n", "\n  ")


def _is_supported(dtype: Any) -> bool:
    try:
        return dtype is not None and np.dtype(dtype) in DTYPES  # NumPy reads None as float64
    except TypeError:
        return False


def _parts(path: str, value: Any) -> Iterator[tuple[str, Parameter | Module]]:
    """The parameters and modules in one attribute: itself, or the items of a list or tuple."""
    if isinstance(value, Parameter | Module):
        yield path, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _parts(f"{path}.{index}", item)
    elif isinstance(value, dict | set | frozenset):
        items = value.values() if isinstance(value, dict) else value
        if any(isinstance(item, Parameter | Module) for item in items):
            raise InputError(
                f"{path} holds parameters or modules in a {type(value).__name__}, where "
                "nobody would train or save them: keep them in attributes, lists or tuples."
            )

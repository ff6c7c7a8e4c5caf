"""Networks to PyTorch and back: `to_torch`, `from_torch`.

After a conversion outputs and all gradients are the same but for rounding, in training and in evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import nn
from ..errors import ConversionError, InputError
from ..nn.module import Shape
from .flow import Problems
from .frameworks import require
from .reading import Reader
from .torch_plan import Part, pairs, plan, to_torch_names
from .torch_reading import KINDS


def to_torch(model: nn.Sequential, input_shape: Shape | None = None) -> Any:
    """A torch.nn.Sequential that computes the same, with copies of the weights, in the model's mode.

    Its child i is the layer model[i]: one module, or a torch.nn.Sequential where PyTorch needs several. It
    takes images (N, C, H, W). Parameters that are frozen here are frozen there.
    input_shape: (H, W, C), or (C,) for rows; None: what `models.build` has noted. Without either, a layer
        whose equal depends on it is refused.
    Raises ConversionError with all layers that PyTorch has no equal for, InputError if it is not installed.
    """
    if not isinstance(model, nn.Sequential):
        raise InputError(f"to_torch expects a Sequential, got {type(model).__name__}: wrap it in one.")
    parts = plan(model, input_shape)
    torch = require("torch")
    with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
        module = _assembled(torch, parts)
    arrays = to_torch_names(parts, model.state_dict())
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    for part in parts:
        if part.kind.startswith("BatchNorm"):
            state[f"{part.path}.num_batches_tracked"] = torch.tensor(0)
    module.load_state_dict(state, assign=True)
    parameters = dict(model.named_parameters())
    for names in pairs(parts):
        if names.own in parameters:
            module.get_parameter(names.torch).requires_grad_(parameters[names.own].requires_grad)
    return module.train(model.training)


def _assembled(torch: Any, parts: list[Part]) -> Any:
    """The parts as modules, those with a common beginning of their paths in a Sequential of their own."""
    root = torch.nn.Sequential()
    for part in parts:
        *outer, last = part.path.split(".")
        place = root
        for name in outer:
            if name not in dict(place.named_children()):
                place.add_module(name, torch.nn.Sequential())
            place = place.get_submodule(name)
        place.add_module(last, getattr(torch.nn, part.kind)(**part.options))
    return root


# The way back


def from_torch(module: Any, input_shape: Shape | None = None) -> nn.Sequential:
    """Our network that computes what a torch.nn.Sequential computes, with copies of its weights.

    Sequentials within become layers of one row. It takes images (N, H, W, C) and leaves rows (N, C) where the
    module leaves images of one pixel. Modes, precision and what is frozen are kept.
    input_shape: (H, W, C), or (C,) for rows; needed where what a module does depends on it.
    Raises ConversionError with all modules that cannot be converted, InputError if PyTorch is missing.
    """
    torch = require("torch")
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch expects a torch.nn.Module, got {type(module).__name__}.")
    problems = Problems(f"This {type(module).__name__} cannot be converted")
    reader = Reader(input_shape)
    seen: set[int] = set()
    for path, inner in _leaves(torch, module, ""):
        with problems.at(f"{path} {type(inner).__name__}".strip(), reader.lose):
            _check(torch, inner, seen)
            before = len(reader.layers)
            KINDS[type(inner).__name__](inner, reader)
            for layer in reader.layers[before:]:
                layer.train(inner.training)
    with problems.at("the end"):
        if reader.flow.flattened != 1 and not problems.found:
            raise ConversionError(
                "it is a flattened image, whose values we have in another order: leave the Flatten out"
            )
        model = reader.network(input_shape)
    problems.end()
    model.training = module.training
    return model


def _leaves(torch: Any, module: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The modules of nested Sequentials in order with their dotted paths, those that come twice too."""
    sequential = torch.nn.Sequential
    if not isinstance(module, sequential) or type(module).forward is not sequential.forward:
        yield path, module
        return
    for name, inner in module._modules.items():  # named_children leaves out what comes twice
        yield from _leaves(torch, inner, f"{path}.{name}".lstrip("."))


def _check(torch: Any, module: Any, seen: set[int]) -> None:
    """ConversionError unless the module is of a known kind and its weights are its own."""
    kind = type(module).__name__
    if kind not in KINDS or type(module) is not getattr(torch.nn, kind):
        hint = f"there are {', '.join(KINDS)}"
        if any(True for _ in module.children()):
            hint = "what its forward does cannot be seen: write it as a torch.nn.Sequential"
        raise ConversionError(f"there is no such layer here; {hint}")
    if id(module) in seen and any(True for _ in module.parameters()):
        raise ConversionError("it comes twice with the same weights, which would become two")
    seen.add(id(module))

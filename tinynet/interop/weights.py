"""Files of weights, of ours and of other frameworks, into a network that is there, and out of it.

    ending                 what it holds                         read with    written with
    .npz                   ours, with how to build the network
    .safetensors           PyTorch's names and layouts
    .pt .pth               a state_dict of PyTorch               PyTorch      PyTorch
    .weights.h5  .keras    weights, or a model, of Keras         h5py         Keras

Files of others say nothing of ours, so their arrays are matched with the layers in order: PyTorch's in the
order of the file, or by the numbers in their names where a file has lost it; those of Keras in the order of
each kind of layer. No file can run code here: a pickle that is more than arrays by name is refused.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..errors import CheckpointError, InputError, MissingDataError
from ..nn.module import Shape
from ..train import checkpoint, files
from . import keras_plan, safetensors, torch_plan
from .frameworks import require
from .keras_weights import read as read_keras
from .matching import match_keras, match_torch
from .onnx import check_target

ENDINGS = (".npz", ".safetensors", ".pt", ".pth", ".weights.h5", ".keras")


def load_weights(
    model: nn.Sequential,
    path: str | Path,
    input_shape: Shape | None = None,
    order: Sequence[str] | None = None,
) -> None:
    """Put the weights of a file into a network; nothing else about it changes, its precision neither.

    input_shape: (H, W, C), or (C,) for rows, where the network does not know; see `to_torch`.
    order: the first parts of the names in the order of the layers, as in ("features", "classifier"): for a
        safetensors file whose names are words, as such files are sorted by name.
    Raises MissingDataError if there is no file, CheckpointError if it is damaged or would run code,
    ConversionError with all names and shapes that do not fit; the network is then as before.
    """
    ending = check_ending(path)
    if not Path(path).is_file():
        raise MissingDataError(f"{path} is not there: give a file of weights.")
    if order and ending != ".safetensors":
        raise InputError(f"order is for safetensors files, which have lost theirs: leave it out for {path}.")
    if ending == ".npz":
        modes = [(module, module.training) for _, module in model.named_modules()]
        checkpoint.load(path, model)  # which is for evaluation
        for module, training in modes:
            module.training = training
        return
    if ending in (".weights.h5", ".keras"):
        parts = keras_plan.plan(model, _known(model, input_shape))
        with read_keras(path) as groups:
            state = match_keras(str(path), parts, groups)
        shapes = {name: array.shape for name, array in model.state_dict().items()}
        found = {name: array.reshape(shapes[name]) for name, array in state.items()}
        model.load_state_dict({**model.state_dict(), **found})
        return
    if ending == ".safetensors":
        arrays = _in_order(safetensors.read(path)[0], order)
    else:
        arrays = _state_dict(path)
    model.load_state_dict(match_torch(str(path), torch_plan.plan(model, input_shape), arrays))


def save_weights(model: nn.Sequential, path: str | Path, input_shape: Shape | None = None) -> None:
    """Write the weights of a network in the format that the ending of `path` names.

    An existing file is replaced when the new one is complete. A .keras file holds the whole model.
    Raises ConversionError if the other framework has no equal of a layer, InputError for another ending or
    if the framework is not installed.
    """
    ending = check_ending(path)
    check_target(path)
    if ending == ".npz":
        checkpoint.save(path, model)
    elif ending == ".safetensors":
        arrays = torch_plan.to_torch_names(torch_plan.plan(model, input_shape), model.state_dict())
        safetensors.write(path, arrays, {"format": "pt"})  # as libraries for PyTorch ask for
    elif ending in (".pt", ".pth"):
        from .torch import to_torch

        state = to_torch(model, input_shape).state_dict()
        with files.replacing(path) as file:
            require("torch").save(state, file)
    else:
        from .keras import to_keras

        module = to_keras(model, input_shape)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / f"model{ending}"
            module.save(copy) if ending == ".keras" else module.save_weights(copy)
            files.write_bytes(path, copy.read_bytes())


def check_ending(path: str | Path) -> str:
    """The one of ENDINGS that a file has; InputError if it has none of them."""
    name = Path(path).name
    for ending in ENDINGS:
        if name.endswith(ending):
            return ending
    raise InputError(f"A file of weights ends in {', '.join(ENDINGS)}, got {path}.")


def _known(model: nn.Sequential, input_shape: Shape | None) -> Shape:
    shape = model.input_shape if input_shape is None else input_shape
    if shape is None:
        raise InputError("To match layers of Keras, give input_shape, as in input_shape=(28, 28, 1).")
    return shape


def _in_order(arrays: Mapping[str, np.ndarray], order: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Arrays sorted by their names, numbers in them by value, after the words in `order`."""
    words = list(order or ())
    there = {name.split(".")[0] for name in arrays}
    if not there >= set(words):
        found = ", ".join(sorted(there))
        raise InputError(f"order names {', '.join(words)}; names in the file begin with {found}.")

    def place(name: str) -> tuple[int, list[tuple[int, str]]]:
        parts = name.split(".")
        first = words.index(parts[0]) if parts[0] in words else len(words)
        return first, [(int(part), "") if part.isdecimal() else (-1, part) for part in parts[:-1]]

    return {name: arrays[name] for name in sorted(arrays, key=place)}


def _state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a file of torch.save, in its order; CheckpointError if it is more than that."""
    torch = require("torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks to report pickles that it refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a damaged file it can be almost any
        code = re.search(r"GLOBAL (\S+)", str(error))
        if code:
            raise CheckpointError(
                f"{path} is refused: it is not only arrays, and reading it could run code ({code[1]}). Save "
                "module.state_dict(), not the module."
            ) from None
        raise CheckpointError(
            f"{path} is no state_dict of PyTorch, or it is damaged or cut short ({type(error).__name__})."
        ) from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]  # of a training state, as many write them
    if not isinstance(state, Mapping) or not all(_is_dense(value) for value in state.values()):
        raise CheckpointError(f"{path} holds something else than arrays by name: save module.state_dict().")
    return {str(name): _array(tensor) for name, tensor in state.items()}


def _is_dense(value: Any) -> bool:
    return hasattr(value, "numpy") and str(value.layout) == "torch.strided" and not value.is_quantized


def _array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()

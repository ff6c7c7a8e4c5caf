"""The other frameworks: imported when a function needs one, and what to install where one is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any, NamedTuple

from ..errors import InputError


class _Framework(NamedTuple):
    """What people call it, the modules without which it does nothing, and what pip installs."""

    label: str
    needs: tuple[str, ...]
    packages: str


_FRAMEWORKS = {
    "torch": _Framework("PyTorch", ("torch",), "torch"),
    "keras": _Framework("Keras", ("keras", "tensorflow"), "keras tensorflow-cpu"),
    "onnx": _Framework("onnx", ("onnx",), "onnx"),
    "onnxruntime": _Framework("ONNX Runtime", ("onnxruntime",), "onnxruntime"),
    "h5py": _Framework("h5py", ("h5py",), "h5py"),
}


def missing(name: str) -> str | None:
    """Why `require(name)` would fail, in a sentence; None if everything is installed. Imports nothing."""
    framework = _FRAMEWORKS[name]
    absent = [module for module in framework.needs if importlib.util.find_spec(module) is None]
    if not absent:
        return None
    parts = "" if absent == [name] else f" ({' and '.join(absent)} cannot be found)"
    return f"{framework.label} is not installed{parts}: pip install {framework.packages}"


def require(name: str) -> Any:
    """The module `torch`, `keras` (on TensorFlow), `onnx`, `onnxruntime` or `h5py`.

    Raises InputError that says what to install if it is missing, and why if it is there but does not load.
    """
    sentence = missing(name)
    if sentence is not None:
        raise InputError(sentence)
    if name == "keras":  # TensorFlow greets on stderr, where our errors are one sentence
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: a library that it is built on does not load
        framework = _FRAMEWORKS[name]
        raise InputError(
            f"{framework.label} is installed but does not load ({error}): "
            f"pip install --force-reinstall {framework.packages}"
        ) from error

"""Networks and weights of other frameworks: from them, to them, and beside them.

    from tinynet.interop import from_torch, to_keras, load_weights

Nothing here imports a framework before a function is called that needs it.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {  # the module of each function; importing it imports no framework either
    "from_keras": "keras",
    "from_torch": "torch",
    "load_weights": "weights",
    "save_weights": "weights",
    "to_keras": "keras",
    "to_onnx": "onnx",
    "to_torch": "torch",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name!r}; there are {', '.join(_HOMES)}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

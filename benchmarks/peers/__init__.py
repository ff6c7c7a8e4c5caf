"""Who is measured: tinynet and its rivals, each a module that builds a described network its own way."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A framework, and the ways it offers of doing the same task; the fastest of them counts.

    needs: the modules it has to import; variants: for each task it does, the ways of doing it.
    """

    name: str
    label: str
    module: str
    needs: tuple[str, ...]
    variants: dict[str, tuple[str, ...]]

    def missing(self) -> str | None:
        """Why it cannot be measured here, in a sentence; None if it can."""
        absent = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if not absent:
            return None
        return (
            f"{self.label} is left out: {' and '.join(absent)} cannot be imported "
            '(python -m pip install -e ".[compare]" installs it).'
        )


FORMATS = ("NCHW", "NHWC")

TINYNET = Peer(
    "tinynet",
    "tinynet",
    "benchmarks.peers.ours",
    (),
    {"training": ("",), "inference": ("",), "layer": ("",)},
)
RIVALS = (
    Peer(
        "pytorch",
        "PyTorch",
        "benchmarks.peers.pytorch",
        ("torch",),
        {"training": FORMATS, "inference": FORMATS, "layer": FORMATS},
    ),
    Peer(
        "keras",
        "Keras",
        "benchmarks.peers.keras_tensorflow",
        ("tensorflow", "keras"),
        {"training": ("fit",), "inference": ("function", "predict_on_batch")},
    ),
    Peer(
        "onnxruntime",
        "ONNX Runtime",
        "benchmarks.peers.onnx_runtime",
        ("onnxruntime", "onnx"),
        {"inference": ("",)},
    ),
)

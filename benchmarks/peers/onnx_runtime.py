"""ONNX Runtime as a peer, for inference: it runs the ONNX file of the network that the task names."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnxruntime

from ..worker import timed


def build(task: dict[str, Any]) -> _Inference:
    """A session over the file of the task's variant."""
    return _Inference(task)


class _Inference:
    """`session.run`, with all graph optimisations and the images in the layout that the file wants."""

    versions = f"ONNX Runtime {onnxruntime.__version__}"

    def __init__(self, task: dict[str, Any]) -> None:
        file = task["onnx"][task["variant"]]
        with np.load(task["weights"]) as arrays:  # a file has less: batch norm is part of the convolutions
            self.parameters = sum(array.size for array in arrays.values())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task["threads"]
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(file["path"], options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        with np.load(task["data"]) as data:
            images = data["images"]  # (batches, N, H, W, C)
        if file["mirrored"]:
            images = images[:, :, ::-1, ::-1]
        if file["channels_first"]:
            images = images.transpose(0, 1, 4, 2, 3)
        self.images = [np.ascontiguousarray(batch) for batch in images]

    def output(self) -> np.ndarray:
        return self._call(self.images[0][:2])

    def run(self, steps: int) -> dict[str, float]:
        batches = itertools.cycle(self.images)
        return timed(lambda: self._call(next(batches)), steps)

    def _call(self, images: np.ndarray) -> np.ndarray:
        return self.session.run(None, {self.input: images})[0]

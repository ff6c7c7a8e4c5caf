"""ONNX Runtime as a peer, for inference: the network is written as an ONNX graph and optimised by it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..worker import timed

OPSET = 17


def build(task: dict[str, Any]) -> _Inference:
    """A session over the task's network, with the task's weights."""
    return _Inference(task)


class _Inference:
    """`session.run`, with all graph optimisations and the images in the layout that it wants (NCHW)."""

    versions = f"ONNX Runtime {onnxruntime.__version__}"

    def __init__(self, task: dict[str, Any]) -> None:
        with np.load(task["weights"]) as arrays:
            graph = _translated(task["layers"], dict(arrays))
        self.parameters = sum(int(np.prod(array.dims)) for array in graph.graph.initializer)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task["threads"]
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        with np.load(task["data"]) as data:
            self.images = [np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) for batch in data["images"]]

    def output(self) -> np.ndarray:
        return self._call(self.images[0][:2])

    def run(self, steps: int) -> dict[str, float]:
        batches = itertools.cycle(self.images)
        return timed(lambda: self._call(next(batches)), steps)

    def _call(self, images: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"images": images})[0]


def _translated(layers: list[dict[str, Any]], arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The network as an ONNX model with one input `images` (N, C, H, W) and one output."""
    nodes, constants = [], {}
    value, image = "images", None
    for position, layer in enumerate(layers):
        own = {name: arrays[path] for name, path in layer["arrays"].items()}
        if layer["kind"] == "dense" and image is not None:  # its rows are in the order H, W, C
            rows = own["weight"].reshape(*image, -1).transpose(2, 0, 1, 3)
            own["weight"], image = rows.reshape(own["weight"].shape), None
        image = layer["input"] if layer["kind"] == "flatten" else image
        for kind, attributes, names in _nodes(layer, own):
            constants.update((f"{position}.{name}", own[name]) for name in names)
            inputs = [value, *(f"{position}.{name}" for name in names)]
            value = f"{position}.{kind}"
            nodes.append(helper.make_node(kind, inputs, [value], **attributes))
    height, width, channels = layers[0]["input"]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", channels, height, width])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", *layers[-1]["output"]])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


Node = tuple[str, dict[str, Any], list[str]]  # the operator, its attributes, the constants it takes


def _nodes(layer: dict[str, Any], own: dict[str, np.ndarray]) -> list[Node]:
    """The operators of one layer; convolution weights in `own` become (O, C, KH, KW)."""
    kind = layer["kind"]
    if kind in ("convolution", "depthwise"):
        weight = own["weight"] if kind == "convolution" else own["weight"][:, :, np.newaxis]
        own["weight"] = weight.transpose(3, 2, 0, 1)
        groups = layer["input"][-1] if kind == "depthwise" else 1
        window = {"kernel_shape": weight.shape[:2], "strides": layer["stride"], "pads": _pads(layer)}
        return [("Conv", {**window, "group": groups}, list(own))]
    if kind == "max_pool":
        window = {"kernel_shape": layer["size"], "strides": layer["stride"], "pads": _pads(layer)}
        return [("MaxPool", window, [])]
    return {
        "batch_norm": [("BatchNormalization", {"epsilon": layer.get("eps")}, list(own))],
        "dense": [("Gemm", {}, list(own))],
        "relu": [("Relu", {}, [])],
        "global_average": [("GlobalAveragePool", {}, []), ("Flatten", {}, [])],
        "flatten": [("Flatten", {}, [])],
        "dropout": [],
    }[kind]


def _pads(layer: dict[str, Any]) -> list[int]:
    (top, bottom), (left, right) = layer["pads"]
    return [top, left, bottom, right]

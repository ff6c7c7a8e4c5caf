"""Networks as ONNX files, which ONNX Runtime and many others run without Python and without tinynet.

What is written is the network in evaluation mode: dropout is gone, and batch norm is folded into the
convolution before it (the same numbers but for rounding, and one pass less over memory wherever the
runtime would not do it itself). The input "images" has our layout (N, H, W, C) with N free. ONNX convolves
images with channels first, so one transposition stands at the entrance; the rows of a dense layer after
Flatten are put in the order of channels first instead of turning the image back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, nn
from ..errors import ConversionError, InputError
from ..kernels.geometry import resolve_padding
from ..kernels.threads import num_threads
from ..nn.module import Module, Shape
from ..train import files
from .frameworks import require
from .plain import plain_layers

OPSET = 17  # of 2022: read by ONNX Runtime from 1.12 on
IR_VERSION = 8  # the version of the file format that came with this opset
INPUT, OUTPUT = "images", "output"

_UNORDERED = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.Dropout)  # to whom the order of values is the same


def to_onnx(model: nn.Sequential, path: str | Path, input_shape: Shape | None = None) -> None:
    """Write the network in evaluation mode as an ONNX file, in float32.

    input_shape: (H, W, C), or (C,) for rows; None: what `models.build` has noted.
    Raises ConversionError with all layers that ONNX has no operator for or that change what they compute, and
    InputError if the folder is missing, a shape does not fit or the package onnx is not installed. A file is
    there when it is complete and has passed ONNX's own checker.
    """
    check_target(path)
    files.write_bytes(path, onnx_model(model, input_shape).SerializeToString())


def check_target(path: str | Path) -> None:
    """Raise InputError if there is no folder for the file: better before the work than after."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise InputError(f"{path} cannot be written, as there is no folder {folder}: make it first.")


def onnx_model(
    model: nn.Sequential, input_shape: Shape | None = None, *, channels_first: bool = False
) -> Any:
    """The network as an `onnx.ModelProto` that the checker has passed; arguments and errors as in `to_onnx`.

    channels_first: images come in and go out as (N, C, H, W), and nothing is transposed.
    """
    onnx = require("onnx")
    if not isinstance(model, nn.Sequential):
        raise InputError(f"to_onnx expects a Sequential, got {type(model).__name__}.")
    shape = input_shape or model.input_shape
    if shape is None:
        raise InputError("to_onnx needs the shape of an image: pass input_shape=(height, width, channels).")
    layers = list(plain_layers(model, tuple(shape)))
    _check_known([layer for layer, _, _ in layers])
    graph = _Graph(tuple(shape), channels_first)
    for place, (layer, before, _) in enumerate(layers):
        graph.place = place
        graph.following = [following for following, _, _ in layers[place + 1 :]]
        _WRITERS[type(layer)](graph, layer, before)
    written = graph.finished(onnx, layers[-1][2] if layers else tuple(shape))
    onnx.checker.check_model(written, full_check=True)
    return written


def open_session(written: Any) -> Callable[[np.ndarray], np.ndarray]:
    """ONNX Runtime on an `onnx.ModelProto` of ours, with our number of cores: images to outputs."""
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads()
    session = runtime.InferenceSession(
        written.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(None, {INPUT: images})[0]


def _check_known(layers: Sequence[Module]) -> None:
    unknown = [layer for layer in layers if type(layer) not in _WRITERS or "forward" in vars(layer)]
    if unknown:
        listed = "; ".join(dict.fromkeys(f"{layer!r:.60}" for layer in unknown))
        known = ", ".join(kind.__name__ for kind in _WRITERS)
        raise ConversionError(f"There is no ONNX operator for {listed}; there are for {known}.")


class _Graph:
    """The nodes and constants written so far; `value` is the name of what the last node computes."""

    def __init__(self, input_shape: Shape, channels_first: bool) -> None:
        self.input_shape, self.channels_first = input_shape, channels_first
        self.nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        self.constants: dict[str, np.ndarray] = {}
        self.value = INPUT
        self.place = 0  # of the layer being written, which names what belongs to it
        self.following: list[Module] = []
        self.order: np.ndarray | None = None  # of the columns since a Flatten, if it is not ours
        if not channels_first:
            self.turn(input_shape, (0, 3, 1, 2), "entrance")

    def turn(self, shape: Shape, axes: tuple[int, ...], name: str) -> None:
        """Transpose images; rows stay."""
        if len(shape) == 3:
            self.nodes.append(("Transpose", [self.value], name, {"perm": axes}))
            self.value = name

    def add(self, operator: str, constants: dict[str, np.ndarray] | None = None, **attributes: Any) -> None:
        """One more node, which takes the last value and the constants and gives the next value."""
        named = {f"{self.place}.{name}": array for name, array in (constants or {}).items()}
        self.constants.update(named)
        result = f"{self.place}.{operator}"
        self.nodes.append((operator, [self.value, *named], result, attributes))
        self.value = result

    def finished(self, onnx: Any, output_shape: Shape) -> Any:
        """The `onnx.ModelProto`."""
        if not self.channels_first:
            self.turn(output_shape, (0, 2, 3, 1), "exit")
        self.nodes.append(("Identity", [self.value], OUTPUT, {}))
        make, real = onnx.helper, onnx.TensorProto.FLOAT
        entrance, exit = self._outer(self.input_shape), self._outer(output_shape)
        graph = make.make_graph(
            [make.make_node(kind, taken, [given], given, **more) for kind, taken, given, more in self.nodes],
            "tinynet",
            [make.make_tensor_value_info(INPUT, real, ["N", *entrance])],
            [make.make_tensor_value_info(OUTPUT, real, ["N", *exit])],
            [onnx.numpy_helper.from_array(_single(array), name) for name, array in self.constants.items()],
        )
        opsets = [make.make_opsetid("", OPSET)]
        maker = {"producer_name": "tinynet", "producer_version": __version__}
        return make.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, **maker)

    def _outer(self, shape: Shape) -> Shape:
        """`shape` as the file's user sees it."""
        return (shape[2], *shape[:2]) if self.channels_first and len(shape) == 3 else shape


def _single(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)


# The layers: each writer adds the nodes of one


def _convolve(
    graph: _Graph, weight: np.ndarray, bias: Any, window: dict[str, Any] | None = None, groups: int = 1
) -> None:
    """weight: (O, C / groups, KH, KW)."""
    constants = {"weight": weight}
    if bias is not None:
        constants["bias"] = bias.numpy()
    graph.add("Conv", constants, kernel_shape=weight.shape[2:], group=groups, **(window or {}))


def _conv2d(graph: _Graph, layer: nn.Conv2D, before: Shape) -> None:
    window = _window(layer, layer.kernel_size, before)
    _convolve(graph, layer.weight.numpy().transpose(3, 2, 0, 1), layer.bias, window)


def _depthwise(graph: _Graph, layer: nn.DepthwiseConv2D, before: Shape) -> None:
    filters = layer.weight.numpy().reshape(*layer.kernel_size, 1, -1)  # (KH, KW, 1, C·M)
    window = _window(layer, layer.kernel_size, before)
    _convolve(graph, filters.transpose(3, 2, 0, 1), layer.bias, window, groups=layer.channels)


def _pointwise(graph: _Graph, layer: nn.PointwiseConv2D, before: Shape) -> None:
    _convolve(graph, layer.weight.numpy().T[:, :, np.newaxis, np.newaxis], layer.bias)


def _window(layer: Any, size: tuple[int, int], before: Shape) -> dict[str, Any]:
    (top, bottom), (left, right) = resolve_padding(layer.padding, (before[0], before[1]), size, layer.stride)
    return {"strides": layer.stride, "pads": (top, left, bottom, right)}


def _batch_norm(graph: _Graph, layer: nn.BatchNorm, before: Shape) -> None:
    gamma, beta = layer.gamma.numpy(), layer.beta.numpy()
    if graph.nodes and graph.nodes[-1][0] == "Conv":
        _fold(graph, gamma, beta, layer)
        return
    statistics = {"mean": layer.running_mean, "var": layer.running_var}
    graph.add("BatchNormalization", {"gamma": gamma, "beta": beta, **statistics}, epsilon=layer.eps)


def _fold(graph: _Graph, gamma: np.ndarray, beta: np.ndarray, layer: nn.BatchNorm) -> None:
    """Into the last convolution: scale · (weight ∗ x + bias - mean) + beta = (scale · weight) ∗ x + ..."""
    _, inputs, _, _ = graph.nodes[-1]
    weight = inputs[1]
    bias = f"{weight.removesuffix('weight')}bias"
    scale = gamma.astype(np.float64) / np.sqrt(layer.running_var.astype(np.float64) + layer.eps)
    before = graph.constants.get(bias, np.zeros(layer.channels))
    graph.constants[weight] = graph.constants[weight] * scale[:, np.newaxis, np.newaxis, np.newaxis]
    graph.constants[bias] = (before - layer.running_mean) * scale + beta
    inputs[2:] = [bias]


def _dense(graph: _Graph, layer: nn.Dense, before: Shape) -> None:
    weight = layer.weight.numpy()
    if graph.order is not None:
        weight, graph.order = weight[graph.order], None
    bias = {} if layer.bias is None else {"bias": layer.bias.numpy()}
    graph.add("Gemm", {"weight": weight, **bias})


def _flatten(graph: _Graph, layer: nn.Flatten, before: Shape) -> None:
    """Turn the image back unless a dense layer can take the columns in the order they have."""
    if len(before) == 3:
        first = next((one for one in graph.following if not isinstance(one, _UNORDERED)), None)
        if isinstance(first, nn.Dense):
            graph.order = np.arange(np.prod(before)).reshape(before).transpose(2, 0, 1).ravel()
        else:
            graph.turn(before, (0, 2, 3, 1), f"{graph.place}.Transpose")
    graph.add("Flatten")


def _global_average(graph: _Graph, layer: nn.GlobalAvgPool2D, before: Shape) -> None:
    graph.add("GlobalAveragePool")
    graph.add("Flatten")


def _max_pool(graph: _Graph, layer: nn.MaxPool2D, before: Shape) -> None:
    graph.add("MaxPool", kernel_shape=layer.size, **_window(layer, layer.size, before))


def _average_pool(graph: _Graph, layer: nn.AvgPool2D, before: Shape) -> None:
    window = _window(layer, layer.size, before)
    graph.add("AveragePool", kernel_shape=layer.size, count_include_pad=0, **window)


def _softmax(graph: _Graph, layer: nn.Softmax, before: Shape) -> None:
    graph.add("Softmax", axis=1)  # the channels, of images as of rows


def _relu6(graph: _Graph, layer: nn.ReLU6, before: Shape) -> None:
    graph.add("Clip", {"min": np.zeros(()), "max": np.array(6.0)})


def _only(operator: str) -> Callable[[_Graph, Any, Shape], None]:
    """The writer of a layer that is one operator with nothing to say."""
    return lambda graph, layer, before: graph.add(operator)


_WRITERS: dict[type[Module], Callable[[_Graph, Any, Shape], None]] = {
    nn.Conv2D: _conv2d,
    nn.DepthwiseConv2D: _depthwise,
    nn.PointwiseConv2D: _pointwise,
    nn.BatchNorm: _batch_norm,
    nn.Dense: _dense,
    nn.Flatten: _flatten,
    nn.MaxPool2D: _max_pool,
    nn.AvgPool2D: _average_pool,
    nn.GlobalAvgPool2D: _global_average,
    nn.ReLU: _only("Relu"),
    nn.ReLU6: _relu6,
    nn.Sigmoid: _only("Sigmoid"),
    nn.Tanh: _only("Tanh"),
    nn.Softmax: _softmax,
    nn.Dropout: lambda graph, layer, before: None,
}

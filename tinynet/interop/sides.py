"""Two sides of a comparison: one network, computed by tinynet and by another framework, layer by layer.

Every side takes and gives NumPy arrays in our layout, so that results can be laid beside each other; what it
turns to do so is outside the times it reports. The network is a row of single layers (`plain.plain_layers`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

from .. import losses, nn, optim
from ..nn.module import Shape
from ..tensor import Tensor, no_grad
from ..train.predictions import as_input
from . import frameworks
from .plain import plain_layers

Batch = tuple[np.ndarray, np.ndarray]  # images (N, H, W, C) and labels (N,)
Gradients = dict[str, np.ndarray]  # by our names, and "input"


class Measured(NamedTuple):
    """What came out of a layer or a network, and the seconds of forward and backward.

    gradients: of the input and of all parameters; empty where none were asked for. loss: of a network.
    """

    output: np.ndarray
    gradients: Gradients
    forward: float
    backward: float
    loss: float | None = None


class Trained(NamedTuple):
    """After a step of training: the loss before it, and all parameters in a row, in our order and layout."""

    loss: float
    weights: np.ndarray


class Problem(NamedTuple):
    """What both sides compute: layers in our precision and mode, with the shape of what enters each."""

    layers: Sequence[nn.Module]
    shapes: Sequence[Shape]

    @property
    def model(self) -> nn.Sequential:
        """The layers as a network; they are the same objects."""
        model = nn.Sequential(*self.layers)
        model.input_shape = self.shapes[0]
        return model.train(self.layers[0].training)


def problem_of(model: nn.Sequential, shape: Shape) -> Problem:
    """The single layers of a network for images of `shape`; dropout, which is chance, is switched off."""
    found = list(plain_layers(model, shape))
    for layer, _, _ in found:
        if isinstance(layer, nn.Dropout):
            layer.rate = 0.0
    return Problem([layer for layer, _, _ in found], [before for _, before, _ in found])


class Side:
    """One framework. `differentiates`: whether it can go backward."""

    label = ""
    version = ""
    other_way = ""  # in which the framework can compute the same
    differentiates = True

    def layer(self, place: int, x: np.ndarray, grad: np.ndarray | None = None) -> Measured:
        """Run one layer forward and, where `grad` comes in, backward."""
        raise NotImplementedError

    def network(self, images: np.ndarray, labels: np.ndarray) -> Measured:
        """Run the network as a whole and its loss, in the way in which its users run it."""
        raise NotImplementedError

    def train(self, batches: Iterable[Batch], lr: float, momentum: float) -> Iterator[Trained]:
        """Steps of SGD with momentum, each on one batch."""
        raise NotImplementedError


class Ours(Side):
    """tinynet: layers one by one, and the network as a whole with everything that it runs together."""

    label = "tinynet"

    def __init__(self, problem: Problem, differentiates: bool = True) -> None:
        from .. import __version__

        self.version = __version__
        self.model = problem.model
        self.differentiates = differentiates

    def layer(self, place: int, x: np.ndarray, grad: np.ndarray | None = None) -> Measured:
        layer = self.model[place]
        layer.zero_grad()
        entrance = as_input(x, x.dtype)
        entrance.requires_grad = grad is not None
        with nullcontext() if self.differentiates else no_grad():
            output, forward = timed(lambda: layer(entrance))
        if grad is None:
            return Measured(output.numpy(), {}, forward, 0.0)
        _, backward = timed(lambda: output.backward(grad))
        tensors = {**dict(layer.named_parameters()), "input": entrance}
        return Measured(output.numpy(), _gradients(tensors), forward, backward)

    def network(self, images: np.ndarray, labels: np.ndarray) -> Measured:
        self.model.zero_grad()
        entrance = as_input(images, images.dtype)
        if not self.differentiates:
            with no_grad():
                output, forward = timed(lambda: self.model(entrance))
            return Measured(output.numpy(), {}, forward, 0.0, float(loss_of(output, labels)))
        (output, loss), forward = timed(lambda: _with_loss(self.model(entrance), labels))
        _, backward = timed(loss.backward)
        gradients = _gradients(dict(self.model.named_parameters()))
        return Measured(output.numpy(), gradients, forward, backward, float(loss))

    def train(self, batches: Iterable[Batch], lr: float, momentum: float) -> Iterator[Trained]:
        optimizer = optim.SGD(self.model.parameters(), lr=lr, momentum=momentum)
        for images, labels in batches:
            optimizer.zero_grad()
            loss = loss_of(self.model(as_input(images, images.dtype)), labels)
            loss.backward()
            optimizer.step()
            yield Trained(float(loss), np.concatenate([p._array.ravel() for p in self.model.parameters()]))


class Onnx(Side):
    """ONNX Runtime: a file for each layer with channels first, and the file that `to_onnx` writes."""

    label = "ONNX Runtime"
    differentiates = False

    def __init__(self, problem: Problem) -> None:
        from . import onnx

        self.version = f"{frameworks.require('onnxruntime').__version__}, opset {onnx.OPSET}"
        self.layers = [
            onnx.open_session(onnx.onnx_model(nn.Sequential(layer), shape, channels_first=True))
            for layer, shape in zip(problem.layers, problem.shapes, strict=True)
        ]
        self.whole = onnx.open_session(onnx.onnx_model(problem.model))

    def layer(self, place: int, x: np.ndarray, grad: np.ndarray | None = None) -> Measured:
        from . import layouts

        entrance = layouts.images_to_torch(x)
        output, forward = timed(lambda: self.layers[place](entrance))
        return Measured(layouts.images_from_torch(output), {}, forward, 0.0)

    def network(self, images: np.ndarray, labels: np.ndarray) -> Measured:
        output, forward = timed(lambda: self.whole(images))
        return Measured(output, {}, forward, 0.0, float(loss_of(Tensor(output), labels)))


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and its seconds."""
    begin = time.perf_counter()
    result = call()
    return result, time.perf_counter() - begin


def loss_of(logits: Tensor, labels: np.ndarray) -> Tensor:
    """The loss that `tinynet train` uses: cross-entropy, for a single logit the binary one."""
    if logits.shape[1] == 1:
        return losses.binary_cross_entropy(logits, labels)
    return losses.cross_entropy(logits, labels)


def _gradients(tensors: Mapping[str, Tensor]) -> Gradients:
    return {name: tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}


def _with_loss(logits: Tensor, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    return logits, loss_of(logits, labels)


def open_side(framework: str, problem: Problem, otherwise: bool = False) -> Side:
    """The other side by the name of its framework: torch, keras or onnx.

    otherwise: let the framework compute in another of its own ways, to see how far it is from itself.
    Raises InputError if it is not installed, ConversionError if it has no equal of a layer.
    """
    if framework == "torch":
        from .torch_side import Torch

        return Torch(problem, channels_last=otherwise)
    if framework == "keras":
        from .keras_side import Keras

        return Keras(problem, compiled=otherwise)
    return Onnx(problem)

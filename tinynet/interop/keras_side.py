"""Keras on TensorFlow as a side of a comparison: eager layers, and the network as a traced function."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .. import nn
from .frameworks import require
from .keras import to_keras
from .sides import Batch, Gradients, Measured, Problem, Side, Trained, timed


class Keras(Side):
    """Each layer as `to_keras` makes it, and the whole network likewise; Keras has our layouts.

    compiled: let XLA compile the network, the other way in which TensorFlow computes it.
    """

    label = "Keras"
    other_way = "compiled by XLA"

    def __init__(self, problem: Problem, compiled: bool = False) -> None:
        self.keras = require("keras")
        self.tensorflow = importlib.import_module("tensorflow")  # `require` has seen to it
        self.version = f"{self.keras.__version__} on TensorFlow {self.tensorflow.__version__}"
        self.own = list(problem.layers)
        self.training = problem.layers[0].training
        self.layers = [
            to_keras(nn.Sequential(layer), shape)
            for layer, shape in zip(problem.layers, problem.shapes, strict=True)
        ]
        self.whole = to_keras(problem.model, problem.shapes[0])
        self.step = self.tensorflow.function(self._step, jit_compile=compiled)

    def layer(self, place: int, x: np.ndarray, grad: np.ndarray | None = None) -> Measured:
        model = self.layers[place]
        entrance = self.tensorflow.constant(x)
        with self.tensorflow.GradientTape() as tape:
            tape.watch(entrance)
            output, forward = timed(lambda: model(entrance, training=self.training))
        if grad is None:
            return Measured(output.numpy(), {}, forward, 0.0)
        incoming = self.tensorflow.constant(grad)
        wanted = [entrance, *model.trainable_variables]
        found, backward = timed(lambda: tape.gradient(output, wanted, output_gradients=incoming))
        gradients = self._named([self.own[place]], found[1:])
        return Measured(output.numpy(), {**gradients, "input": found[0].numpy()}, forward, backward)

    def network(self, images: np.ndarray, labels: np.ndarray) -> Measured:
        """The traced function goes forward and backward in one; forward alone is a call of its own."""
        entrance, targets = self.tensorflow.constant(images), self.tensorflow.constant(labels)
        _, forward = timed(lambda: self.step(entrance, targets, False))
        (output, loss, gradients), both = timed(lambda: self.step(entrance, targets, True))
        named = {f"layers.{name}": array for name, array in self._named(self.own, gradients, True).items()}
        return Measured(output.numpy(), named, forward, max(both - forward, 0.0), float(loss))

    def train(self, batches: Iterable[Batch], lr: float, momentum: float) -> Iterator[Trained]:
        optimizer = self.keras.optimizers.SGD(lr, momentum=momentum)
        variables = self.whole.trainable_variables
        for images, labels in batches:
            entrance, targets = self.tensorflow.constant(images), self.tensorflow.constant(labels)
            _, loss, gradients = self.step(entrance, targets, True)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            yield Trained(float(loss), np.concatenate([value.numpy().ravel() for value in variables]))

    def _step(self, images: Any, labels: Any, backward: bool) -> tuple[Any, Any, Any]:
        """The outputs, the loss and, with `backward`, the gradients of all variables."""
        with self.tensorflow.GradientTape() as tape:
            output = self.whole(images, training=self.training)
            loss = self._loss(output, labels)
        return output, loss, tape.gradient(loss, self.whole.trainable_variables) if backward else []

    def _loss(self, output: Any, labels: Any) -> Any:
        kinds = self.tensorflow.nn
        if output.shape[1] == 1:
            targets = self.tensorflow.cast(labels, output.dtype)[:, None]
            each = kinds.sigmoid_cross_entropy_with_logits(labels=targets, logits=output)
        else:
            each = kinds.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=output)
        return self.tensorflow.reduce_mean(each)

    def _named(self, layers: list[nn.Module], found: Iterable[Any], numbered: bool = False) -> Gradients:
        """Gradients by our names: Keras has arrays in our order, some with axes of length 1 more."""
        own = {
            f"{place}.{name}" if numbered else name: parameter
            for place, layer in enumerate(layers)
            for name, parameter in layer.named_parameters()
        }
        return {
            name: np.asarray(array).reshape(parameter.shape)
            for (name, parameter), array in zip(own.items(), found, strict=True)
        }

"""PyTorch as a side of a comparison: eager mode, in one of its two memory formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..kernels.threads import num_threads
from ..nn.module import Shape
from . import layouts, torch_plan
from .flow import Flow
from .frameworks import require
from .sides import Batch, Measured, Problem, Side, Trained, timed
from .torch import to_torch


class Torch(Side):
    """The network as `to_torch` makes it, whose child i is our layer i.

    channels_last: keep images in memory as we do, PyTorch's other format; the numbers are the same but for
    the order of additions.
    """

    label = "PyTorch"
    other_way = "its other memory format"

    def __init__(self, problem: Problem, channels_last: bool = False) -> None:
        self.torch = require("torch")
        self.torch.set_num_threads(num_threads())
        self.version = self.torch.__version__
        self.format = self.torch.channels_last if channels_last else self.torch.contiguous_format
        shape = problem.shapes[0]
        self.module = to_torch(problem.model, shape).to(memory_format=self.format)
        self.parts = torch_plan.plan(problem.model, shape)
        self.flattened = _flattened(problem, shape)

    def layer(self, place: int, x: np.ndarray, grad: np.ndarray | None = None) -> Measured:
        module = self.module[place]
        module.zero_grad()
        before, after = self.flattened[place : place + 2]
        entrance = self._tensor(x, before).requires_grad_()
        output, forward = timed(lambda: module(entrance))
        if grad is None:
            return Measured(_array(output, after), {}, forward, 0.0)
        incoming = self._tensor(grad, after)
        _, backward = timed(lambda: output.backward(incoming))
        own = f"layers.{place}."
        gradients = {
            name.removeprefix(own): array for name, array in self._gradients().items() if name.startswith(own)
        }
        return Measured(
            _array(output, after), {**gradients, "input": _array(entrance.grad, before)}, forward, backward
        )

    def network(self, images: np.ndarray, labels: np.ndarray) -> Measured:
        self.module.zero_grad()
        entrance, targets = self._tensor(images, 1), self.torch.tensor(labels)
        (output, loss), forward = timed(lambda: self._with_loss(entrance, targets))
        _, backward = timed(loss.backward)
        return Measured(output.detach().numpy(), self._gradients(), forward, backward, loss.item())

    def train(self, batches: Iterable[Batch], lr: float, momentum: float) -> Iterator[Trained]:
        optimizer = self.torch.optim.SGD(self.module.parameters(), lr=lr, momentum=momentum)
        for images, labels in batches:
            optimizer.zero_grad()
            _, loss = self._with_loss(self._tensor(images, 1), self.torch.tensor(labels))
            loss.backward()
            optimizer.step()
            state = {name: value.detach().numpy() for name, value in self.module.named_parameters()}
            arrays = torch_plan.from_torch_names(self.parts, state)
            yield Trained(loss.item(), np.concatenate([array.ravel() for array in arrays.values()]))

    def _with_loss(self, entrance: Any, targets: Any) -> tuple[Any, Any]:
        functional, output = self.torch.nn.functional, self.module(entrance)
        if output.shape[1] == 1:
            targets = targets.to(output.dtype)[:, None]
            return output, functional.binary_cross_entropy_with_logits(output, targets)
        return output, functional.cross_entropy(output, targets)

    def _gradients(self) -> dict[str, np.ndarray]:
        found = {
            name: parameter.grad.numpy()
            for name, parameter in self.module.named_parameters()
            if parameter.grad is not None
        }
        return torch_plan.from_torch_names(self.parts, found)

    def _tensor(self, array: np.ndarray, flattened: int) -> Any:
        turned = (
            layouts.images_to_torch(array) if array.ndim == 4 else _rows(array, flattened).to_torch(array)
        )
        tensor = self.torch.from_numpy(turned)
        return tensor.contiguous(memory_format=self.format) if array.ndim == 4 else tensor


def _flattened(problem: Problem, shape: Shape) -> list[int]:
    """For what enters each layer and leaves the last one: the channels whose pixels are its rows, or 1."""
    flow, found = Flow.of(shape), [1]
    for layer in problem.layers:
        flow = flow.after(layer)
        found.append(flow.order())
    return found


def _rows(array: np.ndarray, flattened: int) -> layouts.Layout:
    """Rows of flattened images with so many channels, here and in PyTorch."""
    count, features = array.shape
    return layouts.Layout(
        array.shape, (count, features // flattened, flattened), (0, 2, 1), (count, features)
    )


def _array(tensor: Any, flattened: int) -> np.ndarray:
    array = tensor.detach().numpy()
    return layouts.images_from_torch(array) if array.ndim == 4 else _rows(array, flattened).from_torch(array)

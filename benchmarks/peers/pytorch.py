"""PyTorch as a peer: eager mode, its fused Adam, in the memory format that the task's variant names."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..worker import timed

FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def build(task: dict[str, Any]) -> _Peer:
    """The task's network in torch.nn, with the task's weights."""
    torch.set_num_threads(task["threads"])
    return {"training": _Training, "inference": _Inference, "layer": _Layer}[task["task"]](task)


def export(task: dict[str, Any], path: Path) -> bool:
    """Write the task's network as an ONNX file, as PyTorch does; whether it is the mirror image."""
    with np.load(task["weights"]) as arrays:
        model, mirrored = _translated(task["layers"], dict(arrays))
    height, width, channels = task["layers"][0]["input"]
    torch.onnx.export(
        model.eval(),
        (torch.zeros(2, channels, height, width),),
        path,
        dynamic_shapes=({0: torch.export.Dim("N")},),
        external_data=False,
        verbose=False,
    )
    return mirrored


class _Peer:
    """The network and the batches, converted beforehand to the memory format."""

    versions = f"PyTorch {torch.__version__}"

    def __init__(self, task: dict[str, Any]) -> None:
        with np.load(task["weights"]) as arrays:
            self.model, mirrored = _translated(task["layers"], dict(arrays))
        self.format = FORMATS[task["variant"]]
        self.model = self.model.to(memory_format=self.format)
        numbers = [*self.model.parameters(), *self.model.buffers()]
        self.parameters = sum(array.numel() for array in numbers if array.ndim)  # not the counters of batches
        with np.load(task["data"]) as data:
            images, labels = data["images"], data["labels"]
        if mirrored:
            images = images[:, :, ::-1, ::-1]
        self.images = [self._converted(batch) for batch in images]
        self.labels = [torch.tensor(batch) for batch in labels]

    def _converted(self, batch: np.ndarray) -> torch.Tensor:
        """(N, H, W, C) as a tensor of shape (N, C, H, W) in the memory format; rows stay as they are."""
        if batch.ndim != 4:
            return torch.tensor(batch)
        return torch.tensor(batch.copy()).permute(0, 3, 1, 2).contiguous(memory_format=self.format)

    def output(self) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode():
            output = self.model(self.images[0][:2]).numpy()
        self.model.train()
        return output


class _Training(_Peer):
    """The usual loop: forward, loss, backward, optimiser."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=task["lr"], fused=True)
        self.batches = itertools.cycle(zip(self.images, self.labels, strict=True))

    def run(self, steps: int) -> dict[str, float]:
        return timed(self._step, steps)

    def _step(self) -> None:
        images, labels = next(self.batches)
        self.optimizer.zero_grad()
        self.loss(self.model(images), labels).backward()
        self.optimizer.step()


class _Inference(_Peer):
    """`model(images)` in evaluation mode under `inference_mode`."""

    def run(self, steps: int) -> dict[str, float]:
        batches = itertools.cycle(self.images)
        self.model.eval()
        with torch.inference_mode():
            return timed(lambda: self.model(next(batches)), steps)


class _Layer(_Peer):
    """Forward and backward of a few layers on their own, in training mode."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        self.x = self.images[0].requires_grad_(not task["first"])
        self.grad: torch.Tensor | None = None

    def run(self, steps: int) -> dict[str, float]:
        forward = backward = 0.0
        for _ in range(steps):
            self.model.zero_grad()
            self.x.grad = None
            begin = time.perf_counter()
            y = self.model(self.x)
            middle = time.perf_counter()
            if self.grad is None:
                self.grad = torch.rand_like(y)
                middle = time.perf_counter()
            if y.requires_grad:
                y.backward(self.grad)
            forward += middle - begin
            backward += time.perf_counter() - middle
        return {"forward": forward / steps, "backward": backward / steps}


# The translation


def _translated(layers: list[dict[str, Any]], arrays: dict[str, np.ndarray]) -> tuple[nn.Sequential, bool]:
    """The network, and whether it is the mirror image of the one described.

    With stride 2, Keras's "same" puts the odd pixel of padding at the bottom and right; PyTorch pads both
    sides, and so its windows lie as if the odd pixel were at the top and left. A layer of explicit zeros
    would make PyTorch slower than its users have it. Instead images and windows are mirrored: the same
    numbers come out, and PyTorch runs as it likes best.
    """
    mirrored = any(top != bottom for layer in layers for top, bottom in layer.get("pads", ()))
    translated = [_KINDS[layer["kind"]](layer, _named(layer, arrays), mirrored) for layer in layers]
    _reorder_rows(layers, translated)
    return nn.Sequential(*translated), mirrored


def _named(layer: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(arrays[path]) for name, path in layer["arrays"].items()}


def _convolution(layer: dict[str, Any], arrays: dict[str, torch.Tensor], mirrored: bool) -> nn.Module:
    weight = arrays["weight"]  # (KH, KW, C, O), or (KH, KW, C) of a depthwise one
    depthwise = layer["kind"] == "depthwise"
    weight = weight[:, :, None] if depthwise else weight
    height, width, _, out_channels = weight.shape
    in_channels = layer["input"][-1]
    module = nn.Conv2d(
        in_channels,
        out_channels,
        (height, width),
        layer["stride"],
        padding=tuple(max(sides) for sides in layer["pads"]),
        groups=in_channels if depthwise else 1,
        bias="bias" in arrays,
    )
    with torch.no_grad():
        weight = weight.permute(3, 2, 0, 1)
        module.weight.copy_(weight.flip(2, 3) if mirrored else weight)
        if module.bias is not None:
            module.bias.copy_(arrays["bias"])
    return module


def _batch_norm(layer: dict[str, Any], arrays: dict[str, torch.Tensor], mirrored: bool) -> nn.Module:
    kind = nn.BatchNorm2d if len(layer["input"]) == 3 else nn.BatchNorm1d
    module = kind(layer["input"][-1], eps=layer["eps"], momentum=layer["momentum"])
    with torch.no_grad():
        module.weight.copy_(arrays["gamma"])
        module.bias.copy_(arrays["beta"])
    return module


def _dense(layer: dict[str, Any], arrays: dict[str, torch.Tensor], mirrored: bool) -> nn.Module:
    module = nn.Linear(*arrays["weight"].shape, bias="bias" in arrays)
    with torch.no_grad():
        module.weight.copy_(arrays["weight"].T)
        if module.bias is not None:
            module.bias.copy_(arrays["bias"])
    return module


def _reorder_rows(layers: list[dict[str, Any]], translated: list[nn.Module]) -> None:
    """Let the dense layer after a Flatten expect channels first, as PyTorch lays out a flattened image."""
    image = None
    for layer, module in zip(layers, translated, strict=True):
        image = layer["input"] if layer["kind"] == "flatten" else image
        if isinstance(module, nn.Linear) and image is not None:
            with torch.no_grad():
                rows = module.weight.reshape(-1, *image).permute(0, 3, 1, 2)
                module.weight.copy_(rows.reshape(module.weight.shape))
            image = None


_KINDS = {
    "convolution": _convolution,
    "depthwise": _convolution,
    "batch_norm": _batch_norm,
    "dense": _dense,
    "relu": lambda layer, arrays, mirrored: nn.ReLU(),
    "max_pool": lambda layer, arrays, mirrored: nn.MaxPool2d(
        tuple(layer["size"]), tuple(layer["stride"]), tuple(max(sides) for sides in layer["pads"])
    ),
    "global_average": lambda layer, arrays, mirrored: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "flatten": lambda layer, arrays, mirrored: nn.Flatten(),
    "dropout": lambda layer, arrays, mirrored: nn.Dropout(layer["rate"]),
}

"""tinynet as a peer: the network that `models.build` gives, used as its users use it."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.kernels.threads import set_num_threads

from ..worker import timed


def build(task: dict[str, Any]) -> _Peer:
    """The task's network, or the layers of it that the task names."""
    set_num_threads(task["threads"])
    return {"training": _Training, "inference": _Inference, "layer": _Layer}[task["task"]](task)


class _Peer:
    """The network with the weights that all peers share: those of seed 0."""

    versions = f"tinynet {tn.__version__}"

    def __init__(self, task: dict[str, Any]) -> None:
        tn.seed(0)
        self.model = tn.models.build(task["model"], **task["options"])
        if task["part"]:
            self.model = self.model[slice(*task["part"])]
        self.parameters = self.model.parameter_count()
        with np.load(task["data"]) as data:
            self.images, self.labels = data["images"], data["labels"]  # (batches, N, H, W, C), (batches, N)

    def output(self) -> np.ndarray:
        self.model.eval()
        with tn.no_grad():
            output = self.model(tn.Tensor(self.images[0, :2])).numpy()
        self.model.train()
        return output


class _Training(_Peer):
    """The step of `Trainer.fit`, with its checks and its accuracy, on batches that are ready."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        optimizer = tn.optim.Adam(self.model.parameters(), lr=task["lr"])
        self.trainer = tn.Trainer(self.model, optimizer, tn.losses.cross_entropy, progress=False)
        self.batches = itertools.cycle(zip(self.images, self.labels, strict=True))

    def run(self, steps: int) -> dict[str, float]:
        return timed(lambda: self.trainer._step(*next(self.batches), "A benchmark"), steps)


class _Inference(_Peer):
    """`model(images)` in evaluation mode without a graph."""

    def run(self, steps: int) -> dict[str, float]:
        batches = itertools.cycle(self.images)
        self.model.eval()
        with tn.no_grad():
            return timed(lambda: self.model(tn.Tensor(next(batches))), steps)


class _Layer(_Peer):
    """Forward and backward of a few layers on their own, in training mode."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        # As in a network: an array that nobody else holds, which the engine need not watch for changes.
        self.x = tn.Tensor._own(self.images[0])
        self.x.requires_grad = not task["first"]
        self.grad: np.ndarray | None = None

    def run(self, steps: int) -> dict[str, float]:
        forward = backward = 0.0
        for _ in range(steps):
            self.model.zero_grad()
            self.x.grad = None
            begin = time.perf_counter()
            y = self.model(self.x)
            middle = time.perf_counter()
            if self.grad is None:
                self.grad = np.random.default_rng(0).random(y.shape, dtype=np.float32)
                middle = time.perf_counter()
            if y.requires_grad:
                y.backward(self.grad)
            forward += middle - begin
            backward += time.perf_counter() - middle
        return {"forward": forward / steps, "backward": backward / steps}

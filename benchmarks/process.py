"""The other end of `worker.py`: start a peer's process, hand it a task, ask it for rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.interop import frameworks
from tinynet.interop.onnx import onnx_model

from .cases import INFERENCE
from .description import describe
from .peers import Peer

ROOT = Path(__file__).resolve().parent.parent
BATCHES = 4  # different batches that a worker goes through in turn, so that no batch is always in the cache
LEARNING_RATE = 1e-6  # weights stay where they are: no peer meets subnormal numbers after a thousand steps


class PeerError(Exception):
    """A peer's process could not do what it was asked; the message says who and why."""


def environment(threads: int) -> dict[str, str]:
    """The variables under which every process runs: as many threads as everybody else, no GPU."""
    count = str(threads)
    return {
        **os.environ,
        "TINYNET_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }


class Worker:
    """A process that holds one peer, or one variant of it; `variables` join its environment."""

    def __init__(self, peer: Peer, variant: str, threads: int, **variables: str) -> None:
        self.peer, self.variant, self.threads = peer, variant, threads
        self.started = time.perf_counter()
        self.said: dict[str, Any] = {}  # about the network of the last task
        self._messages = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", peer.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env={**environment(threads), **variables},
            text=True,
        )

    @property
    def label(self) -> str:
        return f"{self.peer.label} ({self.variant})" if self.variant else self.peer.label

    def build(self, task: dict[str, Any]) -> dict[str, Any]:
        """Let it build the task's network; what it says about it."""
        self.said = self._ask({"task": {**task, "variant": self.variant, "threads": self.threads}})
        return self.said

    def run(self, steps: int) -> dict[str, Any]:
        """Let it make so many steps; seconds for each phase of one, and memory."""
        return self._ask({"run": steps})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerError(f"{self.label}: its process ended. {self._last_words()}")
        reply = json.loads(line)
        if "error" in reply:
            raise PeerError(f"{self.label}: {reply['error']}")
        return reply

    def _last_words(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().strip().splitlines()
        return lines[-1] if lines else "It said nothing."

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.wait()
        self._process.stdout.close()
        self._messages.close()


@contextmanager
def open_workers(peers: Iterable[Peer], kind: str, threads: int) -> Iterator[list[Worker]]:
    """A worker for each variant of each peer that does tasks of this kind, until the block ends."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(Worker(peer, variant, threads)))
            for peer in peers
            for variant in peer.variants.get(kind, ())
        ]


@contextmanager
def task(
    kind: str,
    model: str,
    options: dict[str, Any],
    batch: int,
    part: tuple[int, int] | None = None,
) -> Iterator[dict[str, Any]]:
    """A task for the workers: network, weights and random data, in files that go with the block.

    kind: training, inference, or layer (forward and backward of the layers `part` of the network alone).
    The weights are those that tinynet draws with seed 0, so its own process can build them anew.
    """
    tn.seed(0)
    network = tn.models.build(model, **options)
    first, last = part or (0, len(network))
    shape = network[:first].output_shape(network.input_shape) if first else network.input_shape
    layers, arrays = describe(network[first:last], shape)
    generator = np.random.default_rng(0)
    count = 1 if part else BATCHES
    with tempfile.TemporaryDirectory() as folder:
        weights, data = Path(folder) / "weights.npz", Path(folder) / "data.npz"
        np.savez(weights, **arrays)
        images = generator.random((count, batch, *shape), dtype=np.float32)
        np.savez(data, images=images, labels=generator.integers(0, network.classes, (count, batch)))
        onnx = {"": _onnx_file(network, Path(folder))} if kind == INFERENCE else {}
        yield {
            "task": kind,
            "model": model,
            "options": options,
            "part": part,
            "first": first == 0,
            "batch": batch,
            "layers": layers,
            "weights": str(weights),
            "data": str(data),
            "onnx": onnx,
            "lr": LEARNING_RATE,
        }


def _onnx_file(network: tn.nn.Sequential, folder: Path) -> dict[str, Any] | None:
    """The network for ONNX Runtime, whose own layout has the channels first; None where onnx is missing."""
    if frameworks.missing("onnx"):
        return None
    path = folder / "network.onnx"
    path.write_bytes(onnx_model(network, channels_first=True).SerializeToString())
    return {"path": str(path), "channels_first": True, "mirrored": False}

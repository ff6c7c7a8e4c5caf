"""ONNX Runtime on two files of one network: what `tinynet export` writes, and PyTorch's own export.

Both have a free batch. PyTorch's images have the channels first; tinynet's come as they are in tinynet, and
its file begins with a transposition. PyTorch exports the mirror image that is its peer in these benchmarks
(`peers/pytorch.py`), so that no layer of zeros slows its file down.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import tinynet as tn
from tinynet.interop import to_onnx

from .cases import INFERENCE, OWN, QUARTER
from .comparison import Record, surroundings, tell
from .measure import Effort, check_same, rounds
from .peers import Peer
from .process import Worker, open_workers, task

EFFORT = Effort(rounds=9, seconds=0.4)
NETWORKS, BATCHES = (QUARTER, OWN), (1, 128)
WRITERS = ("tinynet", "PyTorch")
PEER = Peer(
    "onnxruntime",
    "ONNX Runtime",
    "benchmarks.peers.onnx_runtime",
    ("onnxruntime", "onnx", "torch", "onnxscript"),
    {INFERENCE: WRITERS},
)


def measure_files(threads: int, effort: Effort = EFFORT, say=tell) -> Record:
    """Milliseconds of a batch with each file, for all networks and batches."""
    record: Record = {**surroundings(threads), "rounds": effort.rounds, "points": []}
    with open_workers([PEER], INFERENCE, threads) as workers:
        for network in NETWORKS:
            for batch in BATCHES:
                say(f"{network.label}, batch {batch}")
                with task(INFERENCE, network.model, network.options, batch) as work:
                    times = _times(workers, _with_files(work), effort)
                record["points"].append({"network": network.label, "batch": batch, "ms": times})
        record["versions"] |= {PEER.label: workers[0].said["versions"], "PyTorch": _torch_version()}
    return record


def _with_files(work: dict[str, Any]) -> dict[str, Any]:
    """The task with both files, written beside its weights."""
    from .peers import pytorch

    folder = Path(work["weights"]).parent
    ours, theirs = folder / "tinynet.onnx", folder / "pytorch.onnx"
    tn.seed(0)
    to_onnx(tn.models.build(work["model"], **work["options"]), ours)
    mirrored = pytorch.export(work, theirs)
    files = {
        "tinynet": {"path": str(ours), "channels_first": False, "mirrored": False},
        "PyTorch": {"path": str(theirs), "channels_first": True, "mirrored": mirrored},
    }
    return {**work, "onnx": files}


def _torch_version() -> str:
    import torch

    return f"PyTorch {torch.__version__}"


def _times(workers: Sequence[Worker], work: dict[str, Any], effort: Effort) -> dict[str, list[float]]:
    """The milliseconds of a step in each round, by who wrote the file. Raises PeerError if outputs differ."""
    for worker in workers:
        worker.build(work)
    check_same(workers)
    replies = list(rounds(workers, effort))
    return {
        worker.variant: [1000 * reply[place]["seconds"]["step"] for reply in replies]
        for place, worker in enumerate(workers)
    }


def table(record: Record) -> list[list[str]]:
    """One row per network and batch: medians, fastest and slowest round, and the ratio of the medians."""
    rows = [["ms a batch", *(f"{writer}'s file" for writer in WRITERS), "PyTorch's / tinynet's"]]
    for point in record["points"]:
        times = [point["ms"][writer] for writer in WRITERS]
        cells = [f"{median(one):.3f} ({min(one):.3f}-{max(one):.3f})" for one in times]
        ratio = median(times[1]) / median(times[0])
        rows.append([f"{point['network']}, batch {point['batch']}", *cells, f"{ratio:.2f}"])
    return rows

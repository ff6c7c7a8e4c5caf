"""How the time of a training step grows with the batch and with the area of the images.

One network, of which every layer but the last dense one costs in proportion to the pixels it sees. The
times are fitted by fixed + factor · size^exponent: what a step costs whatever its size, and how the rest
grows. Linear growth is an exponent of 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from .comparison import LABELS, Record, surroundings, tell
from .measure import Effort, check_same, rounds
from .peers import Peer
from .process import Worker, open_workers, task

EFFORT = Effort(rounds=5, seconds=0.15)
MODEL, WIDTH, CHANNELS = "mobilenet", 0.25, 3
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIDES = (28, 32, 48, 64, 96, 128, 160, 224)
SIDE_OF_BATCHES, BATCH_OF_SIDES = 32, 8
EXPONENTS = np.linspace(0.5, 1.5, 101)


def measure_scaling(peers: Sequence[Peer], threads: int, effort: Effort, say=tell) -> Record:
    """The time of a step for all batches at one size of image, and for all sizes at one batch."""
    record = {
        **surroundings(threads),
        "network": f"{MODEL} {WIDTH}, {CHANNELS} channels, stem stride 1",
        "batch": {"side": SIDE_OF_BATCHES, "points": []},
        "side": {"batch": BATCH_OF_SIDES, "points": []},
    }
    with open_workers(peers, "training", threads) as workers:
        for batch in BATCHES:
            say(f"batch {batch}, {SIDE_OF_BATCHES}x{SIDE_OF_BATCHES} pixels")
            times = _measure(batch, SIDE_OF_BATCHES, workers, effort)
            record["batch"]["points"].append({"batch": batch, "ms": times})
        for side in SIDES:
            say(f"batch {BATCH_OF_SIDES}, {side}x{side} pixels")
            times = _measure(BATCH_OF_SIDES, side, workers, effort)
            record["side"]["points"].append({"side": side, "ms": times})
        record["versions"] |= {worker.peer.label: worker.said["versions"] for worker in workers}
    for series, size in (("batch", lambda point: point["batch"]), ("side", lambda point: point["side"] ** 2)):
        points = record[series]["points"]
        record[series]["fits"] = {
            name: fit([size(point) for point in points], [point["ms"][name] for point in points])
            for name in points[0]["ms"]
        }
    return record


def fit(sizes: Sequence[float], times: Sequence[float]) -> dict[str, float]:
    """The fixed cost (0 or more), factor and exponent with the least relative errors, squared and summed."""
    fits = (_fit(np.array(sizes), np.array(times), power) for power in EXPONENTS)
    return min(fits, key=lambda fit: fit["error"])


def _fit(sizes: np.ndarray, times: np.ndarray, power: float) -> dict[str, float]:
    """The best fixed cost and factor for a given exponent."""
    growth = sizes**power / times
    columns = np.stack([1 / times, growth], axis=1)
    (fixed, factor), *_ = np.linalg.lstsq(columns, np.ones(len(times)), rcond=None)
    if fixed < 0:
        fixed, factor = 0.0, growth.sum() / (growth @ growth)
    errors = columns @ (fixed, factor) - 1
    numbers = {"fixed": fixed, "factor": factor, "exponent": power, "error": errors @ errors}
    return {name: float(number) for name, number in numbers.items()}


def _measure(batch: int, side: int, workers: Sequence[Worker], effort: Effort) -> dict[str, float]:
    """Milliseconds of a step, of each peer's faster variant."""
    options = {
        "width": WIDTH,
        "resolution": side,
        "classes": 10,
        "in_channels": CHANNELS,
        "stem_stride": 1,
    }
    with task("training", MODEL, options, batch) as work:
        for worker in workers:
            worker.build(work)
        check_same(workers)
        replies = list(rounds(workers, effort))
    found: dict[str, float] = {}
    for place, worker in enumerate(workers):
        time = 1000 * median(reply[place]["seconds"]["step"] for reply in replies)
        found[worker.peer.name] = min(time, found.get(worker.peer.name, math.inf))
    return found


def table(record: Record, series: str) -> list[list[str]]:
    """One row per point: milliseconds of a step, and tinynet's time per image or per thousand pixels."""
    points = record[series]["points"]
    peers = list(points[0]["ms"])
    by_batch = series == "batch"
    unit = "µs per image" if by_batch else "µs per 1000 pixels"
    head = f"batch, {record[series]['side']} pixels" if by_batch else f"side, batch {record[series]['batch']}"
    rows = [[head, *(f"{LABELS[peer]}, ms" for peer in peers), f"tinynet, {unit}"]]
    for point in points:
        amount = point["batch"] if by_batch else record[series]["batch"] * point["side"] ** 2 / 1000
        times = [f"{point['ms'][peer]:.2f}" for peer in peers]
        rows.append([str(point[series]), *times, f"{1000 * point['ms']['tinynet'] / amount:.1f}"])
    fits = [record[series]["fits"][peer] for peer in peers]
    rows.append(["fixed cost", *(f"{fit['fixed']:.2f}" for fit in fits), ""])
    return [*rows, ["exponent of the rest", *(f"{fit['exponent']:.2f}" for fit in fits), ""]]

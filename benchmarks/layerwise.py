"""Each layer of a network alone: forward and backward of tinynet and of PyTorch, and how near the limit.

A layer gets random images of the shape that reaches it in the network, and random gradients. Layers that
are alike are measured once and counted. The last row is the network as a whole, where tinynet computes
several layers together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import tinynet as tn
from tinynet.errors import InputError
from tinynet.kernels.threads import set_num_threads
from tinynet.report.limit import Limit, measure_limit

from .cases import TRAINING, Case
from .comparison import LABELS, Record, surroundings, tell
from .measure import Effort, check_same, rounds
from .peers import Peer
from .process import Worker, open_workers, task

EFFORT = Effort(rounds=5, seconds=0.06)
USUAL = "train-mobilenet-0.25-128"


def measure_layers(case: Case, peers: Sequence[Peer], threads: int, effort: Effort, say=tell) -> Record:
    """Measure the layers of the case's network at its batch size."""
    set_num_threads(threads)
    network = tn.models.build(case.network.model, **case.network.options)
    kinds = _distinct(network)
    record = {**surroundings(threads), "label": case.label, "model": case.network.model, "rows": []}
    with open_workers(peers, "layer", threads) as workers:
        for number, (part, layer, shapes, count) in enumerate(kinds, 1):
            say(f"[{number}/{len(kinds) + 1}] {layer!r:.70}")
            row = {"layer": _text(layer, shapes), "input": list(shapes[0]), "count": count}
            row |= _work(layer, shapes, case.batch, first=part[0] == 0)
            record["rows"].append({**row, "peers": _measure(case, part, workers, effort)})
        say(f"[{len(kinds) + 1}/{len(kinds) + 1}] the whole network")
        record["whole"] = _measure(case, (0, len(network)), workers, effort)
        record["versions"] |= {worker.peer.label: worker.said["versions"] for worker in workers}
    return {**record, "limit": measure_limit()._asdict()}


def chosen(words: str | None, cases: Sequence[Case]) -> Case:
    """The training case with `words` in its name. Raises InputError if there is none."""
    names = {case.name: case for case in cases if case.task == TRAINING}
    found = [name for name in names if (words or USUAL) in name]
    if not found:
        known = ", ".join(names)
        raise InputError(f"There is no training case with {words!r} in its name; there are {known}.")
    return names[found[-1]]


def _distinct(network: tn.nn.Sequential) -> list[tuple[tuple[int, int], Any, tuple, int]]:
    """The place, layer, shapes before and after, and number of all layers that differ in more than place."""
    found: dict[Any, list[Any]] = {}
    for place, (layer, before, after) in enumerate(network.steps(network.input_shape)):
        if math.prod(before) and not isinstance(layer, tn.nn.Dropout | tn.nn.Flatten):
            kind = (repr(layer), before, place == 0)
            found.setdefault(kind, [(place, place + 1), layer, (before, after), 0])[3] += 1
    return [tuple(values) for values in found.values()]


def _text(layer: Any, shapes: tuple) -> str:
    """Kind, channels, window and stride: `Conv2D 8 to 16, 3x3, stride 2`."""
    before, after = shapes[0][-1], shapes[1][-1]
    words = [f"{type(layer).__name__} {before}" + (f" to {after}" if after != before else "")]
    window = getattr(layer, "kernel_size", getattr(layer, "size", None))
    if window:
        words.append("x".join(map(str, window)))
    if max(getattr(layer, "stride", (1,))) > 1:
        words.append(f"stride {max(layer.stride)}")
    return ", ".join(words)


def _work(layer: Any, shapes: tuple, batch: int, first: bool) -> dict[str, int]:
    """Operations and bytes of forward and backward together: each array read or written once for each.

    The first layer of a network needs no gradient of its input.
    """
    inputs, outputs = (batch * math.prod(shape) for shape in shapes)
    weights = layer.parameter_count(trainable_only=True)
    forward = inputs + weights + outputs
    backward = outputs + inputs + weights + weights + (0 if first else inputs)
    flops = 2 * batch * layer.multiply_adds(shapes[0]) * (2 if first else 3)
    return {"flops": flops, "bytes": 4 * (forward + backward)}


def _measure(case: Case, part: tuple[int, int], workers: Sequence[Worker], effort: Effort) -> dict[str, Any]:
    """The fastest variant of each peer: milliseconds forward and backward."""
    network = case.network
    found: dict[str, Any] = {}
    with task("layer", network.model, network.options, case.batch, part) as work:
        for worker in workers:
            worker.build(work)
            worker.run(1)
        check_same(workers)
        replies = list(rounds(workers, effort))
    for place, worker in enumerate(workers):
        phases = {
            phase: 1000 * median(reply[place]["seconds"][phase] for reply in replies)
            for phase in ("forward", "backward")
        }
        known = found.get(worker.peer.name)
        if known is None or sum(phases.values()) < known["forward"] + known["backward"]:
            found[worker.peer.name] = {**phases, "variant": worker.variant}
    return found


# The table


def table(record: Record) -> list[list[str]]:
    """One row for each kind of layer, their sum, and the network as a whole."""
    rivals = [name for name in record["whole"] if name != "tinynet"]
    heads = [head for name in ("tinynet", *rivals) for head in (f"{LABELS[name]}: forward", "backward")]
    header = ["layer (ms)", "input", "times", *heads, *(f"{LABELS[name]} / tinynet" for name in rivals)]
    rows = [[*header, "GFLOP/s", "GB/s", "of the limit"]]
    limit = Limit(**record["limit"])
    for row in record["rows"]:
        shape = "x".join(map(str, row["input"]))
        rows.append([row["layer"], shape, str(row["count"]), *_times(row["peers"]), *_speed(row, limit)])
    rows.append(["all of them, one by one", "", "", *_times(_sums(record)), "", "", ""])
    return [*rows, ["the network as a whole", "", "", *_times(record["whole"]), "", "", ""]]


def _times(peers: dict[str, Any]) -> list[str]:
    """Forward and backward of each peer, and each rival's time as a multiple of tinynet's."""
    cells = [f"{times[phase]:.3f}" for times in peers.values() for phase in ("forward", "backward")]
    totals = {name: times["forward"] + times["backward"] for name, times in peers.items()}
    return cells + [f"{totals[name] / totals['tinynet']:.2f}" for name in totals if name != "tinynet"]


def _speed(row: dict[str, Any], limit: Limit) -> list[str]:
    """What tinynet does in a second, and the least time for it as a share of the time it takes."""
    seconds = sum(row["peers"]["tinynet"][phase] for phase in ("forward", "backward")) / 1000
    flops = f"{row['flops'] / seconds / 1e9:.1f}" if row["flops"] else ""
    share = limit.seconds(row["flops"], row["bytes"]) / seconds
    return [flops, f"{row['bytes'] / seconds / 1e9:.1f}", f"{share:.0%}"]


def _sums(record: Record) -> dict[str, Any]:
    return {
        name: {
            phase: sum(row["count"] * row["peers"][name][phase] for row in record["rows"])
            for phase in ("forward", "backward")
        }
        for name in record["whole"]
    }

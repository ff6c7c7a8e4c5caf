"""Rounds: every peer in turn makes some steps, again and again, so that all meet the same minutes.

A round's value is the time of its steps divided by their number. What is reported is the median over the
rounds, with the fastest and the slowest.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .cases import TRAINING, Case
from .peers import Peer
from .process import PeerError, Worker, task

PAUSE = 0.02  # seconds between two peers, in which the threads of the one before stop spinning
TOLERANCE = 1e-3  # of the largest number, between the outputs of two frameworks


@dataclass
class Figures:
    """What was measured of one worker; times in milliseconds, memory in MB.

    first: the first step, which compiles or traces; start: from the start of the process to the end of
    that step; cold: the same of a process that finds nothing compiled in its cache, None if that was not
    measured; rounds: the time of a step in each round; resting: memory before the first step; peak: the most
    memory the process ever held.
    """

    variant: str
    versions: str
    parameters: int
    first: float
    start: float
    resting: float
    peak: float
    cold: float | None = None
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.rounds)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "rounds": [round(value, 5) for value in self.rounds],
            "median": self.median,
            "min": min(self.rounds),
            "max": max(self.rounds),
        }


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, seconds of each peer in each; whether the first run ever is timed too."""

    rounds: int = 7
    seconds: float = 0.5
    cold: bool = True


QUICK = Effort(rounds=3, seconds=0.3, cold=False)


def measure(
    case: Case, peers: Sequence[Peer], threads: int, effort: Effort
) -> tuple[dict[str, list[Figures]], list[str]]:
    """For each peer that does the case's task, the figures of its variants; and who had to be left out.

    That is a peer that fails to build the network, or builds another one than the first peer, which is
    tinynet. Raises PeerError if the first peer fails, or any other once it is being timed.

    The first peer keeps what it compiles in a cache. A process of its own fills it before the others start;
    what compiling costs is measured in one that finds an empty cache.
    """
    network = case.network
    workers: list[Worker] = []
    found: list[Figures] = []
    left_out: list[str] = []
    with task(case.task, network.model, network.options, case.batch) as work, ExitStack() as stack:
        cold = _time_cold_start(peers[0], threads, work) if effort.cold and case.task == TRAINING else None
        _make_a_step(peers[0], threads, work)
        for peer in peers:
            for variant in peer.variants.get(case.task, ()):
                worker = stack.enter_context(closing(Worker(peer, variant, threads)))
                try:
                    figure = _prepared(worker, work)
                    check_same([*workers[:1], worker])
                except PeerError as error:
                    if not workers:
                        raise
                    left_out.append(str(error))
                else:
                    workers.append(worker)
                    found.append(figure)
        for replies in rounds(workers, effort):
            for figure, reply in zip(found, replies, strict=True):
                figure.rounds.append(1000 * reply["seconds"]["step"])
                figure.peak = reply["peak"]
    found[0].cold = cold
    result: dict[str, list[Figures]] = {}
    for worker, figure in zip(workers, found, strict=True):
        result.setdefault(worker.peer.name, []).append(figure)
    return result, left_out


def _time_cold_start(peer: Peer, threads: int, work: dict[str, Any]) -> float:
    """Milliseconds from the start of a process to the end of its first step, nothing compiled before.

    What the network says in evaluation mode is not asked: that would compile more than the step needs.
    """
    with tempfile.TemporaryDirectory() as cache:
        return _make_a_step(peer, threads, {**work, "output": False}, NUMBA_CACHE_DIR=cache)


def _make_a_step(peer: Peer, threads: int, work: dict[str, Any], **variables: str) -> float:
    """The same in a process with these variables in its environment; it ends after the step."""
    with closing(Worker(peer, peer.variants[work["task"]][0], threads, **variables)) as worker:
        return _prepared(worker, work).start


def _prepared(worker: Worker, work: dict[str, Any]) -> Figures:
    """Build the network and make the first step."""
    said = worker.build(work)
    first = worker.run(1)
    return Figures(
        variant=worker.variant,
        versions=said["versions"],
        parameters=said["parameters"],
        first=1000 * sum(first["seconds"].values()),
        start=1000 * (time.perf_counter() - worker.started),
        resting=said["memory"],
        peak=first["peak"],
    )


def check_same(workers: Sequence[Worker]) -> None:
    """Raise PeerError unless all have built the same network: else the comparison means nothing."""
    one, *others = workers
    for other in others:
        if other.said["parameters"] != one.said["parameters"]:
            raise PeerError(
                f"{other.label} built a network of {other.said['parameters']:,} parameters, {one.label} one "
                f"of {one.said['parameters']:,}: they cannot be compared."
            )
        if not _close(other.said["output"], one.said["output"]):
            raise PeerError(
                f"The networks of {other.label} and {one.label} give different outputs for the same images: "
                "they cannot be compared."
            )


def _close(a: list[float], b: list[float]) -> bool:
    largest = max(map(abs, b), default=0.0)
    return len(a) == len(b) and all(abs(x - y) <= TOLERANCE * largest for x, y in zip(a, b, strict=True))


def rounds(workers: Sequence[Worker], effort: Effort) -> Iterator[list[dict[str, Any]]]:
    """The replies of all workers, round by round, after a round that only warms up.

    Every other round goes through the workers backwards: who comes after whom shall not matter.
    """
    steps = [_steps(worker, effort.seconds) for worker in workers]
    for number in range(effort.rounds):
        replies: dict[int, dict[str, Any]] = {}
        order = range(len(workers)) if number % 2 == 0 else reversed(range(len(workers)))
        for index in order:
            time.sleep(PAUSE)
            replies[index] = workers[index].run(steps[index])
        yield [replies[index] for index in range(len(workers))]


def _steps(worker: Worker, seconds: float) -> int:
    """How many steps fill a round, found by making some."""
    steps = 2
    while True:
        one = sum(worker.run(steps)["seconds"].values())
        if one * steps >= seconds / 2:
            return max(2, math.ceil(seconds / one))
        steps = max(2 * steps, math.ceil(seconds / one))

"""A comparison as a plain record: what a run writes to JSON, and what tables and picture are made from."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import metadata
from typing import Any

from tinynet.train.run import processor

from .cases import Case
from .measure import Effort, Figures, measure
from .peers import RIVALS, TINYNET, Peer
from .process import PeerError

Record = dict[str, Any]
LABELS = {peer.name: peer.label for peer in (TINYNET, *RIVALS)}


def tell(text: str) -> None:
    """Say at once what is being done."""
    print(text, flush=True)


def compare(cases: Sequence[Case], peers: Sequence[Peer], threads: int, effort: Effort, say=tell) -> Record:
    """Measure the cases one after the other. A peer that is missing or fails is left out, with a sentence."""
    record = {**surroundings(threads), "rounds": effort.rounds, "seconds": effort.seconds}
    record |= {"cases": [], "left_out": []}
    present = [TINYNET]
    for peer in peers:
        sentence = peer.missing()
        if sentence:
            record["left_out"].append(sentence)
            say(sentence)
        else:
            present.append(peer)
    for number, case in enumerate(cases, 1):
        say(f"[{number}/{len(cases)}] {case.task}: {case.label}")
        try:
            found, problems = measure(case, present, threads, effort)
            record["cases"].append(case_record(case, found))
            record["versions"] |= _versions(found)
        except PeerError as error:
            problems = [str(error)]
        for problem in problems:
            record["left_out"].append(f"{case.name}: {problem}")
            say(problem)
    return record


def surroundings(threads: int) -> Record:
    """When, on what, and with which versions; the peers add theirs."""
    return {
        "taken": datetime.now().astimezone().isoformat(timespec="minutes"),
        "processor": processor(),
        "system": platform.platform(),
        "threads": threads,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {
            "Python": platform.python_version(),
            **{name: metadata.version(name.lower()) for name in ("NumPy", "Numba", "SciPy")},
        },
    }


def case_record(case: Case, found: dict[str, list[Figures]]) -> Record:
    """One case: what it is, and the figures of each peer's variants."""
    return {
        "name": case.name,
        "label": case.label,
        "task": case.task,
        "model": case.network.model,
        "options": case.network.options,
        "batch": case.batch,
        "floors": case.floors,
        "peers": {name: [figure.record() for figure in figures] for name, figures in found.items()},
    }


def _versions(found: dict[str, list[Figures]]) -> dict[str, str]:
    return {LABELS[name]: figures[0].versions for name, figures in found.items()}


def best(case: Record, peer: str) -> Record | None:
    """The figures of a peer's fastest variant, by the median; None if it was not measured."""
    variants = case["peers"].get(peer)
    return min(variants, key=lambda figures: figures["median"]) if variants else None


def ratio(case: Record, peer: str) -> float | None:
    """How many times tinynet's time the peer took; None if it was not measured."""
    theirs, ours = best(case, peer), best(case, TINYNET.name)
    return theirs["median"] / ours["median"] if theirs and ours else None


def holds(case: Record, peer: str) -> bool | None:
    """Whether the ratio is the promised one; None if nothing was promised or measured."""
    floor, reached = case["floors"].get(peer), ratio(case, peer)
    return None if floor is None or reached is None else reached >= floor


def verdict(cases: Iterable[Record]) -> tuple[int, int]:
    """How many of the promised ratios hold, of how many that were measured."""
    answers = [holds(case, peer) for case in cases for peer in case["floors"]]
    measured = [answer for answer in answers if answer is not None]
    return sum(measured), len(measured)

"""One peer in a process of its own, asked over standard input and answering on standard output.

    python -m benchmarks.worker benchmarks.peers.pytorch

A question and its answer are one line of JSON each:

    {"task": {...}}   build what the task describes     {"parameters", "output", "versions", "memory"};
                      with "output": false in it, "output" is null
    {"run": n}        make n steps                      {"seconds": {phase: per step}, "memory", "peak"}

or {"error": "a sentence"}. Whatever a library prints goes to standard error.

A peer is a module with `build(task) -> Program`. This file and the peers import neither tinynet nor each
other's libraries; a process holds what its peer needs and nothing else.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

OUTPUTS = 256  # how many numbers of an output are compared
MEGABYTE = 2**20


class Program(Protocol):
    """A network that is ready to be timed."""

    parameters: int
    """How many numbers are saved, running statistics included."""

    versions: str
    """The library, and what it computes with."""

    def output(self) -> np.ndarray:
        """What the network, in evaluation mode, says of the first two images; in any layout."""

    def run(self, steps: int) -> dict[str, float]:
        """Make so many steps; the seconds of one, for each phase that is told apart."""


def timed(step: Callable[[], Any], steps: int) -> dict[str, float]:
    """The mean duration of a step in seconds, as `Program.run` returns it."""
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return {"step": (time.perf_counter() - begin) / steps}


def fingerprint(output: np.ndarray) -> list[float]:
    """Numbers that are the same for outputs that differ in layout only: values in ascending order."""
    values = np.sort(np.asarray(output, dtype=np.float64), axis=None)
    places = np.linspace(0, values.size - 1, min(values.size, OUTPUTS)).round().astype(int)
    return values[places].tolist()


def memory(entry: str) -> float:
    """VmRSS (now) or VmHWM (the most so far) of this process in MB.

    Where there is no /proc, the most so far stands for both; on Windows, which tells neither, 0 does.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(entry)) / MEGABYTE
    except (OSError, StopIteration):
        if sys.platform == "win32":
            return 0.0
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


class _Server:
    """Answers questions about one peer; it holds the program of the last task."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.program: Program | None = None

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "task" in question:
            self.program = None  # the old one's memory first
            self.program = self.peer.build(question["task"])
            wanted = question["task"].get("output", True)
            return {
                "parameters": self.program.parameters,
                "output": fingerprint(self.program.output()) if wanted else None,
                "versions": self.program.versions,
                "memory": memory("VmRSS"),
            }
        assert self.program is not None, "a task comes before its runs"
        seconds = self.program.run(question["run"])
        return {"seconds": seconds, "memory": memory("VmRSS"), "peak": memory("VmHWM")}


def main(module: str) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server: _Server | None = None
    for line in sys.stdin:
        try:
            server = server or _Server(importlib.import_module(module))
            reply = server.answer(json.loads(line))
        except Exception as error:  # of whatever library: who asked has to learn it
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

"""A peer that computes nothing: it does what the task's `model` says, and tells of its own process."""

import os
import sys
import time
from pathlib import Path

import numpy as np


class Program:
    versions = "Fake 1.0"

    def __init__(self, task):
        self.task = task
        self.parameters = task["options"].get(f"parameters {task['variant']}", 7)

    def output(self):
        scale = self.task["options"].get(f"scale {self.task['variant']}", 1)
        return scale * np.arange(6.0).reshape(2, 3)

    def run(self, steps):
        if self.task["model"] == "dies":
            print("No strength left.", file=sys.stderr, flush=True)
            os._exit(3)
        print("what libraries like to print")
        if self.task["model"] == "compiles":
            _compile()
        return {"step": self.task["options"].get(f"seconds {self.task['variant']}", 0.25) + 0.001 * steps}


def _compile():
    """Takes half a second, unless an earlier process has left its result in the cache."""
    result = Path(os.environ["NUMBA_CACHE_DIR"]) / "compiled"
    if not result.exists():
        time.sleep(0.5)
        result.touch()


def build(task):
    if task["model"] == "fails":
        raise ValueError("there is no such layer")
    if task["model"] == "looks around":
        task["options"] = {"parameters a": [sorted({"tinynet", "numba"} & set(sys.modules))]}
        task["options"]["parameters a"].append(os.environ["OMP_NUM_THREADS"])
        task["options"]["parameters a"].append(os.environ["TINYNET_NUM_THREADS"])
    return Program(task)

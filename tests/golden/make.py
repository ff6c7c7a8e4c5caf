"""Make the golden files: `python -m tests.golden.make torch` or `keras`, where that framework is installed.

Each case runs in float64, which gives the numbers to compare with, and in float32, which tells how much of
them the framework itself loses to rounding.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .cases import CASES
from .files import FRAMEWORKS, HERE, checksum, mobilenet_checksum, paths, write
from .numbers import units


def main(arguments: list[str] | None = None) -> int:
    """Write the files of one framework and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.make", description=__doc__)
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder; here if it is not given")
    options = parser.parse_args(arguments)
    if not options.out.is_dir():
        print(f"--out expects a folder that exists, got {options.out}.", file=sys.stderr)
        return 2
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        program = importlib.import_module(f".with_{options.framework}", __package__)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed: pip install -e '.[compare]'", file=sys.stderr)
        return 2
    cases, networks, own = _results(program, options.framework)
    about = {
        "versions": {**program.VERSIONS, "numpy": np.__version__, "python": platform.python_version()},
        "facts": program.facts(),
        "inputs": {case.name: checksum(case) for case in CASES if options.framework in case.by}
        | {"mobilenet": mobilenet_checksum()},
        "float32": own,
    }
    for path, arrays in zip(
        paths(options.framework, options.out), ({**cases, "about": np.array(json.dumps(about))}, networks),
        strict=True,
    ):  # fmt: skip
        write(path, arrays)
        print(f"{path}: {len(arrays)} arrays, {path.stat().st_size / 1e3:.0f} kB")
    return 0


def _results(program: Any, framework: str) -> tuple[dict, dict, dict[str, float]]:
    """The arrays of all cases, those of MobileNet, and by name the framework's own distance in float32."""
    cases, networks, own = {}, {}, {}

    def keep(store: dict, name: str, exact: dict, rounded: dict, dtype: type) -> None:
        for key, array in exact.items():
            store[f"{name} | {key}"] = array.astype(dtype)
            if "dropout" not in name:  # which may choose otherwise in another precision
                own[f"{name} | {key}"] = round(units(rounded[key], array, np.float32), 3)

    for case in CASES:
        if framework in case.by:
            keep(cases, case.name, program.run(case, np.float64), program.run(case, np.float32), np.float64)
    for training in (True, False):
        mode = "training" if training else "evaluation"
        exact, rounded = (program.run_mobilenet(training, dtype) for dtype in (np.float64, np.float32))
        if not training:  # its other gradients would double the file and show nothing more
            exact = {name: exact[name] for name in ("logits", "loss", "grad images")}
        keep(networks, f"mobilenet: {mode}", exact, rounded, np.float32)
    return cases, networks, own


if __name__ == "__main__":
    sys.exit(main())

"""The tests of a file once more, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys

WITHOUT_COMPILER = {"NUMBA_DISABLE_JIT": "1"}
FOUR_THREADS = {"NUMBA_NUM_THREADS": "4", "TINYNET_NUM_THREADS": "4"}


def run_again(file: str, variables: dict[str, str], select: str = "") -> None:
    """Run those tests of `file` that `select` names (all without it) with these variables in the environment.

    Fails if one of them does, or if there is none.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    command += ["-k", select] if select else []
    run = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout

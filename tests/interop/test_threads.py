"""Threads beside PyTorch, whose OpenMP library must not become ours: its threads spin while they wait."""

import subprocess
import sys

import pytest

from tinynet.interop import frameworks
from tinynet.kernels.cores import usable_cores

COUNT = """
import os, torch
import numpy as np
from tinynet.kernels import threads
from tinynet.kernels.elementwise import relu

torch.set_num_threads(2)
torch.ones(1_000_000).add_(1)  # PyTorch's threads
x = np.ones((1000, 1000), np.float32)
with threads.region:  # loads the libraries, BLAS among them
    before = len(os.listdir("/proc/self/task"))
relu(x)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(frameworks.missing("torch") is not None, reason=str(frameworks.missing("torch")))
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
@pytest.mark.skipif(usable_cores() < 2, reason="one core needs no further thread")
def test_tinynet_starts_threads_of_its_own_where_pytorch_was_first():
    run = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= 1

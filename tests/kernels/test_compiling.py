"""The cache of compiled functions on disk: what it keeps, and what it notices."""

import os
import subprocess
import sys
import textwrap

import numba
import pytest

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from {package}.outer import twice_next
print(twice_next(3), sum(twice_next.stats.cache_hits.values()))
"""

OUTER = """
from tinynet.kernels.compiling import kernel
from .inner import following

@kernel
def twice_next(x):
    return 2 * following(x)
"""

INNER = """
import numpy as np
from tinynet.kernels.compiling import kernel

STEP = {step}

@kernel
def following(x):
    return x + STEP{change}
"""

OVERLOADED = """
from numba.extending import overload

def following(x):
    return x + 1

@overload(following)
def _compiled_following(x):
    return lambda x: x + {step}
"""

FIELDS = """
from typing import NamedTuple

class Pair(NamedTuple):
    {fields}
"""

OF_FIELDS = """
from tinynet.kernels.compiling import kernel
from .inner import Pair

@kernel
def twice_next(x):
    return 2 * Pair(x, x + 1).second
"""

NESTED = """
from tinynet.kernels.compiling import kernel

@kernel
def following(x):
    return sum([i for i in range(2)]) + x
"""


@pytest.fixture
def run(tmp_path):
    """Writes two files, with the given code, and calls the first from a fresh process."""
    package = tmp_path / "pair"
    package.mkdir()
    (package / "__init__.py").touch()
    program = textwrap.dedent(PROGRAM.format(folder=str(tmp_path), package="pair"))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}

    def call(inner=INNER, outer=OUTER, **holes):
        (package / "outer.py").write_text(outer)
        (package / "inner.py").write_text(inner.format(**{"step": 1, "change": "", **holes}))
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    return call


def test_the_second_process_finds_the_compiled_function(run):
    assert run() == ["8", "0"]
    assert run() == ["8", "1"]


def test_a_changed_function_in_another_file_is_noticed(run):
    assert run() == ["8", "0"]
    assert run(change=" + x") == ["14", "0"]


def test_a_changed_constant_in_another_file_is_noticed(run):
    assert run() == ["8", "0"]
    assert run(step=2) == ["10", "0"]


def test_a_changed_numpy_constant_is_noticed_too(run):
    assert run(step="np.int64(1)") == ["8", "0"]
    assert run(step="np.int64(2)") == ["10", "0"]


def test_a_change_of_what_stands_for_a_function_is_noticed_too(run):
    assert run(OVERLOADED) == ["8", "0"]
    assert run(OVERLOADED) == ["8", "1"]
    assert run(OVERLOADED, step=2) == ["10", "0"]


def test_another_order_of_the_fields_of_a_tuple_is_noticed(run):
    assert run(FIELDS, OF_FIELDS, fields="first: int; second: int") == ["8", "0"]
    assert run(FIELDS, OF_FIELDS, fields="second: int; first: int") == ["6", "0"]


def test_a_function_within_a_function_is_found_again(run):
    assert run(NESTED) == ["8", "0"]
    assert run(NESTED) == ["8", "1"]


def test_without_the_compiler_a_kernel_is_the_function_itself():
    from tinynet.kernels import compiling

    def plain(x):
        return x

    compiled = compiling.kernel(plain)
    assert compiled is plain if numba.config.DISABLE_JIT else compiled.py_func is plain

"""The number of threads, and the BLAS settings, which belong to the user."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
import threadpoolctl

from tinynet.errors import InputError
from tinynet.kernels import threads
from tinynet.kernels.pointwise import matmul


@pytest.fixture
def keep_threads():
    chosen = threads.num_threads()
    yield
    threads.set_num_threads(chosen)


def _blas_threads():
    found = threadpoolctl.threadpool_info()
    return [library["num_threads"] for library in found if library["user_api"] == "blas"]


def _run(code, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )


def test_the_default_is_what_this_process_may_use():
    run = _run("from tinynet.kernels import threads; print(threads.num_threads())", TINYNET_NUM_THREADS="")
    assert 1 <= int(run.stdout) <= (os.cpu_count() or 1)


def test_the_environment_variable_counts(keep_threads):
    code = "from tinynet.kernels import threads; print(threads.num_threads())"
    assert _run(code, TINYNET_NUM_THREADS="1").stdout.strip() == "1"


def test_a_bad_environment_variable_is_named():
    run = _run("from tinynet.kernels import threads; threads.num_threads()", TINYNET_NUM_THREADS="two")
    assert "TINYNET_NUM_THREADS must be a whole number from 1 upwards, got 'two'." in run.stderr


@pytest.mark.parametrize("value", [0, -1, 1.5, "x", None, True])
def test_other_numbers_of_threads_are_refused(value):
    with pytest.raises(InputError, match="number of threads must be"):
        threads.set_num_threads(value)


def test_more_threads_than_numba_has_are_refused_with_the_way_out():
    with pytest.raises(InputError, match="set NUMBA_NUM_THREADS=1000"):
        threads.set_num_threads(1000)


def test_blas_has_one_thread_inside_and_its_own_number_again_outside():
    matmul(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32))  # every library is loaded now
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with threads.region:
            inside = _blas_threads()
        outside = _blas_threads()
    assert set(inside) == {1}
    assert set(outside) == {2}


def test_blas_settings_come_back_after_an_error():
    before = _blas_threads()
    with pytest.raises(KeyError), threads.region, threads.region:
        raise KeyError
    assert _blas_threads() == before


def test_numbas_own_setting_comes_back(keep_threads):
    threads.set_num_threads(1)
    before = numba.get_num_threads()
    with threads.region:
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before


def test_kernels_can_be_called_from_several_python_threads():
    a = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    want, results = matmul(a, a), []

    def work():
        for _ in range(20):
            results.append(np.array_equal(matmul(a, a), want))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 60
    assert all(results)


FORK = """
import multiprocessing, threading, numpy as np
from tinynet.kernels import threads
from tinynet.kernels.elementwise import relu

def work(_):
    return float(relu(np.ones((1000, 1000), np.float32)).sum())

def stay():
    with threads.region:
        entered.set()
        leave.wait()

entered, leave = threading.Event(), threading.Event()
{before}
with multiprocessing.get_context("fork").Pool(1) as pool:
    try:
        print(*pool.map_async(work, [0]).get(15))
    except RuntimeError as error:
        print(type(error).__name__, error)
    finally:
        leave.set()
"""
COMPUTES, REFUSES = "1000000.0", "ForkError This process was forked"  # other OpenMPs than GNU's compute


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(
    ("before", "answers"),
    [
        ("", (COMPUTES,)),
        ("work(0)", (COMPUTES, REFUSES)),
        ("work(0); threading.Thread(target=stay).start(); entered.wait()", (COMPUTES, REFUSES)),
    ],
    ids=["first", "after a computation", "while another thread computes"],
)
def test_a_forked_process_computes_or_says_why_it_cannot(before, answers):
    run = _run(FORK.replace("{before}", before))
    assert run.stdout.startswith(answers), run.stderr


def test_importing_the_kernels_compiles_nothing_and_leaves_the_environment_alone():
    code = """
import os
before = dict(os.environ)
from tinynet.kernels import conv, depthwise, norm, pointwise, pool, threads
compiled = [f for m in (conv, depthwise, norm, pointwise, pool) for f in vars(m).values()
            if getattr(f, "signatures", None)]
assert not compiled, compiled
with threads.region:
    pass
assert dict(os.environ) == before
"""
    run = _run(code)
    assert run.returncode == 0, run.stderr

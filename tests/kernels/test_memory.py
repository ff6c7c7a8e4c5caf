"""The pool of memory: an array owns its memory as long as anything refers to it, and no longer."""

from __future__ import annotations

import gc
import sys
import threading

import numpy as np
import pytest

from tinynet.kernels import memory
from tinynet.kernels.memory import Pool

LARGE = (64, 1024)  # a quarter of a megabyte in float32


def address(array):
    return array.__array_interface__["data"][0]


@pytest.fixture
def pool():
    return Pool()


def share_memory(arrays):
    spans = sorted((address(array), array.nbytes) for array in arrays)
    return any(first + size > second for (first, size), (second, _) in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_])
@pytest.mark.parametrize("shape", [(300, 7, 11, 13), (1_000_003,), (2, 3), (), (0, 5)])
def test_an_array_has_the_shape_and_the_type_asked_for(pool, shape, dtype):
    array = pool.empty(shape, dtype)
    array[...] = 1
    assert array.shape == shape and array.dtype == dtype and array.flags.carray


@pytest.mark.parametrize("shape", [(70_001,), (33, 1000), (1, 65_536)])
def test_large_arrays_are_aligned(pool, shape):
    arrays = [pool.empty(shape, np.float32) for _ in range(8)]
    assert {address(array) % 64 for array in arrays} == {0}


def test_memory_is_used_again_when_its_array_is_gone(pool):
    before = address(pool.empty(LARGE, np.float32))
    assert address(pool.empty(LARGE, np.float32)) == before


def test_memory_is_used_again_for_another_shape_and_type_of_nearly_the_size(pool):
    before = address(pool.empty((100_000,), np.float32))
    assert address(pool.empty((45_000,), np.float64)) == before


def test_a_much_smaller_array_leaves_a_large_block_alone(pool):
    before = address(pool.empty((100_000,), np.float32))
    assert address(pool.empty((50_000,), np.float32)) != before


def test_the_smallest_block_that_fits_is_taken(pool):
    sizes = [120_000, 100_000, 110_000]
    arrays = {size: pool.empty((size,), np.float32) for size in sizes}
    wanted = address(arrays[110_000])
    arrays.clear()
    assert address(pool.empty((105_000,), np.float32)) == wanted


def test_living_arrays_share_no_memory(pool):
    random = np.random.default_rng(0)
    alive = {}
    for number in range(3000):
        key = int(random.integers(40))
        alive.pop(int(random.integers(40)), None)
        alive[key] = pool.empty((int(random.integers(20_000, 60_000)),), np.float32)
        if number % 50 == 0:
            assert not share_memory(alive.values())
    assert pool.held() < 60 * 60_000 * 4


VIEWS = {
    "slice": lambda a: a[5:10, ::2],
    "transpose": lambda a: a.T,
    "reshape": lambda a: a.reshape(-1)[3:],
    "other type": lambda a: a.view(np.uint8)[1:, 1:],
    "one row": lambda a: a[7],
    "through a memoryview": lambda a: np.asarray(memoryview(a)[3:]),
    "iterator": lambda a: next(iter(a)),
    "broadcast": lambda a: np.broadcast_to(a, (3, *a.shape)),
    "windows": lambda a: np.lib.stride_tricks.sliding_window_view(a, 3, axis=0),
    "view of a view of a view": lambda a: a[1:][1:].T[1:].view(np.int32)[::-1],
    "subclass": lambda a: a.view(np.recarray)[2:],
    "frombuffer": lambda a: np.frombuffer(a, np.float32)[9:],
    "flat": lambda a: a.flat,
    "ctypes": lambda a: a.ctypes,
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_keeps_the_memory(pool, kind):
    array = pool.empty(LARGE, np.float32)
    start, end = address(array), address(array) + array.nbytes
    view = VIEWS[kind](array)
    del array
    others = [pool.empty(LARGE, np.float32) for _ in range(5)]
    assert not any(start <= address(other) < end for other in others)
    del view, others
    assert start in {address(other) for other in [pool.empty(LARGE, np.float32) for _ in range(6)]}


def test_an_array_in_a_cycle_keeps_its_memory_until_it_is_collected(pool):
    cycle = [pool.empty(LARGE, np.float32)]
    cycle.append(cycle)
    before = address(cycle[0])
    del cycle
    assert address(pool.empty(LARGE, np.float32)) != before
    gc.collect()
    assert before in {address(array) for array in [pool.empty(LARGE, np.float32) for _ in range(2)]}


def test_the_same_step_a_thousand_times_holds_no_more_memory(pool):
    def step():
        kept = [pool.empty((size, 1000), np.float32) for size in (20, 40, 80, 40, 20)]
        while kept:
            pool.empty(kept.pop().shape, np.float32)

    step()
    held = pool.held()
    for _ in range(1000):
        step()
    assert pool.held() <= held


def test_what_is_no_longer_used_is_dropped(pool):
    [pool.empty((500, 1000), np.float32) for _ in range(4)]
    assert pool.held() == 4 * 500 * 1000 * 4
    for _ in range(2000):
        pool.empty(LARGE, np.float32)
    assert pool.held() == 4 * 64 * 1024


def test_what_was_in_use_for_long_is_not_dropped_at_its_end(pool):
    kept = pool.empty((500, 1000), np.float32)
    for _ in range(2048):
        pool.empty(LARGE, np.float32)
    before = address(kept)
    del kept
    pool.empty(LARGE, np.float32)
    assert address(pool.empty((500, 1000), np.float32)) == before


def test_dropping_takes_nothing_that_is_in_use(pool):
    kept = pool.empty(LARGE, np.float32)
    kept.fill(3)
    for _ in range(3000):
        pool.empty((500, 100), np.float32).fill(1)
    assert (kept == 3).all()


def test_release_gives_back_what_is_free_and_only_that(pool):
    kept = pool.empty(LARGE, np.float32)
    pool.empty((500, 1000), np.float32)
    pool.release()
    assert pool.held() == kept.nbytes


def test_threads_never_share_an_array(pool):
    trouble = []

    def work(name):
        random = np.random.default_rng(name)
        for _ in range(1500):
            array = pool.empty((int(random.integers(16_500, 19_000)),), np.float32)
            array[::1000] = name
            other = pool.empty((17_000,), np.float32)
            other[::1000] = -name
            if (array[::1000] != name).any():
                trouble.append(name)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not trouble
    assert pool.held() < 60 * 19_000 * 4


def test_small_arrays_stay_out_of_the_pool(pool):
    pool.empty((1000,), np.float32)
    assert pool.held() == 0


def test_the_library_has_one_pool():
    array = memory.empty(LARGE, np.float32)
    assert array.base is not None and array.base.dtype == np.uint8

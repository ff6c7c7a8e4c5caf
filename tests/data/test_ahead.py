"""Work done ahead comes in order, not too much of it, and leaves neither errors nor threads behind."""

from __future__ import annotations

import threading

import pytest

from tinynet.data.ahead import ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("tinynet-ahead")]


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    assert not threads()


def test_results_come_in_order():
    assert list(ahead(lambda n: n * n, range(50), 3)) == [n * n for n in range(50)]


def test_nothing_gives_nothing():
    assert list(ahead(lambda n: n, [], 2)) == []


def test_it_happens_in_another_thread():
    (worker,) = ahead(lambda _: threading.current_thread(), [0], 2)
    assert worker is not threading.current_thread()


def test_the_next_are_made_while_one_is_used_and_no_more():
    made, third = [], threading.Event()

    def make(n):
        made.append(n)
        if n == 2:
            third.set()

    results = ahead(make, range(10), 2)
    next(results)
    assert third.wait(10)
    results.close()
    assert made == [0, 1, 2]


def test_an_error_is_raised_where_its_result_would_have_come():
    def fail_at_two(n):
        if n == 2:
            raise ValueError("two")
        return n

    results = ahead(fail_at_two, range(5), 4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert list(results) == []


def test_an_iterator_that_is_dropped_ends_its_thread():
    results = ahead(lambda n: n, range(1000), 2)
    next(results)
    assert len(threads()) == 1
    del results
    assert not threads()


def test_waiting_can_be_watched():
    waits = []

    def wait(result):
        waits.append(result())
        return waits[-1]

    assert list(ahead(lambda n: n, range(4), 2, wait=wait)) == waits == [0, 1, 2, 3]


def test_several_threads_keep_the_order_and_work_at_once():
    together = threading.Barrier(3, timeout=10)

    def meet(n):
        together.wait()
        return n

    assert list(ahead(meet, range(6), 5, threads=3)) == list(range(6))

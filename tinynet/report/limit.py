"""What this machine can do at most, measured now: the yardstick of a profile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import threadpoolctl

from ..kernels.threads import num_threads

SIDE = 1024  # of the matrices that are multiplied
NUMBERS = 2**22  # that are copied, in float32: 16 MB, a large activation, more than a core's own cache
REPEATS = 15


class Limit(NamedTuple):
    """Operations per second of a large matrix product, bytes read and written per second by a copy."""

    flops: float
    bytes: float
    threads: int

    def seconds(self, flops: float, traffic: float) -> float:
        """The least time for so many operations and bytes: the longer of the two (the "roofline").

        Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model".
        """
        return max(flops / self.flops, traffic / self.bytes)


def measure_limit() -> Limit:
    """Measure both in float32 with the threads that the kernels use; about a tenth of a second."""
    threads = num_threads()
    return Limit(2 * SIDE**3 / _product_seconds(threads), 2 * 4 * NUMBERS / _copy_seconds(threads), threads)


def _product_seconds(threads: int) -> float:
    a = np.ones((SIDE, SIDE), np.float32)
    product = np.empty_like(a)
    with threadpoolctl.threadpool_limits(threads, user_api="blas"):
        return _fastest(lambda: np.matmul(a, a, out=product))


def _copy_seconds(threads: int) -> float:
    """Each thread copies its part: one alone does not reach what the memory can give."""
    source, target = np.ones(NUMBERS, np.float32), np.zeros(NUMBERS, np.float32)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return _fastest(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))


def _fastest(work: Callable[[], object]) -> float:
    work()
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)

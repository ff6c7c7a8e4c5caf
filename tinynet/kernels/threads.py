"""How many cores the kernels use: one pool of threads at work, never two.

Matrix products come from BLAS, which has its own threads. They keep spinning for a while after each
product, on the very cores Numba's threads need: the same program has been measured five times
slower that way. So the kernels hand blocks of a product to Numba's threads, and while they run BLAS
is held to one thread. `region` does this, and puts the settings back at its end, for the user's own
code.
"""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import Any

import numba
import threadpoolctl

from ..errors import InputError

_CGROUP = Path("/sys/fs/cgroup")
_SPIN = "10000"  # rounds of waiting, some ten microseconds, after which an idle thread sleeps
_chosen: int | None = None


def num_threads() -> int:
    """The number of threads the kernels use.

    It is, in this order: the last `set_num_threads`; the environment variable TINYNET_NUM_THREADS;
    the number of cores this process may use (its CPU affinity, and the quota of its container).

    Raises InputError if TINYNET_NUM_THREADS is not a number of threads.
    """
    global _chosen
    if _chosen is None:
        text = os.environ.get("TINYNET_NUM_THREADS", "").strip()
        _chosen = _checked(text, "TINYNET_NUM_THREADS") if text else _default_threads()
    return _chosen


def set_num_threads(threads: int) -> None:
    """Let the kernels use this many threads from now on. Results keep the same bits.

    Raises InputError if it is not a whole number from 1 to the number of threads Numba was started
    with.
    """
    global _chosen
    _chosen = _checked(threads, "The number of threads")


def _checked(value: Any, name: str) -> int:
    most: int = _numba_threads()
    try:
        threads = int(str(value))
    except ValueError:
        threads = 0
    if threads < 1:
        raise InputError(f"{name} must be a whole number from 1 upwards, got {value!r}.")
    if threads > most:
        raise InputError(
            f"{name} is {threads}, but Numba was started with {most}: use {most} or fewer, or set "
            f"NUMBA_NUM_THREADS={threads} in the environment before Python starts."
        )
    return threads


def _numba_threads() -> int:
    """The most threads Numba was started with (NUMBA_NUM_THREADS)."""
    return numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]


def _default_threads() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, int(min(cores, _container_cores(_CGROUP), _numba_threads())))


def _container_cores(root: Path) -> float:
    """The cores the container's quota pays for, rounded up; infinity where there is no quota.

    Linux writes it as "quota period" in one file (control groups v2) or as two files (v1).
    """
    try:
        if (root / "cpu.max").exists():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
        if quota in ("max", "-1"):
            return math.inf
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


class _Region:
    """The context `with region:`, in which kernels run; see the top of the file.

    It may be nested (the inner ones cost next to nothing), and threads enter one after the other: a
    kernel uses all the cores anyway, and not every threading layer of Numba may be entered twice.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._blas: list[Any] | None = None
        self._before: list[int] = []
        self._numba_before = 1

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            if self._depth == 0:
                self._limit()
            self._depth += 1
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *exception: object) -> None:
        try:
            self._depth -= 1
            if self._depth == 0:
                self._restore()
        finally:
            self._lock.release()

    def _limit(self) -> None:
        threads = num_threads()
        if self._blas is None:
            _start_threads()
            self._blas = _blas_libraries()
        self._numba_before = numba.get_num_threads()
        if self._numba_before != threads:
            numba.set_num_threads(threads)
        self._before = [library.get_num_threads() for library in self._blas]
        for library, before in zip(self._blas, self._before, strict=True):
            if before != 1:
                library.set_num_threads(1)

    def _restore(self) -> None:
        assert self._blas is not None
        for library, before in zip(self._blas, self._before, strict=True):
            if before != 1:
                library.set_num_threads(before)
        if numba.get_num_threads() != self._numba_before:
            numba.set_num_threads(self._numba_before)


def _start_threads() -> None:
    """Start Numba's threads, with a short time of spinning where nobody has chosen one.

    A thread that waits for the next kernel spins, for a few milliseconds if nothing is said. On a
    machine that does other work too it burns the time its own partner needs: beside one or two busy
    processes, the kernels of a training step have been seen to take ten times longer. A short spin
    was as fast on a quiet machine. GNU's OpenMP reads the variable once, when it is loaded.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        numba.get_num_threads()
        return
    os.environ["GOMP_SPINCOUNT"] = _SPIN
    try:
        numba.get_num_threads()  # starts them
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _blas_libraries() -> list[Any]:
    """Handles of the BLAS libraries in this process: NumPy's, and SciPy's, which compiled products call."""
    import scipy.linalg.cython_blas  # noqa: F401  (loads the library, so that it is found)

    found = threadpoolctl.ThreadpoolController().lib_controllers
    return [library for library in found if library.user_api == "blas"]


region = _Region()

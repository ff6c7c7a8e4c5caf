"""How many cores the kernels use: one pool of threads at work, never two.

Matrix products come from BLAS, which has its own threads. They keep spinning for a while after each
product, on the very cores Numba's threads need: the same program has been measured five times
slower that way. So the kernels hand blocks of a product to Numba's threads, and while they run BLAS
is held to one thread. `region` does this, and puts the settings back at its end, for the user's own
code.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numba
import threadpoolctl

from ..errors import ForkError, InputError
from .cores import usable_cores

_MOST = 16  # threads taken unasked: the kernels cut most work into 16 blocks, and waking more takes time
_SPIN = "10000"  # rounds of waiting, 0.15 ms where it was measured, after which an idle thread sleeps
_chosen: int | None = None


def num_threads() -> int:
    """The number of threads the kernels use.

    It is, in this order: the last `set_num_threads`; the environment variable TINYNET_NUM_THREADS;
    the number of cores this process may use (its CPU affinity, and the quota of its container), but
    not more than 16.

    Raises InputError if TINYNET_NUM_THREADS is not a number of threads.
    """
    global _chosen
    if _chosen is None:
        text = os.environ.get("TINYNET_NUM_THREADS", "").strip()
        default = min(usable_cores(), _numba_threads(), _MOST)
        _chosen = _checked(text, "TINYNET_NUM_THREADS") if text else default
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


class _Region:
    """The context `with region:`, in which kernels run; see the top of the file.

    It may be nested (the inner ones cost next to nothing), and threads enter one after the other: a
    kernel uses all the cores anyway, and not every threading layer of Numba may be entered twice.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._blas: list[_Blas] | None = None
        self._changed: list[tuple[_Blas, int]] = []
        self._numba_before: int | None = None  # None if it was right already
        self._lost_threads = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            if self._depth == 0:
                self._limit()
            self._depth += 1
        except BaseException:
            if self._depth == 0:
                self._restore()
            self._lock.release()
            raise

    def __exit__(self, *exception: object) -> None:
        try:
            self._depth -= 1
            if self._depth == 0:
                self._restore()
        finally:
            self._lock.release()

    def _forked(self) -> None:
        """In the child of a fork only the thread that called it lives: not Numba's, nor a lock's owner."""
        self._lock = threading.RLock()
        self._depth = 0
        self._lost_threads = self._blas is not None and _is_gnu_openmp()

    def _limit(self) -> None:
        if self._lost_threads:
            raise ForkError(
                "This process was forked from one in which tinynet had computed already, and its threads "
                "did not come along: start processes with multiprocessing.get_context('spawn'), or fork "
                "before the first computation."
            )
        threads = num_threads()
        if self._blas is None:
            _start_threads()
            self._blas = _blas_libraries()
        numba_before = numba.get_num_threads()
        if numba_before != threads:
            self._numba_before = numba_before
            numba.set_num_threads(threads)
        for library in self._blas:
            before = library.get_num_threads()
            if before != 1:
                self._changed.append((library, before))
                library.set_num_threads(1)

    def _restore(self) -> None:
        while self._changed:
            library, before = self._changed.pop()
            library.set_num_threads(before)
        if self._numba_before is not None:
            numba.set_num_threads(self._numba_before)
            self._numba_before = None


def _start_threads() -> None:
    """Start Numba's threads, with a short time of spinning where nobody has chosen one.

    A thread that waits for the next kernel spins, for a few milliseconds if nothing is said. On a
    machine that does other work too it burns the time its own partner needs: beside one or two busy
    processes, the kernels of a training step have been seen to take ten times longer. On a quiet
    machine ten times this spin made only the smallest steps faster, of one millisecond, by a fifth;
    beside one busy process it made a step of 12 ms last 35. GNU's OpenMP reads the variable once,
    when it is loaded.
    """
    if "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ:
        numba.get_num_threads()
        return
    os.environ["GOMP_SPINCOUNT"] = _SPIN
    try:
        _load_openmp()
        numba.get_num_threads()  # starts them
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _load_openmp() -> None:
    """Load Numba's OpenMP part with an OpenMP library of its own.

    Otherwise it takes the one that is in the process already, where PyTorch has brought its own for instance,
    which has read the variable long ago.
    """
    own_library_first = getattr(os, "RTLD_DEEPBIND", None)  # GNU's loader alone has it
    if own_library_first is None:
        return
    before = sys.getdlopenflags()
    sys.setdlopenflags(before | own_library_first)
    try:
        with suppress(ImportError):  # built without OpenMP: Numba has other ways
            import numba.np.ufunc.omppool  # noqa: F401
    finally:
        sys.setdlopenflags(before)


def _is_gnu_openmp() -> bool:
    """Whether Numba's threads are those of GNU's OpenMP, which ends a forked process that uses them."""
    if numba.threading_layer() != "omp":
        return False
    from numba.np.ufunc import omppool

    return omppool.openmp_vendor == "GNU"


class _Blas(NamedTuple):
    """The two functions of a BLAS library that matter here."""

    get_num_threads: Callable[[], int]
    set_num_threads: Callable[[int], Any]


def _blas_libraries() -> list[_Blas]:
    """The BLAS libraries in this process: NumPy's, and SciPy's, which Numba loads when it first compiles."""
    import scipy.linalg.cython_blas  # noqa: F401  (so that it is found)

    found = threadpoolctl.ThreadpoolController().lib_controllers
    return [_functions(library) for library in found if library.user_api == "blas"]


def _functions(library: Any) -> _Blas:
    """Of OpenBLAS the functions themselves: they are called at each `region`, and threadpoolctl's methods
    look them up each time, which makes `region` twice as slow.
    """
    if library.internal_api == "openblas":
        for prefix in ("", "scipy_"):
            for suffix in ("", "64_", "_64"):
                names = [f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set")]
                if all(hasattr(library.dynlib, name) for name in names):
                    return _Blas(*(getattr(library.dynlib, name) for name in names))
    return _Blas(library.get_num_threads, library.set_num_threads)


region = _Region()

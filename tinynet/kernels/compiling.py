"""How the loops of this package are compiled, and how their arrays and their work are prepared.

Compilation happens at the first call, once per dtype; the result is kept on disk and read back in
the next run (Numba uses the user's own cache folder where the package's cannot be written to).
Numba renews a cached function when the file it stands in changes; `_Cache` also when what it calls
does, wherever that stands.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import CodeType, FunctionType, NoneType
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

from .drafts import WithDrafts

_OPTIONS: dict[str, Any] = {
    # Other Python threads run meanwhile; and BLAS may ask for Python's lock in a worker thread when
    # it is loaded.
    "nogil": True,
    # Division by zero gives inf or nan, as in NumPy, not a Python exception.
    "error_model": "numpy",
    # Sums may be regrouped and products fused, so loops vectorise; nan and inf keep their meaning.
    "fastmath": {"reassoc", "contract", "nsz"},
    # Nobody calls them from C.
    "no_cfunc_wrapper": True,
}
_PLAIN = (bool, int, float, str, bytes, tuple, frozenset, np.generic, NoneType)


class _Cache(FunctionCache):
    """Numba's cache of one function, whose entries also say what the functions it calls looked like.

    It may fail without harm: what cannot be read is compiled again, what cannot be written is not kept.
    """

    def _index_key(self, signature: Any, codegen: Any) -> tuple:
        return (*super()._index_key(signature, codegen), _digest(self._py_func))

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except Exception:  # cut off by a full disk or a power cut, it can be any error that pickle knows
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(signature, data)


def _cache_of(function: Callable) -> _Cache | None:
    """The cache of a function in its own folder or, where that is read-only, in the user's cache folder.

    None where neither can be written to. Of a user without a home Numba believes that it is the folder
    named "~" in the current one, and would make it.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~")
    own_folder = os.path.dirname(function.__code__.co_filename)
    named: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    if not (named or os.path.isabs(home) or os.access(own_folder, os.W_OK)):
        return None
    try:
        return _Cache(function)
    except RuntimeError:  # Numba's word for no place
        return None


def _digest(function: Callable) -> str:
    """A checksum of the code of a function, of what it calls, and of their constants."""
    found: dict[Callable, str] = {}
    pending = [function]
    while pending:
        one = pending.pop()
        codes = list(_codes(one.__code__))
        names = sorted({name for code in codes for name in code.co_names if name in one.__globals__})
        used = [one.__globals__[name] for name in names]
        texts = [(code.co_code, code.co_names, _constants(code.co_consts)) for code in codes]
        found[one] = repr((texts, names, _constants(used)))
        pending += [callee for callee in _callees(used) if callee not in found]
    return hashlib.sha256("".join(sorted(found.values())).encode()).hexdigest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, then that of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _constants(values: Iterable[Any]) -> list[Any]:
    """What is compiled in: plain values, and of a named tuple the order of its fields."""
    return [value if isinstance(value, _PLAIN) else getattr(value, "_fields", None) for value in values]


def _callees(values: Iterable[Any]) -> Iterator[Callable]:
    """The compiled functions among some values. Instead of a plain one another is compiled, which
    `numba.extending.overload` has put in its place: that is one of the functions in its file.
    """
    for value in values:
        if isinstance(value, Dispatcher):
            yield value.py_func
        elif isinstance(value, FunctionType):
            functions = [one for one in value.__globals__.values() if isinstance(one, FunctionType)]
            yield from (one for one in functions if one.__globals__ is value.__globals__)


def kernel(function: Callable, **options: Any) -> Callable:
    """Compile a function at its first call, and keep the result on disk where there is a place for it."""
    compiled: Any = numba.njit(**_OPTIONS, **options)(function)
    if compiled is function:  # NUMBA_DISABLE_JIT=1
        return function
    cache = _cache_of(function)
    if cache is not None:
        compiled._cache = cache
    return compiled


def inner_kernel(function: Callable, **options: Any) -> Callable:
    """The same for a function that only kernels call: without the code for a call from Python it compiles
    faster.
    """
    return kernel(function, no_cpython_wrapper=True, **options)


def inlined_kernel(function: Callable) -> Callable:
    """The same for a short loop: copied into its callers, where the compiler knows which arrays overlap.

    It makes the depthwise loops some percent faster and the first compilation longer.
    """
    return inner_kernel(function, forceinline=True)


def parallel_kernel(function: Callable) -> Callable:
    """The same for a function whose `prange` loops run on several cores. An iteration owns what it writes."""
    return kernel(function, parallel=True, pipeline_class=WithDrafts)


def quiet() -> np.errstate:
    """A context in which NumPy passes nan and inf on without a warning, as the compiled loops do."""
    return np.errstate(over="ignore", invalid="ignore")


def ready(array: np.ndarray) -> np.ndarray:
    """The array itself if it is C-contiguous, aligned and writable, else a copy that is.

    Numba compiles a kernel anew for each kind of array; this leaves one kind per dtype.
    """
    return array if array.flags.carray else np.require(array, requirements=("C", "A", "W"))


def merged(partial: np.ndarray) -> np.ndarray:
    """The sum over the first axis, the blocks, in their order and in float64."""
    with quiet():
        return partial.sum(axis=0, dtype=np.float64).astype(partial.dtype)


def blocks(total: int, count: int) -> np.ndarray:
    """Cut `range(total)` into at most `count` even pieces: their edges, int64.

    A sum over many rows is taken block by block and merged in the order of the blocks. As the
    blocks do not depend on the number of threads, nor do the bits of the result.
    """
    count = max(1, min(total, count))
    return np.arange(count + 1, dtype=np.int64) * total // count

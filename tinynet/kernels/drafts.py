"""How a function with `prange` is compiled in two thirds of the time that Numba takes by itself.

Numba puts the body of a `prange` loop into a function of its own, that one into a wrapper, that one into
another, which starts the threads, and the last into the function that holds the loop. Each of the four is
optimised and turned into machine code, with everything inside it; run is the last one only. Here the three
others are drafts: what they say is copied into the next, and not compiled by itself.

This reaches into Numba's inside, as no public option does it; with a version of Numba other than those it has
been tried with, Numba compiles as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

_TRIED = {(0, 68)}  # versions of Numba with which the tests of kernels have passed
_NAMES = ("__numba_parfor_gufunc", "<numba.np.ufunc.wrappers._GufuncWrapper", "parallelgufuncwrapper")
_ENVIRONMENT = "_ZN08NumbaEnv"  # how the names of functions' environments begin


class _Draft(JITCodeLibrary):
    """A library of functions that is only ever copied into another one."""

    def _optimize_final_module(self) -> None:
        """Leave it to those who copy it."""

    def _finalize_final_module(self) -> None:
        """Make no machine code: only a place for the address of the function's environment, Numba's own."""
        self._finalize_dynamic_globals()
        known, names = self._codegen._engine.is_symbol_defined, self._final_module.global_variables
        wanted = [one.name for one in names if one.name.startswith(_ENVIRONMENT) and not known(one.name)]
        text = str(self._codegen._create_empty_module(self.name))
        text += "".join(f"\n@{name} = common global i8* null" for name in wanted)
        self._codegen._add_module(llvm.parse_assembly(text))
        self._finalized = True


class WithDrafts(Compiler):
    """Numba's compiler, whose wrappers of `prange` loops are drafts."""

    def compile_extra(self, function: Callable) -> Any:
        if tuple(numba.version_info[:2]) not in _TRIED:
            return super().compile_extra(function)
        with _drafting(self.state.targetctx.codegen()):
            return super().compile_extra(function)


@contextmanager
def _drafting(codegen: Any) -> Iterator[None]:
    """Numba compiles one function at a time, under a lock, so nobody else's libraries are made meanwhile."""
    create = codegen.create_library

    def create_library(name: str, **options: Any) -> Any:
        return _Draft(codegen, name, **options) if name.startswith(_NAMES) else create(name, **options)

    codegen.create_library = create_library
    try:
        yield
    finally:
        codegen.create_library = create

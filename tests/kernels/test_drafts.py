"""Functions with `prange` compiled with drafts, beside Numba's own way."""

import numba
import numpy as np
import pytest
from numba import prange
from numba.core.codegen import JITCodeLibrary

from tinynet.kernels import drafts
from tinynet.kernels.compiling import inner_kernel, parallel_kernel

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


@inner_kernel
def _scaled_row(x, row, total):
    for j in range(x.shape[1]):
        total[row] += np.tanh(x[row, j]) * (row + 1)


def _row_sums(x, total):
    for row in prange(len(x)):
        _scaled_row(x, row, total)


@pytest.fixture
def optimised(monkeypatch):
    """The names of the libraries that are optimised meanwhile."""
    names, optimise = [], JITCodeLibrary._optimize_final_module

    def note(library):
        names.append(library.name)
        optimise(library)

    monkeypatch.setattr(JITCodeLibrary, "_optimize_final_module", note)
    return names


def _fresh():
    """A function with a `prange` loop that no cache knows."""
    compiled = parallel_kernel(_row_sums)
    compiled._cache = numba.core.caching.NullCache()
    return compiled


def _result(function, rows=37):
    x = np.random.default_rng(0).standard_normal((rows, 101)).astype(np.float32)
    total = np.zeros(rows, np.float32)
    function(x, total)
    return total


def test_drafts_compute_what_numba_by_itself_computes():
    result = _result(_fresh())
    assert np.abs(result).max() > 1
    np.testing.assert_allclose(result, _result(numba.njit(parallel=True)(_row_sums)), rtol=1e-5)


@pytest.mark.skipif(numba.version_info[:2] not in drafts._TRIED, reason="an unknown version of Numba")
def test_only_the_function_itself_is_optimised(optimised):
    _result(_fresh())
    assert "_row_sums" in optimised
    assert not [name for name in optimised if name.startswith(drafts._NAMES)]


def test_an_unknown_version_of_numba_compiles_as_ever(optimised, monkeypatch):
    monkeypatch.setattr(drafts, "_TRIED", set())
    _result(_fresh())
    assert {one for one in drafts._NAMES for name in optimised if name.startswith(one)} == set(drafts._NAMES)


def test_functions_of_others_are_compiled_as_ever(optimised):
    _result(_fresh())
    optimised.clear()
    _result(numba.njit(parallel=True)(_row_sums))
    assert {one for one in drafts._NAMES for name in optimised if name.startswith(one)} == set(drafts._NAMES)

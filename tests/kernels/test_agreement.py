"""Every kernel equals its plain-Python definition."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tests.again import FOUR_THREADS, WITHOUT_COMPILER, run_again
from tests.kernels import cases
from tinynet.kernels import threads

KERNELS = cases.kernels()


def test_every_kernel_has_a_definition_beside_it_and_a_case_here():
    for function in KERNELS.values():
        assert callable(cases.definition(function))
    assert set(KERNELS) == cases.tested()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_kernel_equals_its_definition(name, dtype):
    kernel = KERNELS[name]
    for arguments in cases.arguments(name, dtype):
        got = _tuple(kernel(*arguments))
        want = _tuple(cases.definition(kernel)(*arguments))
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            _assert_equal_up_to_rounding(g, w, np.finfo(dtype).eps)


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_results_have_the_same_bits_with_any_number_of_threads(name):
    results = []
    chosen = threads.num_threads()
    try:
        for count in range(1, min(4, numba.config.NUMBA_NUM_THREADS) + 1):
            threads.set_num_threads(count)
            outputs = [_tuple(KERNELS[name](*a)) for a in cases.arguments(name, np.float32)]
            results.append([array.tobytes() for output in outputs for array in output])
    finally:
        threads.set_num_threads(chosen)
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_read_only_and_strided_arrays_give_the_same_without_another_compilation(name):
    kernel = KERNELS[name]
    arguments = cases.arguments(name, np.float32)[1]
    want = _tuple(kernel(*arguments))
    before = _compiled_versions(kernel)
    got = _tuple(kernel(*[_awkward(a) if isinstance(a, np.ndarray) else a for a in arguments]))
    assert all(np.array_equal(g, w) for g, w in zip(got, want, strict=True))
    assert _compiled_versions(kernel) == before


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_kernels_equal_their_definitions_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS >= 4, reason="four threads were tested above")
def test_four_threads_give_the_same_bits_also_on_a_small_machine():
    run_again(__file__, FOUR_THREADS, select="same_bits")


def _tuple(result):
    return result if isinstance(result, tuple) else (result,)


def _assert_equal_up_to_rounding(got, want, eps):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    scale = max(1.0, float(np.abs(want).max()))
    assert np.abs(got.astype(np.float64) - want).max() <= 64 * eps * scale


def _awkward(array):
    """The same values, read-only and with gaps in memory."""
    spread = np.zeros((*array.shape, 2), array.dtype)
    spread[..., 0] = array
    view = spread[..., 0]
    view.flags.writeable = False
    return view


def _compiled(function):
    values = function.__globals__.items()
    return {name: value for name, value in values if hasattr(value, "signatures")}


def _compiled_versions(function):
    return {name: len(value.signatures) for name, value in _compiled(function).items()}

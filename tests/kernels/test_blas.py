"""Matrix products of compiled loops: every layout of the matrices, by NumPy's BLAS and by `np.dot`."""

# ruff: noqa: E741  (O is the shape letter of output channels)
import subprocess
import sys

import numba
import numpy as np
import pytest

from tinynet.kernels import blas
from tinynet.kernels.blas import multiply, multiply_add

SIZES = [(7, 5, 3), (1, 5, 3), (7, 1, 3), (7, 5, 1), (1, 1, 1), (64, 96, 32)]


def compiled(function):
    """A function compiled into another one; nothing of it is kept on disk."""
    return numba.njit(lambda a, b, y: function(a, b, y))


def _as_it_is(x):
    return x.copy()


def _transposed(x):
    return x.T.copy().T


def _columns_of_more(x):
    return np.pad(x, ((0, 0), (2, 3)), constant_values=np.nan)[:, 2:-3]


def _rows_of_more_transposed(x):
    return np.pad(x, ((2, 3), (0, 0)), constant_values=np.nan).T.copy()[:, 2:-3].T


LAYOUTS = [_as_it_is, _transposed, _columns_of_more, _rows_of_more_transposed]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_products_of_every_layout(layout, dtype):
    rng = np.random.default_rng(0)
    fill, add = compiled(multiply), compiled(multiply_add)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    for R, K, O in SIZES:
        a, b, before = (rng.standard_normal(shape).astype(dtype) for shape in [(R, K), (K, O), (R, O)])
        for y_layout in (_as_it_is, _columns_of_more):
            y = y_layout(np.full((R, O), np.nan, dtype))
            fill(layout(a), b, y)
            np.testing.assert_allclose(y, a @ b, rtol=tolerance, atol=tolerance)
            fill(a, layout(b), y)
            np.testing.assert_allclose(y, a @ b, rtol=tolerance, atol=tolerance)
            y = y_layout(before)
            add(layout(a), layout(b), y)
            np.testing.assert_allclose(y, before + a @ b, rtol=tolerance, atol=tolerance)


def test_a_part_of_a_result_leaves_the_rest_alone():
    y = np.full((4, 6), 7.0)
    compiled(multiply)(np.ones((4, 3)), np.ones((3, 2)), y[:, 2:4])
    assert (y[:, 2:4] == 3).all() and (y[:, :2] == 7).all() and (y[:, 4:] == 7).all()


def test_nothing_to_add_up_gives_zeros():
    y = np.full((2, 3), np.nan)
    compiled(multiply)(np.empty((2, 0)), np.empty((0, 3)), y)
    assert (y == 0).all()


def test_a_single_row_may_claim_any_stride():
    """NumPy calls an array of one row contiguous whatever its stride says."""
    a = np.lib.stride_tricks.as_strided(np.arange(4.0), (1, 4), (8, 8))
    y = np.zeros((1, 1))
    compiled(multiply)(a, np.ones((4, 1)), y)
    assert y[0, 0] == 6


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_numpys_library_is_called_where_it_was_found():
    product = compiled(multiply)
    product(np.ones((2, 3)), np.ones((3, 4)), np.empty((2, 4)))
    (code,) = product.inspect_llvm().values()
    assert ("tinynet_dgemm" in code) == bool(blas.INTERFACE)


WITHOUT_A_LIBRARY = """
import sys, pytest
from tinynet.kernels import blas
blas.INTERFACE = None
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.skipif(not blas.INTERFACE, reason="this is the run that the test starts")
def test_numba_by_itself_computes_the_same():
    """In a process of its own: what a call is compiled to is remembered for each type of arrays."""
    command = [sys.executable, "-c", WITHOUT_A_LIBRARY, "-q", "-p", "no:cacheprovider", __file__]
    command += ["-k", "called or part or nothing or stride or (transposed and float32)"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout


def test_python_by_itself_computes_the_same():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    y = np.ones((2, 4))
    multiply(a, b, y)
    multiply_add(a, b, y)
    assert (y == 2 * (a @ b)).all()


@pytest.mark.skipif(sys.platform == "win32", reason="a library there does not tell what those it needs have")
def test_numpys_library_is_found():
    """Else the fast way would rest unused, and nobody would know."""
    assert blas.INTERFACE is not None


def test_a_library_without_the_functions_is_refused(monkeypatch):
    monkeypatch.setattr(blas, "_NAMES", [("no_{}gemm", 64)])
    assert blas._find() is None


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.skipif(not blas.INTERFACE, reason="np.dot takes any")
def test_a_transposed_result_is_refused():
    compiled = numba.njit(lambda a, b, y: multiply(a, b, y))
    with pytest.raises(numba.TypingError, match="y cannot be a transposed view"):
        compiled(np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 2)).T)


def test_a_name_that_may_stand_for_two_interfaces_is_not_trusted(monkeypatch):
    monkeypatch.setattr("numpy.linalg._umath_linalg._ilp64", True)
    monkeypatch.setattr(blas, "_NAMES", [(name, 32) for name, _ in blas._NAMES])
    assert blas._find() is None

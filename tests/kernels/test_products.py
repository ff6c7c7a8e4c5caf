"""Every way of cutting a matrix product gives the same product; which one is taken depends on the sizes."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tests.again import FOUR_THREADS, WITHOUT_COMPILER, run_again
from tests.kernels import cases
from tinynet.kernels import pointwise, threads

KERNELS = ["matmul", "matmul_grad_a", "matmul_grad_b", "column_sum"]
# R, K, O: rows cut; rows cut and partial sums; a large weight cut; the same for one row
LARGE = [(300, 60, 80), (5000, 24, 20), (20, 1500, 70), (1, 2000, 600)]


@pytest.fixture
def no_product_is_small(monkeypatch):
    monkeypatch.setattr(pointwise, "_ALONE", 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_a_product_in_blocks_equals_its_definition(name, dtype, no_product_is_small):
    kernel = getattr(pointwise, name)
    for arguments in cases.arguments(name, dtype):
        want = cases.definition(kernel)(*arguments)
        scale = max(1.0, float(np.abs(want).max()))
        assert np.abs(kernel(*arguments) - want).max() <= 64 * np.finfo(dtype).eps * scale


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_a_product_in_blocks_equals_its_definition_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER, select="definition")


def matrices(R, K, O):  # noqa: E741
    rng = np.random.default_rng(0)
    shapes = [(R, K), (K, O), (O,), (R, O)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def products(a, b, bias, g):
    return (
        pointwise.matmul(a, b, bias),
        pointwise.matmul_grad_a(g, b),
        pointwise.matmul_grad_b(a, g),
        pointwise.column_sum(g),
    )


@pytest.mark.parametrize("sizes", LARGE)
def test_a_large_product_is_the_product(sizes):
    a, b, bias, g = matrices(*sizes)
    exact = [array.astype(np.float64) for array in (a, b, bias, g)]
    want = [
        exact[0] @ exact[1] + exact[2],
        exact[3] @ exact[1].T,
        exact[0].T @ exact[3],
        exact[3].sum(axis=0),
    ]
    for mine, its in zip(products(a, b, bias, g), want, strict=True):
        assert mine.dtype == np.float32 and mine.flags.c_contiguous
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-5 * np.abs(its).max())


@pytest.mark.parametrize("sizes", LARGE)
def test_a_large_product_has_the_same_bits_with_any_number_of_threads(sizes):
    arguments = matrices(*sizes)
    results = []
    chosen = threads.num_threads()
    try:
        for count in range(1, min(4, numba.config.NUMBA_NUM_THREADS) + 1):
            threads.set_num_threads(count)
            results.append([array.tobytes() for array in products(*arguments)])
    finally:
        threads.set_num_threads(chosen)
    assert all(result == results[0] for result in results)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS >= 4, reason="four threads were tested above")
def test_four_threads_give_the_same_bits_also_on_a_small_machine():
    run_again(__file__, FOUR_THREADS, select="any_number")

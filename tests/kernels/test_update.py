"""The compiled steps of the optimisers equal their definitions, for parameters of any size and number."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tests.again import WITHOUT_COMPILER, run_again
from tinynet.kernels import threads, update

SIZES = [1, 7, 1000, 140_001]  # the last is cut into blocks for the threads


def _sgd(momentum, nesterov):
    return (
        1 if momentum else 0,
        lambda parts: update.sgd(parts, 0.1, momentum, nesterov, 0.01),
        lambda w, g, v=None: update.sgd_definition(w, g, v, 0.1, momentum, nesterov, 0.01),
    )


def _rmsprop(momentum):
    return (
        2 if momentum else 1,
        lambda parts: update.rmsprop(parts, 0.1, 0.9, 1e-8, momentum, 0.01),
        lambda w, g, s, v=None: update.rmsprop_definition(w, g, s, v, 0.1, 0.9, 1e-8, momentum, 0.01),
    )


def _adam(step, weight_decay, decoupled):
    options = (step, 0.1, (0.9, 0.99), 1e-8, weight_decay, decoupled)
    return (
        2,
        lambda parts: update.adam(parts, *options),
        lambda w, g, m, s: update.adam_definition(w, g, m, s, *options),
    )


# How many arrays are kept, the compiled step of a list of parts, and the definition for one part.
STEPS = {
    "sgd": _sgd(0.0, False),
    "sgd with momentum": _sgd(0.9, False),
    "sgd with nesterov": _sgd(0.9, True),
    "rmsprop": _rmsprop(0.0),
    "rmsprop with momentum": _rmsprop(0.9),
    "adam": _adam(3, 0.01, 0.0),
    "adamw": _adam(1, 0.0, 0.01),
}


def made(kept, dtype):
    """Parts of all sizes; what is kept is positive, as a mean of squares is. Some gradients are nothing."""
    rng = np.random.default_rng(0)
    parts = []
    for size in SIZES:
        w, g = rng.standard_normal((2, size)).astype(dtype)
        g[::3] *= 1e-20
        parts.append((w, g, *rng.random((kept, size)).astype(dtype)))
    return parts


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_equals_its_definition(name, dtype):
    kept, run, define = STEPS[name]
    got, want, eps = made(kept, dtype), made(kept, dtype), np.finfo(dtype).eps
    run(got)
    for part in want:
        define(*part)
    for one, other in zip(got, want, strict=True):
        for mine, its in zip(one, other, strict=True):
            np.testing.assert_allclose(mine, its, rtol=16 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STEPS)
def test_numbers_that_would_become_subnormal_equal_the_definition(name, dtype):
    kept, run, define = STEPS[name]
    tiny = np.finfo(dtype).tiny
    for g in (0.0, tiny, 2.0**20 * tiny, np.sqrt(tiny), 2.0**12 * np.sqrt(tiny)):
        got = [np.full(3, value, dtype) for value in (1, g, *[2.0**24 * tiny] * kept)]
        want = [array.copy() for array in got]
        run([tuple(got)])
        define(*want)
        for mine, its in zip(got, want, strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-5)


@pytest.mark.parametrize("name", STEPS)
def test_what_is_not_finite_is_not_lost(name):
    kept, run, _ = STEPS[name]
    for bad in (np.nan, np.inf):
        parts = made(kept, np.float32)
        parts[1][1][3] = bad
        run(parts)
        assert not np.isfinite(parts[1][0][3])
        assert np.isfinite(np.delete(parts[1][0], 3)).all()


@pytest.mark.parametrize("name", STEPS)
def test_results_have_the_same_bits_with_any_number_of_threads(name):
    kept, run, _ = STEPS[name]
    results = []
    chosen = threads.num_threads()
    try:
        for count in range(1, min(4, numba.config.NUMBA_NUM_THREADS) + 1):
            threads.set_num_threads(count)
            parts = made(kept, np.float32)
            run(parts)
            results.append([array.tobytes() for part in parts for array in part])
    finally:
        threads.set_num_threads(chosen)
    assert all(result == results[0] for result in results)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="this is the run that the test starts")
def test_the_steps_equal_their_definitions_without_the_compiler():
    run_again(__file__, WITHOUT_COMPILER, select="definition")

"""Law 1: every operation has a float64 gradient check over all inputs with a random upstream gradient."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet.ops.math import Binary
from tinynet.ops.reduce import Reduction
from tinynet.tensor import Op

from .gradient_cases import CASES

ABSTRACT = {Binary, Reduction}


def subclasses(kind: type) -> set[type]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        pytest.param(function, arrays, id=f"{kind.__name__}: {what}")
        for kind, cases in CASES.items()
        for what, function, arrays in cases
    ],
)
def test_gradient_equals_finite_differences(function, arrays):
    tn.gradcheck(function, *arrays)


def test_every_operation_of_the_library_has_a_gradient_check():
    operations = {kind for kind in subclasses(Op) - {Op} if kind.__module__.startswith("tinynet.")}
    assert operations - ABSTRACT - set(CASES) == set()
    assert all(CASES.values())


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_the_cases_listed_under_an_operation_do_run_it(kind, monkeypatch):
    ran = []
    original = Op.__call__

    def watched(self, *inputs):
        ran.append(type(self))
        return original(self, *inputs)

    monkeypatch.setattr(Op, "__call__", watched)
    for _, function, arrays in CASES[kind]:
        ran.clear()
        function(*(tn.Tensor(array) for array in arrays))
        assert kind in ran


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_float32_stays_float32_forward_and_backward(kind):
    _, function, arrays = CASES[kind][0]
    inputs = [tn.Tensor(array.astype(np.float32), requires_grad=True) for array in arrays]
    output = function(*inputs)
    assert output.dtype == np.float32
    output.backward(np.ones(output.shape, dtype=np.float32))
    assert all(tensor.grad.dtype == np.float32 for tensor in inputs)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_gradients_add_up_and_can_be_changed_in_place(kind):
    _, function, arrays = CASES[kind][0]
    leaves = [tn.Tensor(array.copy(), requires_grad=True) for array in arrays]
    for _ in range(2):
        output = function(*leaves)
        output.backward(np.ones(output.shape))
    once = [tn.Tensor(array.copy(), requires_grad=True) for array in arrays]
    output = function(*once)
    output.backward(np.ones(output.shape))
    for leaf, single in zip(leaves, once, strict=True):
        leaf.grad *= 0.5
        np.testing.assert_allclose(leaf.grad, single.grad, rtol=1e-12)


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_only_the_inputs_that_need_a_gradient_get_one(kind):
    _, function, arrays = CASES[kind][0]
    for wanted in range(len(arrays)):
        inputs = [tn.Tensor(array, requires_grad=i == wanted) for i, array in enumerate(arrays)]
        output = function(*inputs)
        output.backward(np.ones(output.shape))
        assert [tensor.grad is not None for tensor in inputs] == [i == wanted for i in range(len(arrays))]

"""The walk back through the graph: order, accumulation, depth, second walks."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import DTypeError, GradientError, InputError
from tinynet.ops.math import Multiply


def leaf(*values: float) -> tn.Tensor:
    return tn.Tensor(np.array(values), requires_grad=True)


def test_a_node_used_twice_is_visited_once_with_both_gradients():
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.tolist() == [4.0]


def test_paths_of_different_length_meet():
    x = leaf(2.0)
    y = x * x  # 4
    z = y * x + y  # x^3 + x^2
    z.backward()
    assert x.grad.tolist() == [3 * 4.0 + 2 * 2.0]


def test_gradients_add_up_over_calls():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]


def test_only_leaves_get_a_gradient():
    x = leaf(1.0)
    middle = x * 2
    (middle * 3).backward()
    assert middle.grad is None
    assert x.grad.tolist() == [6.0]


def test_a_tensor_without_requires_grad_gets_none():
    x, constant = leaf(2.0), tn.Tensor(np.array([5.0]))
    (x * constant).backward()
    assert constant.grad is None


def test_backward_of_a_leaf_itself():
    x = leaf(2.0)
    upstream = np.array([3.0])
    x.backward(upstream)
    upstream[0] = 0
    assert x.grad.tolist() == [3.0]


def test_leaves_never_share_the_memory_of_a_gradient():
    a, b, upstream = leaf(1.0, 2.0), leaf(3.0, 4.0), np.array([1.0, 1.0])
    (a + b).backward(upstream)
    a.grad[0] = 100
    assert b.grad.tolist() == [1.0, 1.0]
    assert upstream.tolist() == [1.0, 1.0]


def test_a_leaf_and_an_inner_tensor_may_receive_the_same_gradient():
    a = leaf(1.0, 2.0)
    inner = a * 5
    (a + inner).backward(np.array([1.0, 1.0]))
    assert a.grad.tolist() == [6.0, 6.0]


def test_a_chain_of_100_000_additions():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert y.item() == 100_001.0
    assert x.grad.tolist() == [1.0]


def test_a_chain_of_100_000_additions_can_be_dropped_unused():
    y = leaf(1.0)
    for _ in range(100_000):
        y = y + 1.0
    del y


def test_the_graph_is_freed_by_backward_without_the_garbage_collector():
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        middle = x.exp()
        watched = weakref.ref(middle)
        y = (middle * middle).sum()
        del middle
        y.backward()
        assert watched() is None
    finally:
        gc.enable()


def test_a_dropped_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        y = leaf(1.0, 2.0).exp()
        operation = weakref.ref(y._creator)
        del y
        assert operation() is None
    finally:
        gc.enable()


def test_a_second_backward_is_refused():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match="already been through a part of this graph"):
        y.backward()
    assert x.grad.tolist() == [4.0]


def test_a_second_result_on_a_walked_part_is_refused_before_any_leaf_changes():
    x, w = leaf(2.0), leaf(3.0)
    shared = x * x
    first, second = shared * 2, shared * w
    first.backward()
    with pytest.raises(GradientError, match="compute the result again"):
        second.backward()
    assert w.grad is None


def test_backward_of_many_numbers_needs_a_gradient():
    with pytest.raises(GradientError, match=r"shape \(2,\) needs the gradient that flows in"):
        (leaf(1.0, 2.0) * 2).backward()


def test_backward_checks_the_shape_of_the_gradient():
    with pytest.raises(InputError, match=r"grad of the tensor's shape \(2,\), got \(3,\)"):
        (leaf(1.0, 2.0) * 2).backward(np.ones(3))


def test_backward_where_nothing_needs_a_gradient():
    with pytest.raises(GradientError, match="requires_grad=True"):
        (tn.Tensor([1.0]) * 2).backward()


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = leaf(1.0)
    with tn.no_grad():
        assert not tn.is_grad_enabled()
        y = x * 2
    assert not y.requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_after_an_error():
    with pytest.raises(ZeroDivisionError), tn.no_grad():
        raise ZeroDivisionError
    assert tn.is_grad_enabled()


def test_no_grad_as_a_decorator_of_a_recursive_function():
    @tn.no_grad()
    def product(x, times):
        return x if times == 0 else product(x * 2, times - 1)

    assert not product(leaf(1.0), 3).requires_grad
    assert tn.is_grad_enabled()


def test_the_same_no_grad_may_be_entered_within_itself():
    off = tn.no_grad()
    with off, off:
        pass
    assert tn.is_grad_enabled()


def test_no_grad_holds_in_its_own_thread_only():
    with tn.no_grad(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(tn.is_grad_enabled).result()


def test_an_operation_is_applied_once():
    operation = Multiply()
    x = leaf(2.0)
    operation(x, x)
    with pytest.raises(GradientError, match="This Multiply has been applied already"):
        operation(x, x)


def test_an_operation_takes_arrays_and_numbers_too():
    assert Multiply()(np.array([2.0]), np.array([3.0])).numpy().tolist() == [6.0]


def test_an_operation_that_changes_the_dtype_is_named():
    class Truth(tn.Op):
        def forward(self, x):
            return x > 0

    with pytest.raises(DTypeError, match="Truth.forward returned bool for inputs of float64"):
        Truth()(leaf(1.0))


def test_what_needs_no_gradient_is_not_kept():
    x, constant = leaf(1.0, 2.0), tn.Tensor(np.array([3.0, 4.0]))
    y = (x * constant).sum()
    x.data -= 1.0  # the gradient is the constant, whatever x is
    y.backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_the_gradient_of_a_number_is_an_array():
    x = tn.Tensor(np.array(3.0), requires_grad=True)
    (x * x).backward()
    assert isinstance(x.grad, np.ndarray) and x.grad.shape == ()


class Wrong(tn.Op):
    """An operation whose backward returns whatever it is told to."""

    def __init__(self, gradients):
        self.gradients = gradients

    def forward(self, *arrays):
        return arrays[0] * 2

    def backward(self, grad):
        return self.gradients


def test_an_operation_with_a_gradient_of_the_wrong_shape_is_named():
    with pytest.raises(GradientError, match=r"Wrong.backward returned a gradient of shape \(3,\)"):
        Wrong((np.ones(3),))(leaf(1.0, 2.0)).backward(np.ones(2))


def test_an_operation_with_too_few_gradients_is_named():
    with pytest.raises(GradientError, match="Wrong.backward returned 1 gradients for 2 inputs"):
        Wrong((np.ones(2),))(leaf(1.0, 2.0), leaf(1.0, 2.0)).backward(np.ones(2))


def test_an_operation_without_a_backward_is_named():
    class Forward(tn.Op):
        def forward(self, x):
            return x * 2

    with pytest.raises(NotImplementedError, match=r"Forward has no gradient: define its backward\(\)"):
        Forward()(leaf(1.0)).backward()


def test_an_input_that_gets_no_gradient_does_not_hold_up_the_others():
    class FirstOnly(tn.Op):
        def forward(self, a, b):
            return a + b

        def backward(self, grad):
            return grad, None

    a, b = leaf(1.0), leaf(2.0)
    FirstOnly()(a * 2, b * 3).backward()
    assert a.grad.tolist() == [2.0]
    assert b.grad is None

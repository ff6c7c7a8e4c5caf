"""Changes of an array that a pending backward needs: each is noticed, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import GradientError


def square_of(array: np.ndarray) -> tuple[tn.Tensor, tn.Tensor]:
    x = tn.Tensor(array, requires_grad=True, name="x")
    return x, (x * x).sum()


def test_writing_into_data_is_noticed_and_named():
    x, y = square_of(np.array([1.0, 2.0, 3.0]))
    x.data[1] = 5.0
    with pytest.raises(GradientError, match=r"Multiply kept its input 0 'x' of shape \(3,\)"):
        y.backward()
    assert x.grad is None


def test_augmented_assignment_to_data_is_noticed():
    x, y = square_of(np.array([1.0, 2.0]))
    x.data -= 1.0
    with pytest.raises(GradientError, match="changed in place"):
        y.backward()


def test_writing_through_the_array_the_tensor_was_made_from_is_noticed():
    array = np.array([1.0, 2.0])
    _, y = square_of(array)
    array[0] = 7.0
    with pytest.raises(GradientError):
        y.backward()


def test_writing_through_a_view_taken_earlier_is_noticed():
    array = np.zeros((2, 2))
    view = array[1]
    _, y = square_of(array)
    view += 1.0
    with pytest.raises(GradientError):
        y.backward()


def test_exchanging_two_elements_is_noticed():
    x, y = square_of(np.array([1.0, 2.0]))
    x.data[:] = x.data[::-1].copy()
    with pytest.raises(GradientError):
        y.backward()


def test_a_result_that_was_kept_and_looked_at_only_later_is_watched():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    middle = x * 2
    y = (middle * middle).sum()
    middle.data[0] = 9.0
    with pytest.raises(GradientError, match="Multiply kept its input 0"):
        y.backward()


def test_an_output_that_was_kept_is_watched():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.numpy()[0] = 0.0
    with pytest.raises(GradientError, match="Exp kept its output"):
        y.backward(np.ones(2))


def test_a_step_of_the_library_between_forward_and_backward_is_noticed():
    x, y = square_of(np.array([1.0, 2.0]))
    with x._writing() as array:
        array -= 0.1
    with pytest.raises(GradientError):
        y.backward()


def test_reading_is_no_change():
    x, y = square_of(np.array([1.0, 2.0]))
    assert x.data[0] == 1.0
    assert float(x.numpy().sum()) == 3.0
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_looking_at_a_result_that_was_kept_is_no_change():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    middle = x * 2
    y = (middle * middle).sum()
    assert middle.data[0] == 2.0
    y.backward()
    assert x.grad.tolist() == [8.0, 16.0]


def test_a_parameter_that_was_looked_at_is_not_watched_for_ever(monkeypatch):
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    assert x.numpy()[0] == 1.0
    with x._writing() as array:  # a step of an optimiser, when nobody holds the array any more
        array -= 0.5
    del array
    monkeypatch.setattr("tinynet.storage.checksum", lambda array: pytest.fail("hashed"))
    (x * x).sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


def test_a_parameter_that_somebody_still_holds_stays_watched():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    held = x.numpy()
    with x._writing() as array:
        array -= 0.5
    del array
    y = (x * x).sum()
    held[0] = 7.0
    with pytest.raises(GradientError):
        y.backward()


def test_a_change_before_the_forward_pass_is_none():
    x = tn.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    x.data[0] = 3.0
    (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 4.0]


def test_a_change_after_backward_is_none():
    x, y = square_of(np.array([1.0, 2.0]))
    y.backward()
    x.data[0] = 3.0
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0 + 6.0, 4.0 + 4.0]


def test_an_operation_that_keeps_nothing_does_not_mind():
    x = tn.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    y = (x + 1.0).sum()
    x.data[0] = 3.0
    y.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_replacing_data_by_another_array_leaves_the_kept_one_alone():
    x, y = square_of(np.array([1.0, 2.0]))
    x.data = np.array([10.0, 20.0])
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x.reshape(2, 2),
        lambda x: x.reshape(4).reshape(1, 4),
        lambda x: x.reshape(2, 2).T,
        lambda x: x[1:],
        lambda x: x[:, None],
    ],
)
def test_a_result_never_shares_memory_with_its_input(operation):
    x = tn.Tensor(np.arange(4.0))
    assert not np.shares_memory(operation(x).data, x.data)


def test_an_activation_nobody_asked_for_is_never_hashed(monkeypatch):
    x = tn.Tensor(np.ones((4, 4), dtype=np.float32), requires_grad=True)
    hashed = []
    monkeypatch.setattr("tinynet.storage.checksum", lambda array: hashed.append(array.shape) or 0)
    hidden = (x + 1.0).exp()
    (hidden * hidden).sum().backward()
    assert hashed == []


def test_writing_beside_a_kept_array_in_the_same_memory_is_no_change():
    memory = np.ones(6, np.float32)
    w = tn.Tensor(memory[:4].reshape(2, 2), requires_grad=True)
    b = tn.Tensor(memory[4:], requires_grad=True)
    y = tn.ops.linear(np.ones((1, 2), np.float32), w, b)
    b.data[...] = 2
    y.sum().backward()
    np.testing.assert_array_equal(b.grad, [1, 1])


def test_an_output_that_reaches_its_input_through_a_buffer_is_copied():
    class Same(tn.tensor.Op):
        def forward(self, x):
            return np.asarray(memoryview(x))

    x = np.ones(3, np.float32)
    y = Same()(tn.Tensor(x))
    y.data[0] = 5
    assert x[0] == 1

"""What a tensor is made from, what it shows, and how it sits among NumPy arrays."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import DTypeError, GradientError, InputError


def test_lists_and_numbers_become_float32():
    assert tn.Tensor([1, 2.5]).dtype == np.float32
    assert tn.Tensor(3).shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_arrays_are_shared_not_copied(dtype):
    array = np.zeros((2, 3), dtype=dtype)
    tensor = tn.Tensor(array)
    assert tensor.data is array
    assert (tensor.shape, tensor.dtype, tensor.ndim, tensor.size, len(tensor)) == ((2, 3), dtype, 2, 6, 2)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, np.complex64, bool, object])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(DTypeError, match=r"float32 or float64, got an array of .*\.astype\(np\.float32\)"):
        tn.Tensor(np.zeros(3, dtype=dtype))


@pytest.mark.parametrize("value", ["cat", "3", None, True, [1.0, None], [[1.0], [1.0, 2.0]], {"a": 1.0}, 2j])
def test_things_that_are_no_numbers_are_refused(value):
    with pytest.raises(DTypeError, match="Tensor expects numbers, got"):
        tn.Tensor(value)
    with pytest.raises(DTypeError, match="Tensor expects numbers, got"):
        tn.Tensor([1.0]) + value


def test_a_list_of_tensors_is_sent_to_stack():
    with pytest.raises(DTypeError, match=r"tn\.stack"):
        tn.Tensor([tn.Tensor(1.0), tn.Tensor(2.0)])


def test_two_dtypes_together_are_refused():
    with pytest.raises(DTypeError, match="Add got float32 and float64 together"):
        tn.Tensor(np.zeros(2, dtype=np.float32)) + tn.Tensor(np.zeros(2))


def test_plain_numbers_take_the_dtype_of_the_tensor():
    for dtype in (np.float32, np.float64):
        x = tn.Tensor(np.ones(2, dtype=dtype))
        for y in (x + 1, 1 - x, x * 2.5, 3 / x, x**2, 2**x, x + [1, 2], x * np.float64(3)):
            assert y.dtype == dtype


def test_operators_from_both_sides():
    x = tn.Tensor([1.0, 4.0])
    assert (2 + x).numpy().tolist() == [3, 6]
    assert (2 - x).numpy().tolist() == [1, -2]
    assert (2 * x).numpy().tolist() == [2, 8]
    assert (2 / x).numpy().tolist() == [2, 0.5]
    assert (2**x).numpy().tolist() == [2, 16]
    assert (-x).numpy().tolist() == [-1, -4]
    array = np.array([1.0, 1.0], dtype=np.float32)
    assert isinstance(array + x, tn.Tensor)
    assert isinstance(array @ x, tn.Tensor)
    assert (array @ x).item() == 5
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    assert (matrix @ x).numpy().tolist() == [9, 19]


def test_a_numpy_function_does_not_lose_the_gradient_silently():
    with pytest.raises(TypeError):
        np.exp(tn.Tensor([1.0], requires_grad=True))


def test_asarray_gives_the_values():
    assert np.asarray(tn.Tensor([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_item_needs_one_element():
    assert tn.Tensor([[2.5]]).item() == 2.5
    with pytest.raises(InputError, match=r"one element, got shape \(2,\)"):
        tn.Tensor([1.0, 2.0]).item()


def test_detach_shares_the_array_and_forgets_the_graph():
    x = tn.Tensor([1.0], requires_grad=True)
    y = x * 2
    assert not y.detach().requires_grad
    assert y.detach().data is y.data


def test_a_tensor_is_not_made_from_one_that_needs_a_gradient():
    with pytest.raises(GradientError, match="detach"):
        tn.Tensor(tn.Tensor([1.0], requires_grad=True) * 2)


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_are_refused_from_both_sides(name):
    for left, right in ((tn.Tensor([1.0]), np.ones(1)), (np.ones(1), tn.Tensor([1.0]))):
        with pytest.raises(TypeError, match="compare their arrays"):
            getattr(operator, name)(left, right)


def test_a_step_by_augmented_assignment_is_refused_for_what_is_trained():
    x = tn.Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"x\.data \+= y"):
        x -= 0.1
    total = x * 2
    total += x
    assert total.item() == 3.0


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("exp", ()),
        ("log", ()),
        ("sqrt", ()),
        ("tanh", ()),
        ("sigmoid", ()),
        ("relu", ()),
        ("clip", (0.7, 1.2)),
        ("sum", (0, True)),
        ("mean", (1, False)),
        ("max", (0, True)),
        ("var", (1, True, 1)),
        ("logsumexp", (1, True)),
        ("softmax", (0,)),
        ("log_softmax", (0,)),
        ("reshape", (3, 2)),
        ("transpose", (1, 0)),
    ],
)
def test_a_method_is_the_function_of_its_name(method, arguments):
    x = tn.Tensor(np.random.default_rng(0).uniform(0.5, 1.5, (2, 3)))
    expected = getattr(tn.ops, method)(x, *arguments).numpy()
    assert np.array_equal(getattr(x, method)(*arguments).numpy(), expected)
    assert np.array_equal(abs(x.numpy() - 1), (x - 1).abs().numpy())


def test_data_keeps_its_shape():
    with pytest.raises(InputError, match=r"shape \(2,\), got \(3,\)"):
        tn.Tensor([1.0, 2.0]).data = np.zeros(3)


def test_data_keeps_its_dtype():
    with pytest.raises(DTypeError, match="dtype float32, got float64"):
        tn.Tensor([1.0, 2.0]).data = np.zeros(2)


def test_iteration_ends():
    assert [row.item() for row in tn.Tensor([1.0, 2.0, 3.0])] == [1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match="without dimensions"):
        list(tn.Tensor(3.0))


def test_truth_of_many_elements_is_refused():
    with pytest.raises(InputError):
        bool(tn.Tensor([1.0, 2.0]))


def test_repr_tells_shape_dtype_and_origin():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "Tensor([1., 2.], shape=(2,), dtype=float32, requires_grad=True)"
    assert "from Add" in repr(x + 1)


def test_a_deep_copy_is_independent():
    x = tn.Tensor([1.0, 2.0], requires_grad=True)
    twin = copy.deepcopy(x)
    twin.data[0] = 9
    assert x.data.tolist() == [1.0, 2.0]
    assert twin.requires_grad


def test_a_tensor_with_a_graph_is_not_copied_with_it():
    with pytest.raises(GradientError, match="detach"):
        copy.deepcopy(tn.Tensor([1.0], requires_grad=True) * 2)


def test_a_pickled_tensor_comes_back():
    x = pickle.loads(pickle.dumps(tn.Tensor([1.0, 2.0], requires_grad=True, name="x")))
    assert (x.data.tolist(), x.requires_grad, x.name) == ([1.0, 2.0], True, "x")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: x + np.zeros((2, 2), dtype=np.float32), "Add got shapes"),
        (lambda x: x.reshape(4), "reshape cannot turn shape"),
        (lambda x: x.sum(axis=2), "sum expects axis to be an integer from -2 to 1"),
        (lambda x: x.sum(axis=(0, 0)), "each axis once"),
        (lambda x: x.softmax(axis=5), "softmax expects axis"),
        (lambda x: x.transpose(0, 0), "each axis of shape"),
        (lambda x: x @ x, "matmul expects"),
        (lambda x: x.clip(), "a minimum, a maximum or both"),
        (lambda x: x.clip(2, 1), "minimum <= maximum"),
        (lambda x: x.var(axis=0, correction=2), "var expects a correction"),
        (lambda x: x[tn.Tensor([0.0])], "cannot be an index"),
        (lambda x: tn.pad(x, (1, 1)), "one .* pair .* for each of the 2 axes"),
        (lambda x: tn.concatenate([]), "list of at least one tensor"),
        (lambda x: tn.concatenate([x, tn.Tensor([1.0])]), "shapes that differ only along axis 0"),
        (lambda x: tn.stack([x, tn.Tensor([1.0])]), "tensors of one shape"),
        (lambda x: tn.stack([x], axis=4), "cannot put a new axis at 4"),
        (lambda x: tn.Tensor(np.zeros((0, 2), dtype=np.float32)).mean(), "mean of no elements"),
    ],
)
def test_wrong_arguments_get_a_sentence(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call(tn.Tensor(np.zeros((2, 3), dtype=np.float32)))


def test_an_index_out_of_range_names_index_and_shape():
    with pytest.raises(IndexError, match=r"Index 5 does not fit a tensor of shape \(2,\)"):
        tn.Tensor([1.0, 2.0])[5]

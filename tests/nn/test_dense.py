import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import InputError

from .checks import check_layer, images


def test_dense_is_a_product_and_a_bias():
    layer = nn.Dense(2, 3)
    layer.load_state_dict(
        {"weight": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "bias": np.array([0.5, 0.0, -1.0])}
    )
    assert layer(tn.Tensor([[1.0, 10.0]])).numpy().tolist() == [[41.5, 52.0, 62.0]]


def test_gradients_of_dense():
    check_layer(nn.Dense(3, 4), 2, 3)
    check_layer(nn.Dense(3, 4, bias=False), 1, 3)


def test_flatten_puts_channels_last():
    x = tn.Tensor(np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3))
    assert nn.Flatten()(x).numpy().tolist() == [list(range(12))]


def test_flatten_takes_an_empty_batch():
    assert nn.Flatten()(images(0, 2, 3, 1)).shape == (0, 6)


def test_gradients_of_flatten():
    check_layer(nn.Flatten(), 2, 3, 2, 2)


def test_shapes_and_costs_without_running():
    assert nn.Dense(6, 4).output_shape((6,)) == (4,)
    assert nn.Dense(6, 4).multiply_adds((6,)) == 24
    assert nn.Flatten().output_shape((3, 3, 2)) == (18,)
    assert nn.Flatten().multiply_adds((3, 3, 2)) == 0


def test_repr():
    assert repr(nn.Dense(6, 4)) == "Dense(6, 4)"
    assert repr(nn.Dense(6, 4, bias=False)) == "Dense(6, 4, bias=False)"
    assert repr(nn.Flatten()) == "Flatten()"


@pytest.mark.parametrize(
    "shape, hint",
    [
        ((2, 3, 3, 1), r"put nn.Flatten\(\) before it"),
        ((2, 8), "build it with in_features=8"),
        ((9,), r"write x\[None\] for a single row"),
        ((), "put nn.Flatten"),
    ],
)
def test_other_rows_are_refused_with_the_next_step(shape, hint):
    with pytest.raises(InputError, match=f"Dense expects rows of 9 features, got shape .*: {hint}"):
        nn.Dense(9, 2)(images(*shape))


def test_the_static_shape_is_refused_alike():
    with pytest.raises(InputError, match=r"got shape \(3, 3, 1\): put nn.Flatten"):
        nn.Dense(9, 2).output_shape((3, 3, 1))
    with pytest.raises(InputError, match="build it with in_features=8"):
        nn.Dense(9, 2).multiply_adds((8,))


def test_sizes_are_positive_whole_numbers():
    with pytest.raises(InputError, match="in_features expects a positive whole number, got 0"):
        nn.Dense(0, 2)
    with pytest.raises(InputError, match="out_features expects a positive whole number, got '2'"):
        nn.Dense(2, "2")

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import InputError

from .checks import check_layer, images

X = [-2.0, 0.0, 1.0, 7.0]


@pytest.mark.parametrize(
    "layer, expected",
    [
        (nn.ReLU(), [0.0, 0.0, 1.0, 7.0]),
        (nn.ReLU6(), [0.0, 0.0, 1.0, 6.0]),
        (nn.Sigmoid(), 1 / (1 + np.exp(-np.array(X)))),
        (nn.Tanh(), np.tanh(X)),
        (nn.Softmax(), np.exp(X) / np.exp(X).sum()),
    ],
)
def test_values(layer, expected):
    np.testing.assert_allclose(layer(tn.Tensor(X)).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.Softmax])
def test_gradients_shape_and_cost(kind):
    layer = kind()
    check_layer(layer, 2, 3, 4)
    assert layer.output_shape((5, 5, 2)) == (5, 5, 2)
    assert layer.multiply_adds((5, 5, 2)) == 0
    assert repr(layer) == f"{kind.__name__}()"


def test_softmax_rows_sum_to_one_over_the_last_axis():
    y = nn.Softmax()(images(3, 4, 5)).numpy()
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)


# Dropout


def test_dropout_drops_the_rate_and_keeps_the_mean():
    tn.seed(0)
    y = nn.Dropout(0.25)(tn.Tensor(np.ones((200, 200), np.float32))).numpy()
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert np.unique(y[y != 0]) == pytest.approx(1 / 0.75)


def test_dropout_in_evaluation_is_nothing():
    x = images(4, 4)
    assert nn.Dropout(0.9).eval()(x) is x


def test_dropout_of_rate_zero_is_nothing():
    x = images(4, 4)
    assert nn.Dropout(0)(x) is x


def test_dropout_follows_the_seed_and_changes_from_call_to_call():
    layer, x = nn.Dropout(0.5), images(20, 20)
    tn.seed(4)
    first, second = layer(x).numpy(), layer(x).numpy()
    tn.seed(4)
    assert np.array_equal(layer(x).numpy(), first)
    assert not np.array_equal(first, second)


def test_dropout_draws_from_a_stream_of_its_own():
    tn.seed(4)
    expected = nn.Dense(3, 3).weight.numpy()
    tn.seed(4)
    nn.Dropout(0.5)(images(3, 3))
    assert np.array_equal(nn.Dense(3, 3).weight.numpy(), expected)


def test_gradients_of_dropout_in_both_modes():
    check_layer(nn.Dropout(0.4), 4, 5)
    check_layer(nn.Dropout(0.4).eval(), 4, 5)


def test_dropout_shape_cost_and_repr():
    assert nn.Dropout(0.2).output_shape((3, 3, 1)) == (3, 3, 1)
    assert nn.Dropout(0.2).multiply_adds((3, 3, 1)) == 0
    assert repr(nn.Dropout(0.2)) == "Dropout(0.2)"


@pytest.mark.parametrize("rate", [1, -0.1, float("nan"), "half", None, True])
def test_dropout_refuses_a_rate_out_of_range(rate):
    with pytest.raises(InputError, match="rate expects a finite number from 0 to below 1, got"):
        nn.Dropout(rate)

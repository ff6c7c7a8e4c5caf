import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import InputError

from .checks import check_layer, images


@pytest.mark.parametrize("shape", [(50, 3), (4, 5, 3, 3)])
def test_training_gives_each_channel_mean_zero_and_variance_one(shape):
    x = tn.Tensor(images(*shape).numpy() * 3 + 7)
    y = nn.BatchNorm(3)(x).numpy().reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(0), 1, atol=1e-4)


def test_gamma_scales_and_beta_shifts():
    layer = nn.BatchNorm(2)
    state = layer.state_dict()
    layer.load_state_dict({**state, "gamma": np.array([2.0, 3.0]), "beta": np.array([1.0, -1.0])})
    y = layer(tn.Tensor([[-1.0, 0.0], [1.0, 2.0]])).numpy()
    np.testing.assert_allclose(y, [[-1.0, -4.0], [3.0, 2.0]], rtol=1e-4)


def test_running_statistics_move_by_the_momentum_and_store_the_unbiased_variance():
    layer = nn.BatchNorm(1, momentum=0.25)
    layer(tn.Tensor([[1.0], [2.0], [6.0]]))  # mean 3, variance 14/3 biased, 7 unbiased
    np.testing.assert_allclose(layer.running_mean, [0.75 * 0 + 0.25 * 3], rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, [0.75 * 1 + 0.25 * 7], rtol=1e-6)
    layer(tn.Tensor([[0.0], [0.0], [0.0]]))
    np.testing.assert_allclose(layer.running_mean, [0.75 * 0.75], rtol=1e-6)
    np.testing.assert_allclose(layer.running_var, [0.75 * 2.5], rtol=1e-6)


def test_the_default_momentum_and_eps_are_those_of_pytorch():
    layer = nn.BatchNorm(1)
    assert (layer.momentum, layer.eps) == (0.1, 1e-5)


def test_momentum_one_keeps_the_last_batch_only():
    layer = nn.BatchNorm(1, momentum=1.0)
    layer(tn.Tensor([[1.0], [3.0]]))
    assert layer.running_mean.tolist() == [2.0]
    assert layer.running_var.tolist() == [2.0]


def test_evaluation_uses_the_running_statistics_and_leaves_them_alone():
    layer = nn.BatchNorm(1, eps=1e-5)
    layer.running_mean = np.array([2.0], np.float32)
    layer.running_var = np.array([4.0], np.float32)
    layer.eval()
    y = layer(tn.Tensor([[2.0], [6.0]])).numpy()
    np.testing.assert_allclose(y, [[0.0], [2.0]], rtol=1e-5)
    assert layer.running_mean.tolist() == [2.0]
    assert layer.running_var.tolist() == [4.0]


def test_evaluation_treats_each_image_alone():
    layer = nn.BatchNorm(3)
    layer(images(8, 4, 4, 3))
    layer.eval()
    x = images(4, 4, 4, 3, seed=1)
    together = layer(x).numpy()
    alone = layer(x[1:2]).numpy()
    assert np.array_equal(together[1:2], alone)


def test_running_statistics_keep_their_dtype():
    layer = nn.BatchNorm(2)
    layer(images(5, 2))
    assert layer.running_mean.dtype == layer.running_var.dtype == np.float32
    layer.astype(np.float64)(tn.Tensor(np.random.default_rng(0).standard_normal((5, 2))))
    assert layer.running_mean.dtype == layer.running_var.dtype == np.float64


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 2, 3)])
def test_gradients_in_both_modes(shape):
    check_layer(nn.BatchNorm(3), *shape)
    evaluated = nn.BatchNorm(3).eval()
    evaluated.running_mean = np.array([0.5, -1.0, 2.0])
    evaluated.running_var = np.array([0.5, 1.0, 2.0])
    check_layer(evaluated, *shape)


def test_one_value_per_channel_cannot_be_normalised_in_training():
    with pytest.raises(InputError, match=r"more than one value per channel, got shape \(1, 3\)"):
        nn.BatchNorm(3)(images(1, 3))
    with pytest.raises(InputError, match=r"got shape \(1, 1, 1, 3\)"):
        nn.BatchNorm(3)(images(1, 1, 1, 3))
    assert nn.BatchNorm(3).eval()(images(1, 3)).shape == (1, 3)


def test_a_refused_batch_leaves_the_running_statistics_alone():
    layer = nn.BatchNorm(3)
    with pytest.raises(InputError):
        layer(images(1, 3))
    assert layer.running_mean.tolist() == [0, 0, 0]


@pytest.mark.parametrize("training", [True, False])
def test_an_empty_batch_is_refused_by_name(training):
    with pytest.raises(InputError, match=r"BatchNorm expects at least one .* got shape \(0, 4, 4, 3\)"):
        nn.BatchNorm(3).train(training)(images(0, 4, 4, 3))


def test_shape_stays():
    assert nn.BatchNorm(3).output_shape((4, 4, 3)) == (4, 4, 3)
    assert nn.BatchNorm(3).output_shape((3,)) == (3,)
    assert nn.BatchNorm(3).multiply_adds((4, 4, 3)) == 0


def test_other_channels_or_ranks_are_refused():
    with pytest.raises(InputError, match=r"BatchNorm expects 3 channels .*build it with channels=4"):
        nn.BatchNorm(3)(images(2, 4))
    with pytest.raises(InputError, match="build it with channels=4"):
        nn.BatchNorm(3).output_shape((2, 2, 4))
    with pytest.raises(InputError, match=r"got shape \(2, 2, 3\)"):
        nn.BatchNorm(3)(images(2, 2, 3))
    with pytest.raises(InputError, match=r"got \(2, 3\)"):
        nn.BatchNorm(3).output_shape((2, 3))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"channels": 0}, "channels expects"),
        ({"channels": 3, "momentum": 0}, "momentum expects .* above 0 and at most 1, got 0"),
        ({"channels": 3, "momentum": 1.5}, "momentum expects"),
        ({"channels": 3, "eps": 0.0}, "eps expects a finite number above 0"),
        ({"channels": 3, "eps": float("nan")}, "eps expects .* got nan"),
    ],
)
def test_arguments_out_of_range_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        nn.BatchNorm(**options)


def test_repr():
    assert repr(nn.BatchNorm(3)) == "BatchNorm(3)"
    assert repr(nn.BatchNorm(3, momentum=0.01)) == "BatchNorm(3, momentum=0.01)"

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn

SHAPE = (200, 300)
FAN_IN, FAN_OUT = 200, 300


@pytest.mark.parametrize(
    "initialiser, variance",
    [
        (nn.init.he_normal, 2 / 200),
        (nn.init.he_uniform, 2 / 200),
        (nn.init.glorot_normal, 2 / 500),
        (nn.init.glorot_uniform, 2 / 500),
    ],
)
def test_mean_is_zero_and_variance_is_the_published_one(initialiser, variance):
    tn.seed(1)
    weights = initialiser(SHAPE, FAN_IN, FAN_OUT).astype(np.float64)
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    assert weights.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(
    "initialiser, limit",
    [
        (nn.init.he_uniform, np.sqrt(6 / 200)),
        (nn.init.glorot_uniform, np.sqrt(6 / 500)),
    ],
)
def test_uniform_fills_its_interval_and_stays_inside(initialiser, limit):
    tn.seed(1)
    weights = initialiser(SHAPE, FAN_IN, FAN_OUT)
    assert np.abs(weights).max() <= limit * (1 + 1e-6)
    assert weights.min() < -0.999 * limit
    assert weights.max() > 0.999 * limit


@pytest.mark.parametrize("initialiser", [nn.init.he_normal, nn.init.glorot_normal])
def test_normal_has_normal_tails(initialiser):
    tn.seed(1)
    weights = initialiser(SHAPE, FAN_IN, FAN_OUT)
    beyond_two_sigma = (np.abs(weights) > 2 * weights.std()).mean()
    assert beyond_two_sigma == pytest.approx(0.0455, abs=0.005)


def test_the_seed_decides_and_the_stream_goes_on():
    tn.seed(3)
    first, second = (nn.init.he_normal((4, 5), 4, 5) for _ in range(2))
    tn.seed(3)
    again = nn.init.he_normal((4, 5), 4, 5)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_a_generator_of_ones_own_leaves_the_stream_alone():
    tn.seed(3)
    expected = nn.init.he_uniform((4, 5), 4, 5)
    tn.seed(3)
    own = nn.init.he_uniform((4, 5), 4, 5, rng=np.random.default_rng(8))
    assert np.array_equal(nn.init.he_uniform((4, 5), 4, 5), expected)
    assert not np.array_equal(own, expected)


def test_dtype_is_float32_unless_asked():
    assert nn.init.glorot_uniform((2, 2), 2, 2).dtype == np.float32
    assert nn.init.glorot_uniform((2, 2), 2, 2, dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize(
    "build, fans",
    [
        (lambda init: nn.Dense(12, 7, init=init), {(12, 7): (12, 7)}),
        (lambda init: nn.Conv2D(3, 8, (5, 2), init=init), {(5, 2, 3, 8): (30, 80)}),
        (lambda init: nn.DepthwiseConv2D(6, 3, init=init), {(3, 3, 6): (9, 9)}),
        (
            lambda init: nn.DepthwiseConv2D(6, 3, depth_multiplier=4, init=init),
            {(3, 3, 6, 4): (9, 36)},
        ),
        (lambda init: nn.PointwiseConv2D(6, 9, init=init), {(6, 9): (6, 9)}),
        (
            lambda init: nn.SeparableConv2D(6, 9, 5, init=init),
            {(5, 5, 6): (25, 25), (6, 9): (6, 9)},
        ),
    ],
)
def test_each_layer_tells_its_fans(build, fans):
    seen = {}

    def spy(shape, fan_in, fan_out):
        seen[shape] = (fan_in, fan_out)
        return np.zeros(shape, np.float32)

    build(spy)
    assert seen == fans


def test_biases_start_at_zero():
    assert not nn.Conv2D(1, 4, 3).bias._array.any()
    assert not nn.Dense(3, 4).bias._array.any()


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_what_an_initialiser_returns_becomes_float32(dtype):
    layer = nn.Dense(3, 4, init=lambda shape, fan_in, fan_out: np.ones(shape, dtype))
    assert layer.weight.dtype == np.float32
    assert layer([[1.0, 2.0, 3.0]]).numpy().tolist() == [[6.0] * 4]


def test_an_initialiser_that_returns_no_numbers_is_refused():
    with pytest.raises(tn.errors.InputError, match="init expects a function that returns numbers.*bool"):
        nn.Dense(3, 4, init=lambda shape, fan_in, fan_out: np.ones(shape, bool))


def test_a_name_instead_of_a_function_is_refused():
    with pytest.raises(tn.errors.InputError, match="init expects a function.*'he_normal'"):
        nn.Dense(3, 4, init="he_normal")


def test_an_initialiser_that_returns_another_shape_is_refused():
    with pytest.raises(tn.errors.InputError, match=r"\(3, 4\).*\(4, 3\)"):
        nn.Dense(3, 4, init=lambda shape, fan_in, fan_out: np.zeros(shape[::-1], np.float32))

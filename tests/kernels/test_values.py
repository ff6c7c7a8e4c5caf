"""What definition and kernel agree on is also right: known values, NaN, ties, accuracy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels import cases
from tinynet.kernels.norm import moments
from tinynet.kernels.pointwise import column_sum
from tinynet.kernels.pool import avg_pool2d, max_pool2d, max_pool2d_grad

NO_PADS = ((0, 0), (0, 0))
KERNELS = cases.kernels()


def _image(rows, dtype=np.float32):
    return np.array(rows, dtype)[None, :, :, None]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_what_is_not_finite_is_not_lost(name, bad):
    if name in ("max_pool2d", "max_pool2d_grad", "relu") and bad == -np.inf:
        pytest.skip("minus infinity is no maximum")
    arguments = cases.arguments(name, np.float32)[1]
    some = slice(None) if name == "windows_grad" else 0  # of a window, the first may be padding
    arguments[0].flat[some] = bad
    result = KERNELS[name](*arguments)
    assert not np.isfinite(result[0] if isinstance(result, tuple) else result).all()


def test_of_equal_maxima_the_first_gets_the_gradient():
    y, argmax = max_pool2d(_image([[1, 2], [2, 2]]), (2, 2), (2, 2), NO_PADS)
    assert y.item() == 2
    assert argmax.item() == 1
    dx = max_pool2d_grad(y, argmax, (1, 2, 2, 1), (2, 2), (2, 2), NO_PADS)
    assert dx[0, :, :, 0].tolist() == [[0, 2], [0, 0]]


def test_the_first_nan_is_the_maximum():
    nan = np.nan
    y, argmax = max_pool2d(_image([[3, nan], [nan, 4]]), (2, 2), (2, 2), NO_PADS)
    assert np.isnan(y.item())
    assert argmax.item() == 1


def test_padding_is_never_the_maximum():
    x = _image([[-5.0, -np.inf], [-np.inf, -np.inf]])
    y, argmax = max_pool2d(x, (2, 2), (2, 2), ((1, 1), (1, 1)))
    assert y[0, :, :, 0].tolist() == [[-5, -np.inf], [-np.inf, -np.inf]]
    assert argmax[0, :, :, 0].tolist() == [[3, 2], [1, 0]]


def test_overlapping_windows_add_their_gradients():
    x = _image([[0, 0, 0], [0, 9, 0], [0, 0, 0]])
    y, argmax = max_pool2d(x, (2, 2), (1, 1), NO_PADS)
    dx = max_pool2d_grad(np.ones_like(y), argmax, x.shape, (2, 2), (1, 1), NO_PADS)
    assert dx[0, :, :, 0].tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


def test_argmax_takes_one_byte_for_usual_windows():
    for size, dtype in [(2, np.uint8), (16, np.uint8), (17, np.uint16)]:
        x = np.zeros((1, size, size, 1), np.float32)
        assert max_pool2d(x, (size, size), (1, 1), NO_PADS)[1].dtype == dtype


def test_padding_is_not_counted_in_a_mean():
    y = avg_pool2d(_image([[1, 2], [3, 4]]), (2, 2), (2, 2), ((1, 1), (1, 1)))
    assert y[0, :, :, 0].tolist() == [[1, 2], [3, 4]]


def test_variance_of_numbers_far_from_zero():
    x = np.random.default_rng(0).standard_normal((20_000, 2)).astype(np.float32) + 1000
    mean, var = moments(x)
    assert mean == pytest.approx(x.mean(axis=0, dtype=np.float64), rel=1e-7)
    assert var == pytest.approx(x.var(axis=0, dtype=np.float64), rel=1e-5)


def test_a_sum_over_many_rows_does_not_drift():
    g = np.full((1_000_000, 1), 0.1, np.float32)
    assert column_sum(g)[0] == pytest.approx(100_000, rel=1e-5)


def test_an_empty_batch_gives_empty_results():
    x = np.zeros((0, 4, 4, 3), np.float32)
    weight = np.ones((3, 3, 3, 1), np.float32)
    for name in ("conv2d", "depthwise_conv2d"):
        y = KERNELS[name](x, weight, None, (1, 1), NO_PADS)
        dx = KERNELS[name + "_grad_input"](y, weight, x.shape, (1, 1), NO_PADS)
        dweight = KERNELS[name + "_grad_weight"](x, y, weight.shape, (1, 1), NO_PADS)
        assert len(y) == len(dx) == 0
        assert not dweight.any()

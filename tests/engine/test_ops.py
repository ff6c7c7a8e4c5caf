"""Values of operations at the points where definitions differ or formulas overflow."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinynet as tn
from tinynet import ops
from tinynet.errors import DTypeError, InputError


def gradient(function, *values: float) -> list[float]:
    x = tn.Tensor(np.array(values), requires_grad=True)
    y = function(x)
    y.backward(np.ones(y.shape))
    return x.grad.tolist()


def test_relu_has_no_slope_at_zero():
    assert gradient(ops.relu, -1.0, 0.0, 2.0) == [0, 0, 1]


def test_relu6_has_no_slope_at_its_corners():
    assert gradient(ops.relu6, -1.0, 0.0, 3.0, 6.0, 7.0) == [0, 0, 1, 0, 0]


def test_clip_passes_the_gradient_on_its_limits():
    assert gradient(lambda x: ops.clip(x, 0, 6), -1.0, 0.0, 3.0, 6.0, 7.0) == [0, 1, 1, 1, 0]


def test_absolute_has_no_slope_at_zero():
    assert gradient(ops.absolute, -2.0, 0.0, 2.0) == [-1, 0, 1]


def test_equal_numbers_share_the_gradient_of_a_maximum():
    assert gradient(ops.max, 1.0, 3.0, 3.0) == [0, 0.5, 0.5]
    assert gradient(lambda x: ops.maximum(x, 1.0), 0.0, 1.0, 2.0) == [0, 0.5, 1]


@pytest.mark.parametrize("function", [ops.relu, ops.relu6, ops.max, lambda x: ops.maximum(x, 0.0)])
def test_a_nan_stays_a_nan(function):
    assert np.isnan(function(tn.Tensor([1.0, float("nan")])).numpy()).any()


@pytest.mark.parametrize("large", [1e4, -1e4])
def test_exponentials_do_not_overflow(large):
    x = tn.Tensor(np.array([[large, 0.0]]))
    with np.errstate(over="raise"):
        assert ops.softmax(x).numpy().sum() == 1
        assert ops.log_softmax(x).numpy().min() == -1e4
        assert ops.logsumexp(x).item() == max(large, 0)
        assert set(ops.sigmoid(x).numpy()[0]) <= {0.0, 0.5, 1.0}
        assert ops.binary_cross_entropy(x, np.array([[0, 0]])).item() >= 0


def test_variance_by_both_conventions():
    x = tn.Tensor(np.array([1.0, 2.0, 4.0]))
    assert x.var().item() == pytest.approx(np.var([1, 2, 4]))
    assert x.var(correction=1).item() == pytest.approx(np.var([1, 2, 4], ddof=1))


def test_cross_entropy_by_hand():
    # softmax of (0, ln 3) is (1/4, 3/4); the labels 1 and 0 give -(ln 3/4 + ln 1/4) / 2.
    logits = tn.Tensor(np.array([[0.0, math.log(3)]] * 2))
    expected = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert tn.losses.cross_entropy(logits, np.array([1, 0])).item() == pytest.approx(expected)
    assert tn.losses.cross_entropy(logits, [[0, 1], [1, 0]]).item() == pytest.approx(expected)


def test_label_smoothing_by_hand():
    # With smoothing 0.2 over two classes the targets are 0.9 and 0.1.
    logits = tn.Tensor(np.array([[0.0, math.log(3)]]))
    expected = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    assert tn.losses.cross_entropy(logits, [1], label_smoothing=0.2).item() == pytest.approx(expected)


def test_label_smoothing_of_two_classes_is_that_of_both():
    """One logit z and the two logits (0, z) are one network, smoothed or not."""
    z = np.array([[0.3], [-1.2], [2.0]])
    both = np.concatenate([np.zeros_like(z), z], axis=1)
    for smoothing in (0.0, 0.2):
        one = tn.losses.binary_cross_entropy(z, [0, 1, 1], label_smoothing=smoothing).item()
        assert one == pytest.approx(tn.losses.cross_entropy(both, [0, 1, 1], smoothing).item())


def test_binary_cross_entropy_by_hand():
    logits = tn.Tensor(np.array([0.0, math.log(3)]))
    expected = -(math.log(1 / 2) + math.log(3 / 4)) / 2
    assert tn.losses.binary_cross_entropy(logits, [0, 1]).item() == pytest.approx(expected)


LOGITS = np.zeros((2, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: tn.losses.cross_entropy(LOGITS, [0, 3]), "labels from 0 to 2 .* got label 3"),
        (lambda: tn.losses.cross_entropy(LOGITS, [0, -1]), "got label -1"),
        (lambda: tn.losses.cross_entropy(LOGITS, [0]), r"got labels of shape \(1,\)"),
        (lambda: tn.losses.cross_entropy(LOGITS, [0.0, 1.0]), "integer labels, got float64"),
        (lambda: tn.losses.cross_entropy(LOGITS, np.ones((2, 3))), "sum 1"),
        (lambda: tn.losses.cross_entropy(LOGITS[:0], []), "at least one example"),
        (lambda: tn.losses.cross_entropy([0, 1], LOGITS), "logits first and the labels second"),
        (lambda: tn.losses.cross_entropy(LOGITS[:, :1], [0, 1]), "use binary_cross_entropy"),
        (lambda: tn.losses.cross_entropy(LOGITS, [0, 1], label_smoothing=1.0), "label_smoothing"),
        (lambda: tn.losses.binary_cross_entropy(LOGITS, [0, 1]), "as many targets as logits"),
        (lambda: tn.losses.binary_cross_entropy(LOGITS[0], [0, 1, 2]), "targets from 0 to 1"),
        (lambda: tn.losses.binary_cross_entropy(LOGITS[0], [0, 1, np.nan]), "targets from 0 to 1"),
    ],
)
def test_losses_refuse_what_does_not_fit(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


IMAGES = np.zeros((2, 5, 5, 3), dtype=np.float32)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ops.conv2d(IMAGES, zeros(3, 3, 1, 4)), r"weights of shape \(KH, KW, 3, O\)"),
        (lambda: ops.conv2d(IMAGES[0], zeros(3, 3, 3, 4)), r"\(N, H, W, C\), got shape \(5, 5, 3\)"),
        (lambda: ops.conv2d(IMAGES, zeros(3, 3, 3, 4), zeros(5)), r"bias of shape \(4,\), got shape \(5,\)"),
        (lambda: ops.conv2d(IMAGES, zeros(3, 3, 3, 4), stride=0), "stride"),
        (lambda: ops.conv2d(IMAGES, zeros(3, 3, 3, 4), padding="sane"), "padding"),
        (lambda: ops.conv2d(IMAGES, zeros(7, 7, 3, 4)), "window of 7x7 does not fit"),
        (lambda: ops.depthwise_conv2d(IMAGES, zeros(3, 3, 4)), "depthwise_conv2d expects weights"),
        (lambda: ops.depthwise_conv2d(IMAGES, zeros(3, 3, 3, 2), zeros(3)), r"bias of shape \(6,\)"),
        (lambda: ops.pointwise_conv2d(IMAGES, zeros(4, 2)), "pointwise_conv2d expects x"),
        (lambda: ops.linear(zeros(2, 3), zeros(4, 2)), "linear expects x"),
        (lambda: ops.max_pool2d(IMAGES, 0), "size"),
        (lambda: ops.max_pool2d(IMAGES, 2, padding=2), "less padding than the window"),
        (lambda: ops.avg_pool2d(zeros(5, 5), 2), "avg_pool2d expects images"),
        (lambda: ops.global_avg_pool2d(zeros(5, 5)), "global_avg_pool2d expects images"),
        (lambda: ops.batch_norm(zeros(1, 3), zeros(3), zeros(3)), "more than one value per channel"),
        (lambda: ops.batch_norm(zeros(4, 3), zeros(2), zeros(2)), "the same C"),
        (lambda: ops.dropout(zeros(4), 1.0, np.random.default_rng()), "rate expects .* from 0 to below 1"),
        (lambda: ops.conv2d(IMAGES, zeros(0, 3, 3, 4)), "conv2d expects weights"),
        (lambda: ops.linear(zeros(2, 0), zeros(0, 2)), "linear expects x"),
        (lambda: ops.batch_norm(zeros(4, 3), zeros(3), zeros(3), eps=-1), "eps expects"),
        (lambda: ops.batch_norm_inference(zeros(4, 3), zeros(3), zeros(3), zeros(1), zeros(3)), "a mean and"),
        (lambda: ops.softmax(zeros(4, 0)), "softmax of no elements"),
        (lambda: ops.softmax(1.0), "softmax needs an axis"),
    ],
)
def test_layers_refuse_what_does_not_fit(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


def test_integer_images_are_refused_with_advice():
    with pytest.raises(DTypeError, match="divide bytes by 255"):
        ops.conv2d(IMAGES.astype(np.uint8), zeros(3, 3, 3, 4))


def test_batch_norm_normalises_and_reports_the_biased_variance():
    x = np.random.default_rng(0).normal(3, 2, size=(8, 4, 4, 5))
    y, mean, var = ops.batch_norm(x, np.full(5, 2.0), np.full(5, -1.0), eps=0.0)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(var, x.var(axis=(0, 1, 2)))
    np.testing.assert_allclose(y.numpy(), 2 * (x - mean) / np.sqrt(var) - 1, atol=1e-12)


def test_the_statistics_that_batch_norm_returns_may_be_changed_before_backward():
    x, gamma, beta = (np.random.default_rng(0).normal(size=size) for size in ((8, 3), 3, 3))

    def gradient_when(factor: float) -> np.ndarray:
        leaf = tn.Tensor(x.copy(), requires_grad=True)
        y, mean, var = ops.batch_norm(leaf, gamma, beta)
        var *= factor
        mean *= factor
        y.backward(np.arange(24.0).reshape(8, 3))
        return leaf.grad

    assert np.array_equal(gradient_when(3.0), gradient_when(1.0))


def test_the_statistics_given_to_batch_norm_may_be_changed_before_backward():
    leaf, var = tn.Tensor(np.ones((2, 1)), requires_grad=True), np.array([4.0])
    y = ops.batch_norm_inference(leaf, np.ones(1), np.zeros(1), np.zeros(1), var, eps=0.0)
    var *= 100
    y.backward(np.ones((2, 1)))
    assert leaf.grad.tolist() == [[0.5], [0.5]]


@pytest.mark.parametrize("index", [[0, 1], np.array([0, 1]), (np.array([0, 1]),)])
def test_an_index_may_be_changed_before_backward(index):
    leaf = tn.Tensor(np.zeros(3), requires_grad=True)
    y = leaf[index]
    (index if not isinstance(index, tuple) else index[0])[:] = [2, 2]
    y.backward(np.ones(2))
    assert leaf.grad.tolist() == [1, 1, 0]


def test_numpy_numbers_as_options_do_not_change_the_dtype():
    x = tn.Tensor(np.ones((2, 2), dtype=np.float32), requires_grad=True)
    loss = ops.cross_entropy(ops.clip(x, np.float64(0), np.float64(6)), [0, 1], np.float64(0.1))
    loss.backward()
    assert x.grad.dtype == np.float32


def test_an_impossible_class_that_no_label_asks_for_costs_nothing():
    logits = tn.Tensor(np.array([[0.0, -np.inf, 0.0]]), requires_grad=True)
    loss = ops.cross_entropy(logits, [0])
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad.tolist() == [[-0.5, 0.0, 0.5]]


def test_logsumexp_of_infinities():
    x = tn.Tensor(np.array([[-np.inf, -np.inf], [np.inf, 0.0], [0.0, -np.inf]]))
    assert ops.logsumexp(x, axis=1).numpy().tolist() == [-np.inf, np.inf, 0.0]


def test_the_gradient_of_a_quotient_does_not_underflow():
    a, b = (tn.Tensor(np.array([1e-25], dtype=np.float32), requires_grad=True) for _ in range(2))
    (a / b).backward()
    assert b.grad[0] == pytest.approx(-1e25)


def test_a_maximum_that_is_nan_sends_its_gradient_to_the_nan():
    assert gradient(ops.max, 1.0, math.nan, 3.0) == [0, 1, 0]


def test_the_sum_over_a_long_batch_does_not_drift():
    bias = tn.Tensor(np.zeros(1, dtype=np.float32), requires_grad=True)
    rows = 1_000_000
    (np.zeros((rows, 1), dtype=np.float32) + bias).backward(np.full((rows, 1), 0.1, dtype=np.float32))
    assert bias.grad[0] == pytest.approx(0.1 * rows, rel=1e-6)


def test_dropout_keeps_the_mean_and_drops_its_share():
    y = ops.dropout(np.ones((400, 400)), 0.25, np.random.default_rng(0)).numpy()
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert y.mean() == pytest.approx(1, abs=0.01)

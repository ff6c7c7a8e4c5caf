"""Law 3: an operation that does several things at once equals the simple operations it stands for."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet import ops

rng = np.random.default_rng(5)
LABELS = np.array([1, 0, 2])
ONE_HOT = np.eye(4)[LABELS]


def batch_norm(x, gamma, beta, eps=1e-3):
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    return gamma * (x - mean) / (var + eps).sqrt() + beta


PAIRS = {
    "cross-entropy": (
        lambda z: ops.cross_entropy(z, LABELS, 0.1),
        lambda z: -((ONE_HOT * 0.9 + 0.1 / 4) * z.log_softmax()).sum() / 3,
        [(3, 4)],
    ),
    "binary cross-entropy": (
        lambda z: ops.binary_cross_entropy(z, LABELS / 2),
        lambda z: -(LABELS / 2 * z.sigmoid().log() + (1 - LABELS / 2) * (1 - z.sigmoid()).log()).mean(),
        [(3,)],
    ),
    "batch norm": (lambda *a: ops.batch_norm(*a, eps=1e-3)[0], batch_norm, [(2, 3, 2, 4), (4,), (4,)]),
    "linear": (ops.linear, lambda x, w, b: x @ w + b, [(3, 4), (4, 5), (5,)]),
    "softmax": (ops.softmax, lambda x: x.exp() / x.exp().sum(axis=-1, keepdims=True), [(3, 4)]),
    "log-softmax": (ops.log_softmax, lambda x: x - x.logsumexp(axis=-1, keepdims=True), [(3, 4)]),
    "log-sum-exp": (lambda x: x.logsumexp(axis=0), lambda x: x.exp().sum(axis=0).log(), [(3, 4)]),
    "variance": (lambda x: x.var(axis=0), lambda x: ((x - x.mean(axis=0)) ** 2).mean(axis=0), [(3, 4)]),
    "sigmoid": (ops.sigmoid, lambda x: 1 / (1 + (-x).exp()), [(3, 4)]),
    "relu6": (ops.relu6, lambda x: x.clip(0, 6), [(3, 4)]),
    "stack": (
        lambda a, b: ops.stack([a, b], axis=1),
        lambda a, b: ops.concatenate([a[:, None], b[:, None]], axis=1),
        [(3, 4), (3, 4)],
    ),
    "convolution with a bias": (
        lambda x, w, b: ops.conv2d(x, w, b, 2, "same"),
        lambda x, w, b: ops.conv2d(x, w, None, 2, "same") + b,
        [(2, 5, 4, 3), (3, 3, 3, 2), (2,)],
    ),
    "depthwise convolution with a bias": (
        lambda x, w, b: ops.depthwise_conv2d(x, w, b, 2, "same"),
        lambda x, w, b: ops.depthwise_conv2d(x, w, None, 2, "same") + b,
        [(2, 5, 4, 3), (3, 3, 3, 2), (6,)],
    ),
    "pointwise convolution": (
        ops.pointwise_conv2d,
        lambda x, w, b: ops.conv2d(x, w.reshape(1, 1, 3, 2), b),
        [(2, 5, 4, 3), (3, 2), (2,)],
    ),
    "depthwise convolution": (
        ops.depthwise_conv2d,
        lambda x, w: ops.concatenate(
            [ops.conv2d(x[..., c : c + 1], w[:, :, c : c + 1, None]) for c in range(3)], axis=3
        ),
        [(2, 5, 4, 3), (3, 3, 3)],
    ),
    "global average pooling": (
        ops.global_avg_pool2d,
        lambda x: ops.avg_pool2d(x, (5, 4)).reshape(2, 3),
        [(2, 5, 4, 3)],
    ),
}


def run(function, arrays):
    leaves = [tn.Tensor(array, requires_grad=True) for array in arrays]
    output = function(*leaves)
    output.backward(np.random.default_rng(0).standard_normal(output.shape))
    return [output.numpy()] + [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("name", PAIRS)
def test_fused_equals_composed_forward_and_backward(name):
    fused, composed, shapes = PAIRS[name]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    for one, other in zip(run(fused, arrays), run(composed, arrays), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)

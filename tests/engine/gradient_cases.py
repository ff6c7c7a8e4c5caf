"""The gradient checks of each operation: what it shows, a function of tensors, arrays to differentiate by.

`test_gradients.py` runs all of them and fails when an operation has none.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tinynet as tn
from tinynet import nn, ops
from tinynet.fused import link, normed, pooled
from tinynet.ops import activation, conv, loss, math, norm, pool, products, reduce, shape
from tinynet.tensor import Op

Case = tuple[str, Callable[..., tn.Tensor], list[np.ndarray]]

rng = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return rng.uniform(0.5, 2.0, shape)


def distinct(*shape: int) -> np.ndarray:
    """Numbers at least 0.1 apart, so that a maximum does not change hands within a finite difference."""
    return (rng.permutation(int(np.prod(shape))).reshape(shape) - 3.3) * 0.1


def away_from(points: list[float], *shape: int) -> np.ndarray:
    """Numbers at least 0.05 from every one of `points`, where a function has a kink."""
    values = rng.uniform(-3, 9, shape)
    for point in points:
        values = np.where(np.abs(values - point) < 0.05, point + 0.2, values)
    return values


def binary_cases(function, make_a=normal, make_b=normal) -> list[Case]:
    return [
        ("equal shapes", function, [make_a(2, 3), make_b(2, 3)]),
        ("second broadcast", function, [make_a(2, 3), make_b(3)]),
        ("both broadcast", function, [make_a(4, 1, 3), make_b(2, 1)]),
        ("number on the right", lambda a: function(a, 1.5), [make_a(2, 3)]),
        ("number on the left", lambda b: function(1.5, b), [make_b(2, 3)]),
        ("tensor without dimensions", function, [make_a(), make_b(3, 2)]),
    ]


def reduction_cases(function, make=normal) -> list[Case]:
    return [
        ("all", lambda x: function(x), [make(2, 3, 4)]),
        ("one axis", lambda x: function(x, axis=1), [make(2, 3, 4)]),
        ("negative axis kept", lambda x: function(x, axis=-1, keepdims=True), [make(2, 3, 4)]),
        ("two axes", lambda x: function(x, axis=(0, 2)), [make(2, 3, 4)]),
    ]


def unary_case(function, array: np.ndarray) -> list[Case]:
    return [("elements", function, [array])]


PADDINGS = ("valid", "same", 1, ((0, 1), (2, 1)))


def convolution_cases(function, *weight_tail: int, bias: int) -> list[Case]:
    cases: list[Case] = []
    for stride in (1, 2, (2, 1)):
        for padding in PADDINGS:
            cases.append(
                (
                    f"stride {stride}, padding {padding}",
                    lambda x, w, b, s=stride, p=padding: function(x, w, b, s, p),
                    [normal(2, 5, 7, 3), normal(3, 3, 3, *weight_tail), normal(bias)],
                )
            )
    cases.append(
        ("no bias", lambda x, w: function(x, w), [normal(2, 4, 5, 1), normal(2, 3, 1, *weight_tail)])
    )
    cases.append(
        ("one image, even kernel", lambda x, w: function(x, w, None, 2, "same"),
         [normal(1, 5, 6, 2), normal(2, 4, 2, *weight_tail)])
    )  # fmt: skip
    return cases


def pooling_cases(function) -> list[Case]:
    cases: list[Case] = [
        (f"size {size}, stride {stride}, padding {padding}",
         lambda x, a=(size, stride, padding): function(x, *a), [distinct(2, 5, 7, 3)])
        for size, stride in ((2, None), (3, 2), (3, 1), ((2, 3), (1, 2)))
        for padding in ("valid", "same", 1, ((0, 1), (1, 0)))
    ]  # fmt: skip
    cases.append(("one image, the whole as window", lambda x: function(x, (4, 3)), [distinct(1, 4, 3, 2)]))
    return cases


def chain(*layers: nn.Module) -> Callable[..., tn.Tensor]:
    """A chain with the options of these layers and with the parameters that it is given."""
    groups = [layers[place : place + 3] for place in range(0, len(layers), 3)]

    def function(x, *parameters):
        size, links = x.shape[1:], []
        for group in groups:
            links.append(link.find(group, size))
            size = (*links[-1].output_size, links[-1].channels[1])
        return normed.ConvNormReLU(links)(x, *parameters)

    return function


def chain_cases() -> list[Case]:
    def group(convolution, channels):
        return [convolution, nn.BatchNorm(channels), nn.ReLU()]

    depthwise = group(nn.DepthwiseConv2D(3, 3, stride=2, padding="same", bias=False), 3)
    pointwise = group(nn.PointwiseConv2D(3, 4, bias=False), 4)
    standard = group(nn.Conv2D(2, 3, 3, padding=1, bias=False), 3)
    return [
        ("depthwise, stride 2", chain(*depthwise),
         [normal(2, 5, 7, 3), normal(3, 3, 3), normal(3), normal(3)]),
        ("pointwise, one image", chain(*pointwise), [normal(1, 3, 5, 3), normal(3, 4), normal(4), normal(4)]),
        ("three links", chain(*standard, *depthwise, *pointwise),
         [normal(2, 5, 4, 2), normal(3, 3, 2, 3), normal(3), normal(3), normal(3, 3, 3), normal(3), normal(3),
          normal(3, 4), normal(4), normal(4)]),
    ]  # fmt: skip


NO_PADDING, UNEVEN = ((0, 0), (0, 0)), ((0, 1), (1, 1))

LABELS = np.array([2, 0, 1, 1, 4])
ROWS = rng.dirichlet(np.ones(5), size=5)

CASES: dict[type[Op], list[Case]] = {
    math.Add: binary_cases(ops.add),
    math.Subtract: binary_cases(ops.subtract),
    math.Multiply: binary_cases(ops.multiply),
    math.Divide: binary_cases(ops.divide, make_b=positive),
    math.Maximum: binary_cases(ops.maximum),
    math.Power: binary_cases(ops.power, make_a=positive)
    + [
        ("square of negative numbers", lambda x: x**2, [normal(3, 2)]),
        ("cube at zero", lambda x: x**3, [np.array([0.0, 1.0, -2.0])]),
        ("power zero at zero", lambda x: x**0, [np.array([0.0, 1.0, -2.0])]),
        ("powers 0, 1, 2 at zero", lambda x: x ** np.array([0.0, 1.0, 2.0]), [np.array([0.0, 0.0, -2.0])]),
    ],
    math.Negate: unary_case(ops.negate, normal(2, 3)),
    math.Exp: unary_case(ops.exp, normal(2, 3)),
    math.Log: unary_case(ops.log, positive(2, 3)),
    math.Sqrt: unary_case(ops.sqrt, positive(2, 3)),
    math.Absolute: unary_case(ops.absolute, away_from([0], 2, 3)),
    math.Clip: [
        ("both limits", lambda x: ops.clip(x, 0, 6), [away_from([0, 6], 4, 5)]),
        ("lower limit", lambda x: ops.clip(x, minimum=0), [away_from([0], 4, 5)]),
        ("upper limit", lambda x: ops.clip(x, maximum=2), [away_from([2], 4, 5)]),
    ],
    activation.ReLU: unary_case(ops.relu, away_from([0], 4, 5)),
    activation.ReLU6: unary_case(ops.relu6, away_from([0, 6], 4, 5)),
    activation.Sigmoid: unary_case(ops.sigmoid, normal(4, 5) * 3),
    activation.Tanh: unary_case(ops.tanh, normal(4, 5)),
    activation.Softmax: [
        ("last axis", ops.softmax, [normal(3, 5)]),
        ("first axis", lambda x: ops.softmax(x, axis=0), [normal(3, 5)]),
    ],
    activation.LogSoftmax: [
        ("last axis", ops.log_softmax, [normal(3, 5)]),
        ("middle axis", lambda x: ops.log_softmax(x, axis=1), [normal(2, 3, 2)]),
    ],
    reduce.Sum: reduction_cases(ops.sum),
    reduce.Mean: reduction_cases(ops.mean),
    reduce.Max: reduction_cases(ops.max, distinct),
    reduce.Variance: reduction_cases(ops.var) + reduction_cases(lambda x, **a: ops.var(x, correction=1, **a)),
    reduce.LogSumExp: reduction_cases(ops.logsumexp),
    shape.Reshape: [("to a matrix", lambda x: ops.reshape(x, 4, -1), [normal(2, 6)])],
    shape.Transpose: [
        ("reversed", ops.transpose, [normal(2, 3, 4)]),
        ("permuted", lambda x: ops.transpose(x, (2, 0, -2)), [normal(2, 3, 4)]),
    ],
    shape.Take: [
        ("slices", lambda x: x[1:, ::2], [normal(3, 4)]),
        ("number and ellipsis", lambda x: x[..., 1], [normal(3, 4)]),
        ("the same row twice", lambda x: x[[0, 2, 0]], [normal(3, 4)]),
        ("pairs of integers", lambda x: x[np.array([0, 0, 2]), np.array([1, 1, 3])], [normal(3, 4)]),
        ("boolean mask", lambda x: x[np.array([True, False, True])], [normal(3, 4)]),
        ("new axis", lambda x: x[:, None], [normal(3, 4)]),
    ],
    shape.Concatenate: [
        ("first axis", lambda a, b: ops.concatenate([a, b]), [normal(2, 3), normal(1, 3)]),
        ("last axis, three", lambda a, b, c: ops.concatenate([a, b, c], axis=-1),
         [normal(2, 1), normal(2, 3), normal(2, 2)]),
    ],
    shape.Stack: [
        ("new first axis", lambda a, b: ops.stack([a, b]), [normal(2, 3), normal(2, 3)]),
        ("new last axis", lambda a, b: ops.stack([a, b], axis=-1), [normal(2, 3), normal(2, 3)]),
    ],
    shape.Pad: [("two axes", lambda x: ops.pad(x, ((1, 0), (2, 3)), 0.5), [normal(2, 3)])],
    products.MatMul: [
        ("matrices", ops.matmul, [normal(2, 3), normal(3, 4)]),
        ("stacks", ops.matmul, [normal(2, 2, 3), normal(2, 3, 4)]),
        ("broadcast stacks", ops.matmul, [normal(2, 1, 2, 3), normal(3, 3, 2)]),
        ("vector on the left", ops.matmul, [normal(3), normal(3, 4)]),
        ("vector on the right", ops.matmul, [normal(2, 2, 3), normal(3)]),
        ("two vectors", ops.matmul, [normal(3), normal(3)]),
    ],
    products.Linear: [
        ("with bias", ops.linear, [normal(4, 3), normal(3, 5), normal(5)]),
        ("without bias", ops.linear, [normal(4, 3), normal(3, 5)]),
        ("one row", ops.linear, [normal(1, 3), normal(3, 5), normal(5)]),
        ("three dimensions", ops.linear, [normal(2, 2, 3), normal(3, 5), normal(5)]),
    ],
    products.PointwiseConv2D: [
        ("with bias", ops.pointwise_conv2d, [normal(2, 3, 5, 4), normal(4, 3), normal(3)]),
        ("one image, one channel", ops.pointwise_conv2d, [normal(1, 3, 2, 1), normal(1, 3)]),
    ],
    conv.Conv2D: convolution_cases(ops.conv2d, 4, bias=4),
    conv.DepthwiseConv2D: convolution_cases(ops.depthwise_conv2d, bias=3)
    + convolution_cases(ops.depthwise_conv2d, 2, bias=6),
    normed.ConvNormReLU: chain_cases(),
    pooled.PooledConv2D: [
        ("pairs", lambda *a: pooled.PooledConv2D(NO_PADDING, (2, 2))(*a),
         [normal(2, 7, 8, 3), normal(3, 3, 3, 4), normal(4)]),
        ("no bias, no pool, padding", lambda *a: pooled.PooledConv2D(UNEVEN, (1, 1))(*a),
         [normal(1, 5, 6, 1), normal(3, 3, 1, 2)]),
    ],
    pooled.PooledSeparableConv2D: [
        ("pairs", lambda *a: pooled.PooledSeparableConv2D(NO_PADDING, (2, 2))(*a),
         [normal(2, 7, 8, 3), normal(3, 3, 3), normal(3, 4), normal(4)]),
        ("grey, padding", lambda *a: pooled.PooledSeparableConv2D(UNEVEN, (2, 2))(*a),
         [normal(1, 7, 6, 1), normal(3, 3, 1), normal(1, 4), normal(4)]),
    ],
    pool.MaxPool2D: pooling_cases(ops.max_pool2d),
    pool.AvgPool2D: pooling_cases(ops.avg_pool2d),
    pool.GlobalAvgPool2D: [("odd size", ops.global_avg_pool2d, [normal(2, 3, 5, 4)])],
    norm.BatchNorm: [
        ("rows", lambda *a: ops.batch_norm(*a)[0], [normal(5, 3), normal(3), normal(3)]),
        ("images", lambda *a: ops.batch_norm(*a, eps=1e-3)[0], [normal(2, 3, 2, 4), normal(4), normal(4)]),
        ("one image", lambda *a: ops.batch_norm(*a)[0], [normal(1, 3, 3, 2), normal(2), normal(2)]),
    ],
    norm.BatchNormInference: [
        ("images", lambda *a: ops.batch_norm_inference(*a, np.array([0.5, -1.0]), np.array([2.0, 0.3])),
         [normal(2, 3, 2, 2), normal(2), normal(2)]),
    ],
    norm.Dropout: [
        ("rate 0.4", lambda x: ops.dropout(x, 0.4, np.random.default_rng(3)), [normal(5, 6)]),
    ],
    loss.CrossEntropy: [
        ("labels", lambda z: ops.cross_entropy(z, LABELS), [normal(5, 5)]),
        ("rows", lambda z: ops.cross_entropy(z, ROWS), [normal(5, 5)]),
        ("label smoothing", lambda z: ops.cross_entropy(z, LABELS, 0.1), [normal(5, 5)]),
        ("one example", lambda z: ops.cross_entropy(z, LABELS[:1]), [normal(1, 5)]),
    ],
    loss.BinaryCrossEntropy: [
        ("labels", lambda z: ops.binary_cross_entropy(z, LABELS % 2), [normal(5)]),
        ("column of logits", lambda z: ops.binary_cross_entropy(z, LABELS % 2), [normal(5, 1)]),
        ("shares", lambda z: ops.binary_cross_entropy(z, ROWS), [normal(5, 5)]),
        ("label smoothing", lambda z: ops.binary_cross_entropy(z, LABELS % 2, 0.1), [normal(5)]),
    ],
}  # fmt: skip

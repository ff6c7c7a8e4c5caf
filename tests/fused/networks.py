"""Networks that between them have every layer in every position, for the tests of whole-network inference."""

from __future__ import annotations

import numpy as np

from tinynet import nn, random

# Name, shape of an image, layers.
NETWORKS = {
    "grey-conv": ((9, 7, 1), lambda: [nn.Conv2D(1, 5, 3), nn.ReLU()]),
    "grey-conv-stride": ((9, 7, 1), lambda: [nn.Conv2D(1, 5, (3, 2), stride=(2, 3), padding="same")]),
    "conv-same": ((6, 8, 3), lambda: [nn.Conv2D(3, 4, 3, padding="same"), nn.ReLU6()]),
    "conv-uneven": ((7, 5, 3), lambda: [nn.Conv2D(3, 4, 2, stride=2, padding=((0, 3), (2, 1)), bias=False)]),
    "conv-wide": ((5, 5, 40), lambda: [nn.Conv2D(40, 33, 3, padding=2), nn.ReLU()]),
    "conv-bands": ((16, 16, 16), lambda: [nn.Conv2D(16, 32, 3, padding="same")]),
    "depthwise": ((6, 7, 5), lambda: [nn.DepthwiseConv2D(5, 3), nn.ReLU()]),
    "depthwise-same": ((6, 7, 5), lambda: [nn.DepthwiseConv2D(5, 3, padding="same"), nn.ReLU6()]),
    "depthwise-stride": ((6, 7, 5), lambda: [nn.DepthwiseConv2D(5, 3, stride=2, padding="same")]),
    "depthwise-strides": ((8, 7, 5), lambda: [nn.DepthwiseConv2D(5, 3, stride=(1, 3), padding=1)]),
    "depthwise-odd-rows": ((7, 6, 5), lambda: [nn.DepthwiseConv2D(5, 3, padding=1)]),
    "depthwise-one-row": ((3, 6, 5), lambda: [nn.DepthwiseConv2D(5, 3), nn.ReLU()]),
    "depthwise-long-rows": ((4, 7, 200), lambda: [nn.DepthwiseConv2D(200, 3, padding="same")]),
    "depthwise-many-channels": ((4, 4, 700), lambda: [nn.DepthwiseConv2D(700, 3, padding=1)]),
    "pointwise": ((3, 4, 5), lambda: [nn.PointwiseConv2D(5, 7), nn.ReLU(), nn.PointwiseConv2D(7, 2)]),
    "pointwise-bands": ((16, 17, 64), lambda: [nn.PointwiseConv2D(64, 64)]),
    "separable": ((7, 6, 3), lambda: [nn.SeparableConv2D(3, 4, 3), nn.ReLU(), nn.SeparableConv2D(4, 6, 3)]),
    "dense": ((6,), lambda: [nn.Dense(6, 5), nn.ReLU(), nn.Dense(5, 3, bias=False)]),
    "dense-large": ((600,), lambda: [nn.Dense(600, 600)]),
    "flat": ((3, 4, 5), lambda: [nn.Conv2D(5, 4, 2), nn.ReLU(), nn.Flatten(), nn.Dense(24, 3)]),
    "norm-behind-conv": ((6, 6, 3), lambda: [nn.Conv2D(3, 4, 3), nn.BatchNorm(4), nn.ReLU()]),
    "norm-behind-depthwise": ((6, 6, 3), lambda: [nn.DepthwiseConv2D(3, 3), nn.BatchNorm(3), nn.ReLU6()]),
    "norm-behind-dense": ((6,), lambda: [nn.Dense(6, 4), nn.BatchNorm(4), nn.Dropout(0.5), nn.ReLU()]),
    "norm-behind-relu": ((6, 6, 3), lambda: [nn.Conv2D(3, 4, 3), nn.ReLU(), nn.BatchNorm(4)]),
    "norm-behind-pool": ((6, 6, 3), lambda: [nn.Conv2D(3, 4, 3), nn.MaxPool2D(2), nn.BatchNorm(4)]),
    "norm-alone": ((4, 5, 3), lambda: [nn.BatchNorm(3), nn.ReLU(), nn.BatchNorm(3)]),
    "norm-twice": ((4, 5, 3), lambda: [nn.PointwiseConv2D(3, 2), nn.BatchNorm(2), nn.BatchNorm(2)]),
    "max-pool": ((7, 6, 3), lambda: [nn.Conv2D(3, 4, 2), nn.ReLU(), nn.MaxPool2D(2), nn.Conv2D(4, 2, 2)]),
    "max-pool-first": ((7, 6, 3), lambda: [nn.MaxPool2D(2), nn.ReLU(), nn.Conv2D(3, 2, 3, padding="same")]),
    "max-pool-padded": ((7, 6, 3), lambda: [nn.Conv2D(3, 4, 1), nn.MaxPool2D(3, stride=2, padding=1)]),
    "max-pool-same": ((7, 5, 3), lambda: [nn.MaxPool2D(2, padding="same"), nn.MaxPool2D((1, 3), stride=1)]),
    "avg-pool": ((7, 6, 3), lambda: [nn.Conv2D(3, 4, 2), nn.ReLU(), nn.AvgPool2D(2), nn.ReLU()]),
    "avg-pool-padded": ((7, 6, 3), lambda: [nn.AvgPool2D(3, stride=2, padding=1), nn.Conv2D(3, 2, 2)]),
    "global-pool": ((5, 4, 3), lambda: [nn.Conv2D(3, 4, 3), nn.ReLU(), nn.GlobalAvgPool2D(), nn.Dense(4, 2)]),
    "rectifiers": ((3, 3, 4), lambda: [nn.ReLU6(), nn.ReLU(), nn.PointwiseConv2D(4, 3), nn.ReLU6()]),
    "nested": (
        (6, 6, 2),
        lambda: [
            nn.Sequential(nn.Conv2D(2, 3, 3), nn.Sequential(nn.BatchNorm(3), nn.ReLU())),
            nn.Dropout(0.5),
            nn.Sequential(nn.Flatten(), nn.Dense(48, 4)),
        ],
    ),
    "mobile": (
        (9, 9, 1),
        lambda: [
            *(nn.Conv2D(1, 8, 3, padding="same", bias=False), nn.BatchNorm(8), nn.ReLU()),
            *(nn.DepthwiseConv2D(8, 3, padding="same", bias=False), nn.BatchNorm(8), nn.ReLU()),
            *(nn.PointwiseConv2D(8, 16, bias=False), nn.BatchNorm(16), nn.ReLU()),
            *(nn.DepthwiseConv2D(16, 3, stride=2, padding="same", bias=False), nn.BatchNorm(16), nn.ReLU()),
            *(nn.PointwiseConv2D(16, 24, bias=False), nn.BatchNorm(24), nn.ReLU()),
            *(nn.GlobalAvgPool2D(), nn.Dense(24, 10)),
        ],
    ),
}


def network(name: str, dtype: type = np.float32) -> nn.Sequential:
    """The network in evaluation, the same at every call, with numbers as after some training."""
    rng = np.random.default_rng(3)
    random.seed(3)
    model = nn.Sequential(*NETWORKS[name][1]()).eval()
    for _, module in model.named_modules():
        if isinstance(module, nn.BatchNorm):
            shape = module.channels
            module.running_mean = rng.standard_normal(shape).astype(np.float32)
            module.running_var = rng.uniform(0.5, 2.0, shape).astype(np.float32)
    arrays = model.state_dict()
    for key, array in arrays.items():
        if key.endswith(("gamma", "beta", "bias")):
            arrays[key] = rng.uniform(-1.0, 1.5, array.shape)
    model.load_state_dict(arrays)
    return model.astype(dtype)


def images(name: str, count: int, dtype: type = np.float32) -> np.ndarray:
    """Normal numbers, larger than those that ReLU6 lets through now and then."""
    shape = NETWORKS[name][0]
    return (4 * np.random.default_rng(count).standard_normal((count, *shape))).astype(dtype)

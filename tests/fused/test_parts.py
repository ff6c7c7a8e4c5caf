"""What fused operations tell a profile: the arithmetic of the layers that they stand for."""

from contextlib import nullcontext

import numpy as np
import pytest

import tinynet as tn
from tinynet import fused, nn
from tinynet.fused import normed, plan, pooled

NETWORKS = {
    "chain": (
        lambda: nn.Sequential(
            nn.Conv2D(1, 4, 3, stride=2, padding="same", bias=False), nn.BatchNorm(4), nn.ReLU(),
            nn.DepthwiseConv2D(4, 3, stride=2, padding="same", bias=False), nn.BatchNorm(4), nn.ReLU(),
            nn.PointwiseConv2D(4, 6, bias=False), nn.BatchNorm(6), nn.ReLU(),
        ),
        {"windows, norm, ReLU", "depthwise, norm, ReLU", "pointwise, norm, ReLU", "ConvNormReLU x 3"},
    ),
    "standard, pooled": (
        lambda: nn.Sequential(nn.Conv2D(1, 4, 3), nn.ReLU(), nn.MaxPool2D(3)),
        {"PooledConv2D"},
    ),
    "separable, pooled": (
        lambda: nn.Sequential(nn.SeparableConv2D(1, 4, 3, padding="same"), nn.ReLU(), nn.MaxPool2D(2)),
        {"PooledSeparableConv2D"},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def these_patterns(monkeypatch):
    monkeypatch.setattr(plan, "PATTERNS", [normed.match, pooled.match])


def profiled(network, together):
    """A profile of one step of the network on images that need a gradient."""
    tn.seed(0)
    model = network()
    optimizer = tn.optim.SGD(model.parameters(), lr=0.1)
    x = tn.Tensor(np.random.default_rng(0).random((3, 12, 12, 1), dtype=np.float32), requires_grad=True)
    with nullcontext() if together else fused.disabled(), tn.Profile(steps=1, warm_up=1) as profile:
        for _ in range(2):
            model(x).sum().backward()
            optimizer.step()
    return profile


@pytest.mark.parametrize("name", NETWORKS)
def test_fused_layers_tell_the_arithmetic_of_the_single_ones(name):
    network, rows = NETWORKS[name]
    together, apart = (profiled(network, together) for together in (True, False))
    assert rows <= {row.name for row in together.rows}
    assert sum(row.flops for row in together.rows) == sum(row.flops for row in apart.rows) > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_fused_layers_touch_fewer_bytes(name):
    network, rows = NETWORKS[name]
    together, apart = (profiled(network, together) for together in (True, False))
    assert 0 < sum(row.bytes for row in together.rows) < sum(row.bytes for row in apart.rows)

"""A training holds as much memory after many steps as after a few."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.kernels import memory

resource = pytest.importorskip("resource", reason="no such measure on this system")


def peak_megabytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def network():
    tn.seed(0)
    return nn.Sequential(
        nn.Conv2D(1, 16, 3, padding="same"),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.SeparableConv2D(16, 32, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Dense(12 * 12 * 32, 64),
        nn.ReLU(),
        nn.Dense(64, 10),
    )


def test_three_hundred_steps_hold_no_more_memory_than_fifty():
    model, rng = network(), np.random.default_rng(0)
    images, labels = rng.random((64, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 64)
    optimizer = tn.optim.Adam(model.parameters(), 0.001)

    def step(number):
        count = 64 if number % 10 else 24  # the last batch of an epoch is often smaller
        loss = tn.losses.cross_entropy(model(images[:count]), labels[:count])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 25 == 0:
            with tn.no_grad():
                model.eval()(images)
            model.train()

    for number in range(50):
        step(number)
    held, peak = memory._pool.held(), peak_megabytes()
    for number in range(250):
        step(number)
    assert memory._pool.held() <= held
    assert peak_megabytes() < peak + 2

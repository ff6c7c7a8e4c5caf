"""Numbers so small that the processor is slow with them: they must not gather in an optimiser."""

import numpy as np
import pytest

from tinynet import nn, optim

KINDS = [
    (optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.RMSprop, {"alpha": 0.9}),
    (optim.RMSprop, {"alpha": 0.9, "momentum": 0.9}),
    (optim.Adam, {"betas": (0.9, 0.99)}),
    (optim.AdamW, {"betas": (0.9, 0.99)}),
]


def slots(optimizer):
    return [array for name, array in optimizer.state_dict().items() if array.ndim]


def is_subnormal(array):
    return (array != 0) & (np.abs(array) < np.finfo(array.dtype).tiny)


@pytest.mark.parametrize("kind, options", KINDS)
def test_what_a_dead_unit_leaves_behind_does_not_become_subnormal(kind, options):
    parameter = nn.Parameter(np.ones(50, np.float32))
    optimizer = kind([parameter], **options)
    parameter.grad = np.logspace(-9, 1, 50, dtype=np.float32)
    optimizer.step()
    parameter.grad = np.zeros(50, np.float32)
    with np.errstate(under="raise"):  # neither may anything on the way
        for _ in range(10_000):
            optimizer.step()
    assert not any(is_subnormal(array).any() for array in slots(optimizer))


@pytest.mark.parametrize("size", [1e-16, 1e-18, 1e-20, 1e-22, 1e-30])
@pytest.mark.parametrize("kind, options", KINDS)
def test_a_gradient_whose_square_is_subnormal_costs_no_more(kind, options, size):
    parameter = nn.Parameter(np.ones(1, np.float32))
    optimizer = kind([parameter], **options)
    parameter.grad = np.full(1, size, np.float32)
    with np.errstate(under="raise"):
        for _ in range(3):
            optimizer.step()
    assert not any(is_subnormal(array).any() for array in slots(optimizer))


def test_running_means_of_usual_size_keep_every_digit():
    parameter = nn.Parameter(np.zeros(1000, np.float32))
    parameter.grad = np.logspace(-12, 3, 1000, dtype=np.float32)
    optimizer = optim.Adam([parameter], betas=(0.5, 0.5))
    optimizer.step()
    assert np.array_equal(optimizer.state_dict()["0.mean"], parameter.grad / 2)
    assert np.array_equal(optimizer.state_dict()["0.square"], parameter.grad**2 / 2)

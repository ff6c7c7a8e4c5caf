"""Each optimiser against its published formula, written once more in plain Python for one number."""

import math

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, optim

GRADIENTS = [0.5, -1.25, 0.0, 3.0, 0.125, -0.75, 2.0]
START = 1.5


def sgd(w, gradients, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    v = 0.0
    for g in gradients:
        g = g + weight_decay * w
        v = momentum * v + g
        w = w - lr * ((g + momentum * v) if nesterov else v)
        yield w


def rmsprop(w, gradients, lr=0.01, alpha=0.99, eps=1e-8, momentum=0.0, weight_decay=0.0):
    s = v = 0.0
    for g in gradients:
        g = g + weight_decay * w
        s = alpha * s + (1 - alpha) * g**2
        v = momentum * v + g / (math.sqrt(s) + eps)
        w = w - lr * v
        yield w


def adam(w, gradients, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0.0):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        w = w - lr * decoupled * w
        g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat = m / (1 - betas[0] ** t)
        v_hat = v / (1 - betas[1] ** t)
        w = w - lr * m_hat / (math.sqrt(v_hat) + eps)
        yield w


def adamw(w, gradients, weight_decay=0.01, **options):
    return adam(w, gradients, decoupled=weight_decay, **options)


def path(kind, options, dtype=np.float64):
    """The values of one parameter through the steps, from the optimiser under test."""
    parameter = nn.Parameter(np.array([START], dtype))
    optimizer = kind([parameter], **options)
    for g in GRADIENTS:
        parameter.grad = np.array([g], dtype)
        optimizer.step()
        yield parameter.item()


CASES = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.2}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"lr": 0.1, "alpha": 0.9, "eps": 0.1}),
    (optim.RMSprop, rmsprop, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.1, "weight_decay": 0.2}),
    (optim.AdamW, adamw, {}),
    (optim.AdamW, adamw, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.1, "weight_decay": 0.2}),
]


@pytest.mark.parametrize("kind, formula, options", CASES)
def test_every_step_follows_the_published_formula(kind, formula, options):
    expected = list(formula(START, GRADIENTS, **options))
    assert list(path(kind, options)) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("kind, formula, options", CASES)
def test_float32_follows_within_its_rounding(kind, formula, options):
    expected = list(formula(START, GRADIENTS, **options))
    assert list(path(kind, options, np.float32)) == pytest.approx(expected, abs=5e-6)


# First steps worked out by hand: w = 1.5, g = 0.5


def first_step(kind, **options):
    return next(path(kind, options))


def test_first_step_of_sgd():
    assert first_step(optim.SGD, lr=0.1) == pytest.approx(1.5 - 0.1 * 0.5)
    # g = 0.5 + 0.2 * 1.5 = 0.8
    assert first_step(optim.SGD, lr=0.1, weight_decay=0.2) == pytest.approx(1.42)
    # nesterov: g + 0.9 g = 0.95
    assert first_step(optim.SGD, lr=0.1, momentum=0.9, nesterov=True) == pytest.approx(1.405)


def test_first_step_of_rmsprop_is_lr_over_the_root_of_one_minus_alpha():
    # s = 0.01 * 0.25, root 0.05: w = 1.5 - 0.01 * 0.5 / 0.05
    assert first_step(optim.RMSprop) == pytest.approx(1.4)


def test_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    assert first_step(optim.Adam) == pytest.approx(1.499)


def test_first_step_of_adamw_shrinks_the_weight_as_well():
    assert first_step(optim.AdamW) == pytest.approx(1.5 - 0.001 * 0.01 * 1.5 - 0.001)


def test_a_new_learning_rate_acts_at_once_on_gathered_momentum():
    parameter = nn.Parameter(np.array([0.0]))
    optimizer = optim.SGD([parameter], lr=1.0, momentum=0.5)
    parameter.grad = np.array([1.0])
    optimizer.step()  # v = 1
    optimizer.lr = 0.1
    optimizer.step()  # v = 1.5
    assert parameter.item() == pytest.approx(-1.0 - 0.15)


@pytest.mark.parametrize("kind, formula, options", CASES)
def test_large_arrays_are_updated_to_the_last_element(kind, formula, options):
    """Blocks must cover an array whose size is no multiple of theirs."""
    start = np.linspace(-1, 1, 40_007)
    parameter = nn.Parameter(start.reshape(1, -1))
    optimizer = kind([parameter], **options)
    for step in range(2):
        parameter.grad = np.sin(start + step).reshape(1, -1)
        optimizer.step()
    for index in (0, 16_383, 16_384, 40_006):
        gradients = [math.sin(start[index] + step) for step in range(2)]
        *_, expected = formula(start[index], gradients, **options)
        assert parameter.numpy()[0, index] == pytest.approx(expected, rel=1e-12)


def test_every_optimiser_trains_a_network():
    for kind, options in [
        (optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (optim.RMSprop, {}),
        (optim.Adam, {"lr": 0.01}),
        (optim.AdamW, {"lr": 0.01}),
    ]:
        tn.seed(0)
        model = nn.Sequential(nn.Dense(2, 16), nn.Tanh(), nn.Dense(16, 2))
        optimizer = kind(model.parameters(), **options)
        x = tn.Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        labels = np.array([0, 1, 1, 0])
        for _ in range(200):
            optimizer.zero_grad()
            loss = tn.losses.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.05, kind.__name__

"""The definitions of the gradients are gradients: against the adjoint identity and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels import cases
from tinynet.kernels.norm import batch_norm_grad_definition, moments_definition
from tinynet.kernels.pool import (
    avg_pool2d_definition,
    avg_pool2d_grad_definition,
    max_pool2d_definition,
    max_pool2d_grad_definition,
)

KERNELS = cases.kernels()


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d"])
def test_gradients_of_a_convolution_are_its_adjoints(name):
    """y is linear in x and in the weight, so <y, g> = <x, dx> = <weight, dweight> for any g."""
    forward, grad_input, grad_weight = (
        cases.definition(KERNELS[name + part]) for part in ("", "_grad_input", "_grad_weight")
    )
    for x, weight, _, stride, pads in cases.arguments(name, np.float64):
        y = forward(x, weight, None, stride, pads)
        g = np.random.default_rng(0).standard_normal(y.shape)
        product = np.vdot(y, g)
        dx = grad_input(g, weight, x.shape, stride, pads)
        dweight = grad_weight(x, g, weight.shape, stride, pads)
        assert np.vdot(x, dx) == pytest.approx(product, rel=1e-10, abs=1e-10)
        assert np.vdot(weight, dweight) == pytest.approx(product, rel=1e-10, abs=1e-10)


def test_gradients_of_a_product_are_its_adjoints():
    for a, b, _ in cases.arguments("matmul", np.float64):
        y = cases.definition(KERNELS["matmul"])(a, b, None)
        g = np.random.default_rng(0).standard_normal(y.shape)
        product = np.vdot(y, g)
        da = cases.definition(KERNELS["matmul_grad_a"])(g, b)
        db = cases.definition(KERNELS["matmul_grad_b"])(a, g)
        assert np.vdot(a, da) == pytest.approx(product, rel=1e-10, abs=1e-10)
        assert np.vdot(b, db) == pytest.approx(product, rel=1e-10, abs=1e-10)


def test_gradient_of_mean_pooling_is_its_adjoint():
    for x, size, stride, pads in cases.arguments("avg_pool2d", np.float64):
        y = avg_pool2d_definition(x, size, stride, pads)
        g = np.random.default_rng(0).standard_normal(y.shape)
        dx = avg_pool2d_grad_definition(g, x.shape, size, stride, pads)
        assert np.vdot(x, dx) == pytest.approx(np.vdot(y, g), rel=1e-10, abs=1e-10)


def test_gradient_of_max_pooling_gives_each_number_to_its_maximum():
    """Between ties max pooling is linear: <y, g> = <x, dx> with dx of the same maxima."""
    for x, size, stride, pads in cases.arguments("max_pool2d", np.float64):
        y, argmax = max_pool2d_definition(x, size, stride, pads)
        g = np.random.default_rng(0).standard_normal(y.shape)
        dx = max_pool2d_grad_definition(g, argmax, x.shape, size, stride, pads)
        assert np.vdot(x, dx) == pytest.approx(np.vdot(y, g), rel=1e-10, abs=1e-10)


def test_gradient_of_batch_norm_matches_finite_differences():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((6, 3)), rng.standard_normal((6, 3))
    gamma, beta, eps = rng.standard_normal(3), rng.standard_normal(3), 1e-3

    def loss(x, gamma, beta):
        mean, var = moments_definition(x)
        return np.vdot(gamma * (x - mean) / np.sqrt(var + eps) + beta, g)

    mean, var = moments_definition(x)
    got = batch_norm_grad_definition(g, x, mean, 1 / np.sqrt(var + eps), gamma)
    values = [x, gamma, beta]
    for i, gradient in enumerate(got):
        for position in np.ndindex(*values[i].shape):
            step = np.zeros_like(values[i])
            step[position] = 1e-5
            up, down = ([*values[:i], values[i] + s, *values[i + 1 :]] for s in (step, -step))
            slope = (loss(*up) - loss(*down)) / 2e-5
            assert gradient[position] == pytest.approx(slope, rel=1e-6, abs=1e-8)

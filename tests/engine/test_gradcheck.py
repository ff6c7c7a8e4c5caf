"""The check of gradients has to find wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import GradcheckError, InputError


class Cube(tn.Op):
    """x^3 with a derivative that can be set wrong in one element."""

    def __init__(self, mistake: float = 0.0):
        self.mistake = mistake

    def forward(self, x):
        self.save(x)
        return x**3

    def backward(self, grad):
        (x,) = self.saved
        factor = 3 * x**2
        factor[1] += self.mistake
        return grad * factor


POINT = np.array([1.0, 2.0, 3.0])


def test_a_right_gradient_passes_far_below_the_tolerance():
    assert tn.gradcheck(lambda x: Cube()(x), POINT) < 1e-8


def test_a_mistake_in_one_element_is_found_and_named():
    with pytest.raises(GradcheckError, match=r"input 0 at index \(1,\)"):
        tn.gradcheck(lambda x: Cube(mistake=1e-4)(x), POINT)


def test_a_lost_gradient_is_found():
    with pytest.raises(GradcheckError, match="no gradient reached input 1"):
        tn.gradcheck(lambda x, y: x * y.detach(), POINT, POINT)


def test_a_function_that_changes_is_found():
    generator = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="two different results"):
        tn.gradcheck(lambda x: x * generator.random(), POINT)


def test_a_gradient_that_is_not_a_number_is_found():
    with pytest.raises(GradcheckError):
        tn.gradcheck(lambda x: Cube(mistake=np.nan)(x), POINT)


def test_the_arrays_are_left_alone():
    point = POINT.copy()
    tn.gradcheck(lambda x: x * 2, point)
    assert point.tolist() == POINT.tolist()


def test_nothing_to_check_is_refused():
    with pytest.raises(InputError, match="at least one array"):
        tn.gradcheck(lambda: tn.Tensor([1.0]))

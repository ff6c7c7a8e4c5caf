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


def test_the_arrays_are_left_alone_even_when_the_function_fails():
    point, calls = POINT.copy(), []

    def fails_at_the_fifth(x):
        calls.append(x)
        if len(calls) == 5:
            raise ZeroDivisionError
        return x * 2

    with pytest.raises(ZeroDivisionError):
        tn.gradcheck(fails_at_the_fifth, point)
    assert point.tolist() == POINT.tolist()


def test_a_mistake_in_the_second_input_is_found():
    with pytest.raises(GradcheckError, match=r"input 1 at index \(1,\)"):
        tn.gradcheck(lambda x, y: x + Cube(mistake=1e-4)(y), POINT, POINT)


def test_a_mistake_that_ones_from_above_would_hide_is_found():
    class Mean(tn.Op):
        """The identity, with a gradient that is right only if all of the upstream is equal."""

        def forward(self, x):
            return x * 1

        def backward(self, grad):
            return np.full_like(grad, grad.mean())

    with pytest.raises(GradcheckError):
        tn.gradcheck(lambda x: Mean()(x), POINT)


def test_a_function_that_records_nothing_is_told_so():
    for function in (lambda x: x.detach() * 2, lambda x: x.data * 2):
        with pytest.raises(GradcheckError, match="without a recorded graph"):
            tn.gradcheck(function, POINT)


def test_nothing_to_check_is_refused():
    with pytest.raises(InputError, match="at least one array"):
        tn.gradcheck(lambda: tn.Tensor([1.0]))

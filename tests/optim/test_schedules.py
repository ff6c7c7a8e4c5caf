"""Schedules at their ends and in the middle, against numbers worked out by hand."""

import math

import pytest

from tinynet.errors import InputError
from tinynet.optim import Constant, Cosine, OneCycle, StepDecay, WarmUp


def test_constant():
    assert [Constant(0.3)(step) for step in (0, 7, 10_000)] == [0.3] * 3


def test_step_decay_multiplies_after_every_so_many_steps():
    schedule = StepDecay(0.8, every=10, factor=0.5)
    assert [schedule(step) for step in (0, 9, 10, 19, 20, 35)] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.1]


def test_cosine_starts_at_lr_ends_at_the_minimum_and_is_half_way_in_the_middle():
    schedule = Cosine(1.0, steps=100, minimum=0.2)
    assert schedule(0) == 1.0
    assert schedule(50) == pytest.approx(0.6)
    assert schedule(100) == pytest.approx(0.2)
    # cos 60 degrees = 1/2: a third of the way is three quarters of the height
    assert Cosine(1.0, steps=90)(30) == pytest.approx(0.75)


def test_cosine_stays_at_its_minimum_afterwards():
    assert Cosine(1.0, steps=100, minimum=0.2)(5_000) == pytest.approx(0.2)


def test_one_cycle_at_its_corners():
    schedule = OneCycle(1.0, steps=100)
    assert schedule(0) == pytest.approx(1 / 25)
    assert schedule(29) == pytest.approx(1.0)
    assert schedule(99) == pytest.approx(1 / 25 / 1e4)
    assert schedule(1_000) == pytest.approx(1 / 25 / 1e4)


def test_one_cycle_between_its_corners():
    schedule = OneCycle(2.0, steps=101, rise=31 / 101, start_divisor=10, end_divisor=2)
    assert schedule(15) == pytest.approx((0.2 + 2.0) / 2)  # half of the way up, 30 steps
    assert schedule(10) == pytest.approx(0.2 + 1.8 / 4)  # a third up: a quarter of the height
    assert schedule(65) == pytest.approx((2.0 + 0.1) / 2)  # half of the way down, 70 steps


def test_one_cycle_rises_then_falls():
    rates = [OneCycle(1.0, steps=50)(step) for step in range(50)]
    top = rates.index(max(rates))
    assert top == 14
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_one_cycle_of_two_steps_and_without_a_rise():
    assert OneCycle(1.0, steps=2)(0) == pytest.approx(1.0)
    assert OneCycle(1.0, steps=2)(1) == pytest.approx(4e-6)
    assert OneCycle(1.0, steps=10, rise=0)(0) == pytest.approx(1.0)


def test_warm_up_is_linear_then_leaves_the_schedule_alone():
    schedule = WarmUp(Constant(0.4), steps=4)
    assert [schedule(step) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_warm_up_does_not_move_the_end_of_what_it_wraps():
    schedule = WarmUp(Cosine(1.0, steps=100), steps=10)
    assert schedule(0) == pytest.approx(0.1)
    assert schedule(4) == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.04)) / 2)
    assert schedule(50) == pytest.approx(0.5)
    assert schedule(100) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(0.1),
        StepDecay(0.1, 5),
        Cosine(0.1, 20),
        OneCycle(0.1, 20),
        WarmUp(Cosine(0.1, 20), 5),
    ],
)
def test_schedules_are_pure_and_show_what_they_are(schedule):
    forwards = [schedule(step) for step in range(25)]
    backwards = [schedule(step) for step in reversed(range(25))]
    assert forwards == backwards[::-1]
    assert repr(schedule).startswith(f"{type(schedule).__name__}(")
    assert schedule == type(schedule)(*vars(schedule).values())


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: Constant(0), "lr expects a finite number above 0, got 0"),
        (lambda: StepDecay(0.1, every=0), "every expects a positive whole number, got 0"),
        (lambda: StepDecay(0.1, every=5, factor=-1), "factor expects"),
        (lambda: Cosine(0.1, steps=1.5), "steps expects a positive whole number, got 1.5"),
        (lambda: Cosine(0.1, steps=10, minimum=0.2), "minimum expects at most lr=0.1, got 0.2"),
        (lambda: OneCycle(-1.0, steps=10), "peak expects"),
        (lambda: OneCycle(1.0, steps=1), "steps expects 2 or more"),
        (lambda: OneCycle(1.0, steps=10, rise=1.0), "rise expects .* below 1, got 1.0"),
        (lambda: OneCycle(1.0, steps=10, start_divisor=0), "start_divisor expects"),
        (lambda: OneCycle(1.0, steps=10, end_divisor=0), "end_divisor expects"),
        (lambda: WarmUp(0.1, steps=10), "schedule expects a schedule such as .*, got 0.1"),
        (lambda: WarmUp(Constant(0.1), steps=0), "steps expects"),
    ],
)
def test_arguments_out_of_range_are_refused(build, sentence):
    with pytest.raises(InputError, match=sentence):
        build()

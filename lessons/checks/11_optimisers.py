"""Checks of lesson 11: its steps by hand, several weights, and a valley in which the rate is tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "11_optimisers.py")


def steep(w: np.ndarray) -> np.ndarray:
    """The gradient of the lesson's 2 w^2."""
    return 4 * w


def two(w: np.ndarray) -> np.ndarray:
    """The gradient of a^2 / 2 + 10 b."""
    return np.array([w[0], 10.0])


def momentum_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's two steps, then two weights; the array that came in."""
    yield Case("w = 1, gradient 4 w, lr 0.1, mu 0.9, one step", answer(np.ones(1), steep, 0.1, 0.9, 1), [0.6])
    yield Case("two steps", answer(np.ones(1), steep, 0.1, 0.9, 2), [0.0])
    start = np.array([1.0, 0.0])
    # a: 0.5, velocity 1; then velocity 0.5 + 0.5 = 1 and a = 0. b: velocities 10 and 15.
    yield Case(
        "w = (1, 0), gradient (a, 10), lr 0.5, mu 0.5, two steps", answer(start, two, 0.5, 0.5, 2), [0, -12.5]
    )
    yield Case("the array that came in", start, [1.0, 0.0])


def weighted_mean(w, gradient, lr, mu, steps):
    v = np.zeros_like(w)
    for _ in range(steps):
        v = mu * v + (1 - mu) * gradient(w)
        w = w - lr * v
    return w


def without_momentum(w, gradient, lr, mu, steps):
    return solution.momentum(w, gradient, lr, 0.0, steps)


def uphill(w, gradient, lr, mu, steps):
    return solution.momentum(w, gradient, -lr, mu, steps)


def nesterov(w, gradient, lr, mu, steps):
    v = np.zeros_like(w)
    for _ in range(steps):
        g = gradient(w)
        v = mu * v + g
        w = w - lr * (g + mu * v)
    return w


def old_velocity(w, gradient, lr, mu, steps):
    v = gradient(w)
    for _ in range(steps):
        w = w - lr * v
        v = mu * v + gradient(w) * (1 - mu)
    return w


def gradient_of_the_start(w, gradient, lr, mu, steps):
    g = gradient(w)
    return solution.momentum(w, lambda w: g, lr, mu, steps)


def in_place(w, gradient, lr, mu, steps):
    w[...] = solution.momentum(w, gradient, lr, mu, steps)
    return w


BETAS = (0.9, 0.999)


def adam_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's first steps; two steps with numbers that can be followed; a large eps; both weights."""
    yield Case(
        "w = 1, gradient 4 w, lr 0.1, betas (0.9, 0.999), eps 0, decay 0, one step",
        answer(np.ones(1), steep, 0.1, BETAS, 0.0, 0.0, 1),
        [0.9],
    )
    yield Case("with decay 0.5", answer(np.ones(1), steep, 0.1, BETAS, 0.0, 0.5, 1), [0.85])
    # Gradients 4 and 3.6: m = 0.4 and 0.72, s = 0.016 and 0.028944; corrected by 0.19 and 0.001999.
    second = 0.9 - 0.1 * (0.72 / 0.19) / math.sqrt(0.028944 / 0.001999)
    yield Case("two steps with decay 0", answer(np.ones(1), steep, 0.1, BETAS, 0.0, 0.0, 2), [second])
    yield Case("one step with eps 4", answer(np.ones(1), steep, 0.1, BETAS, 4.0, 0.0, 1), [0.95])
    start = np.array([1.0, 2.0])
    expected = solution.adam(start, two, 0.05, (0.8, 0.9), 1e-8, 0.1, 7)
    yield Case(
        "w = (1, 2), gradient (a, 10), lr 0.05, betas (0.8, 0.9), decay 0.1, seven steps",
        answer(start, two, 0.05, (0.8, 0.9), 1e-8, 0.1, 7),
        expected,
    )
    yield Case("the array that came in", start, [1.0, 2.0])


def moved(
    correct: tuple[int, int] = (1, 1),
    first: int = 1,
    eps_at: str = "root",
    decay_at: str = "w",
    keep: bool = False,
):
    """An `adam` with one thing different."""

    def adam(w, gradient, lr, betas, eps, decay, steps):
        m, s = np.zeros_like(w), np.zeros_like(w)
        for t in range(first, steps + first):
            g = gradient(w) + (decay * w if decay_at == "gradient" else 0)
            m = betas[0] * m + (1 - betas[0]) * g
            s = betas[1] * s + (1 - betas[1]) * g**2
            mean = m / (1 - betas[0] ** t) if correct[0] else m
            square = s / (1 - betas[1] ** t) if correct[1] else s
            if keep:
                m, s = mean, square
            root = np.sqrt(square + eps) if eps_at == "square" else np.sqrt(square) + eps
            shrink = {"w": lr * decay, "gradient": 0.0, "whole": decay}[decay_at]
            w = (1 - shrink) * w - lr * mean / root
        return w

    return adam


def without_root(w, gradient, lr, betas, eps, decay, steps):
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        g = gradient(w)
        m, s = betas[0] * m + (1 - betas[0]) * g, betas[1] * s + (1 - betas[1]) * g**2
        w = (1 - lr * decay) * w - lr * (m / (1 - betas[0] ** t)) / (s / (1 - betas[1] ** t) + eps)
    return w


def warm_cosine_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The cosine alone, up to its end and behind it; the factors of the warm-up."""
    for step, expected in ((0, 8.0), (50, 4.0), (25, 4 + 2 * math.sqrt(2)), (100, 0.0), (130, 0.0)):
        got = answer(step, 100, 1, 8.0)
        yield Case(f"step {step} of 100, warm-up over 1 step, lr 8", got, expected)
    for step, share in ((0, 0.1), (1, 0.2), (8, 0.9), (9, 1.0), (10, 1.0)):
        expected = share * 4 * (1 + math.cos(math.pi * step / 100))
        yield Case(f"step {step} of 100, warm-up over 10 steps, lr 8", answer(step, 100, 10, 8.0), expected)
    yield Case("step 50 of 100, warm-up over 100 steps, lr 8", answer(50, 100, 100, 8.0), 4 * 0.51)


def scheduled(
    offset: int = 1, turns: float = 1.0, stop: bool = True, after: bool = False, straight: bool = False
):
    """A `warm_cosine` with one thing different."""

    def warm_cosine(step, steps, warm_up, lr):
        progress = (step - warm_up) / (steps - warm_up) if after and step >= warm_up else step / steps
        progress = min(progress, 1) if stop else progress
        progress = 0 if after and step < warm_up else progress
        share = 1 - progress if straight else (1 + math.cos(turns * math.pi * progress)) / 2
        return lr * share * min((step + offset) / warm_up, 1)

    return warm_cosine


def not_halved(step, steps, warm_up, lr):
    return lr * math.cos(math.pi / 2 * min(step / steps, 1)) * min((step + 1) / warm_up, 1)


def largest_rate_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The lesson's valley; with momentum; and the valley itself, on both sides of the answer."""
    yield Case("curvatures (1, 25), mu 0", answer([1.0, 25.0], 0.0), 0.08)
    yield Case("curvatures (25, 1, 4), mu 0", answer([25.0, 1.0, 4.0], 0.0), 0.08)
    yield Case("curvatures (1, 25), mu 0.9", answer([1.0, 25.0], 0.9), 0.152)
    rate, k = answer([3.0, 7.0], 0.5), np.array([3.0, 7.0])
    for factor, inside in ((0.95, True), (1.05, False)):
        end = solution.momentum(np.ones(2), lambda w: k * w, factor * rate, 0.5, 500)
        yield Case(
            f"whether the valley (3, 7), mu 0.5, holds at {factor} times your rate",
            bool(np.abs(end).max() < 1),
            inside,
        )


def flattest(curvatures, mu):
    return 2 * (1 + mu) / min(curvatures)


def one_over(curvatures, mu):
    return (1 + mu) / max(curvatures)


def of_plain_sgd(curvatures, mu):
    return 2 / max(curvatures)


def less_with_momentum(curvatures, mu):
    return 2 * (1 - mu) / max(curvatures)


def of_the_sum(curvatures, mu):
    return 2 * (1 + mu) / sum(curvatures)


CHECKS = [
    Check(
        "momentum",
        momentum_cases,
        "Begin with v = 0; in each step v = mu v + gradient(w), then w = w - lr v, both as new arrays.",
        (
            Mistake(weighted_mean, "In this form the gradient is added whole, without 1 - mu."),
            Mistake(without_momentum, "Keep v from step to step."),
            Mistake(uphill, "The loss grows along the gradient: take it off."),
            Mistake(nesterov, "That is Nesterov's form: here w moves by lr v alone."),
            Mistake(old_velocity, "First v = mu v + gradient(w), with the whole gradient, then w moves."),
            Mistake(gradient_of_the_start, "Ask for the gradient in every step, at the new w."),
            Mistake(in_place, "Make a new array: the one that came in belongs to somebody else."),
        ),
    ),
    Check(
        "adam",
        adam_cases,
        "For t = 1, 2, ...: g = gradient(w); m and s as running means of g and g^2; divide them by "
        "1 - beta^t for this step only; w = (1 - lr decay) w - lr mean / (sqrt(square) + eps).",
        (
            Mistake(moved(correct=(0, 0)), "Divide m by 1 - betas[0]^t and s by 1 - betas[1]^t."),
            Mistake(moved(correct=(0, 1)), "m began at 0, too: divide it by 1 - betas[0]^t."),
            Mistake(moved(correct=(1, 0)), "s began at 0, too: divide it by 1 - betas[1]^t."),
            Mistake(moved(first=2), "The first step is t = 1."),
            Mistake(moved(keep=True), "m and s go on uncorrected; the correction is for this step only."),
            Mistake(moved(eps_at="square"), "eps is added to the root, not to what is under it."),
            Mistake(moved(decay_at="gradient"), "Decay in the gradient is Adam's: shrink w itself."),
            Mistake(moved(decay_at="whole"), "w shrinks by lr times decay."),
            Mistake(without_root, "Divide by the root of s: s is the mean of squares."),
        ),
    ),
    Check(
        "warm_cosine",
        warm_cosine_cases,
        "lr (1 + cos(pi step / steps)) / 2, with step / steps at most 1, times (step + 1) / warm_up where "
        "that is below 1.",
        (
            Mistake(scheduled(offset=0), "Step 0 has the factor 1 / warm_up; with 0 it would be wasted."),
            Mistake(scheduled(turns=2.0), "Half a cosine: pi, not 2 pi, from begin to end."),
            Mistake(scheduled(stop=False), "After the last step the cosine would rise again: stay at 0."),
            Mistake(scheduled(after=True), "The cosine counts its steps from 0, not from the warm-up's end."),
            Mistake(scheduled(straight=True), "That is a straight line."),
            Mistake(not_halved, "From 1 to 0 on a cosine that is flat at both ends: (1 + cos) / 2."),
        ),
    ),
    Check(
        "largest_rate",
        largest_rate_cases,
        "At the limit a swings between a and -a, so lr v = 2a with v = mu (-v) + k a. The steepest direction "
        "comes there first.",
        (
            Mistake(flattest, "The steepest direction is the first to leave."),
            Mistake(one_over, "Up to 2 / k each step still comes nearer, from the other side."),
            Mistake(of_plain_sgd, "Momentum damps the swinging: it bears a larger rate."),
            Mistake(less_with_momentum, "Momentum damps the swinging: try mu = 0.9 in a program."),
            Mistake(of_the_sum, "Each direction is on its own: only the steepest counts."),
        ),
    ),
]

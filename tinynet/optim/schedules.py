"""Learning-rate schedules: pure functions from the number of a step to a learning rate.

Steps count from 0. A schedule knows no optimiser and keeps no state, so that a resumed training
needs only the step: `optimizer.lr = schedule(step)`. After its last step a schedule stays where it
ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..arguments import above_zero, below_one, not_negative, positive_int
from ..errors import InputError


@dataclass(frozen=True)
class Constant:
    """lr at every step."""

    lr: float

    def __post_init__(self) -> None:
        above_zero("lr", self.lr)

    def __call__(self, step: int) -> float:
        return self.lr


@dataclass(frozen=True)
class StepDecay:
    """lr · factor^floor(step / every): multiplied by `factor` after every `every` steps."""

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        above_zero("lr", self.lr)
        positive_int("every", self.every)
        above_zero("factor", self.factor)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Cosine:
    """From lr at step 0 to `minimum` at step `steps` along half a cosine.

    minimum + (lr - minimum) · (1 + cos(pi · step / steps)) / 2
    Loshchilov and Hutter 2017, "SGDR", arXiv 1608.03983, equation 5, without restarts.
    """

    lr: float
    steps: int
    minimum: float = 0.0

    def __post_init__(self) -> None:
        above_zero("lr", self.lr)
        positive_int("steps", self.steps)
        if not_negative("minimum", self.minimum) > self.lr:
            raise InputError(f"minimum expects at most lr={self.lr}, got {self.minimum}.")

    def __call__(self, step: int) -> float:
        return _half_cosine(self.lr, self.minimum, step / self.steps)


@dataclass(frozen=True)
class OneCycle:
    """Up from peak / start_divisor to `peak`, then down to nearly nothing, along half cosines.

    The peak is reached at step rise · steps - 1, the end (start / end_divisor) at step steps - 1.
    Smith and Topin 2018, "Super-convergence", arXiv 1708.07120, whose lines are straight. The
    cosines are fast.ai's; where the corners lie and the default numbers are PyTorch's OneCycleLR.
    With rise · steps below 1 PyTorch's peak lies before step 0 and is never reached; here it is at
    step 0, so that a schedule of few steps still begins with the rate that was asked for.
    """

    peak: float
    steps: int
    rise: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        above_zero("peak", self.peak)
        positive_int("steps", self.steps)
        below_one("rise", self.rise)
        above_zero("start_divisor", self.start_divisor)
        above_zero("end_divisor", self.end_divisor)
        if self.steps < 2:
            raise InputError("steps expects 2 or more, a step up and a step down, got 1.")

    def __call__(self, step: int) -> float:
        start = self.peak / self.start_divisor
        top = max(self.rise * self.steps - 1, 0.0)
        if step < top:
            return _half_cosine(start, self.peak, step / top)
        return _half_cosine(self.peak, start / self.end_divisor, (step - top) / (self.steps - 1 - top))


@dataclass(frozen=True)
class WarmUp:
    """Another schedule, multiplied by (step + 1) / steps during the first `steps` steps.

    Goyal et al. 2017, "Accurate, large minibatch SGD", arXiv 1706.02677, section 2.2. The other
    schedule keeps its own step numbers: a cosine over 1,000 steps with a warm-up over 100 still
    ends at 1,000.
    """

    schedule: Callable[[int], float]
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise InputError(f"schedule expects a schedule such as Cosine(0.1, 1000), got {self.schedule!r}.")
        positive_int("steps", self.steps)

    def __call__(self, step: int) -> float:
        return self.schedule(step) * min(1.0, (step + 1) / self.steps)


def _half_cosine(first: float, last: float, progress: float) -> float:
    """From `first` at progress 0 to `last` at progress 1 and after."""
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2

"""The moving average of a model's weights: what is measured and kept in place of the last step's weights.

The steps of a training scatter around the place they are drawn to; their mean lies nearer to it than any
one of them. (Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; with a
decay, for the weights of a network: Tarvainen and Valpola 2017, "Mean teachers", arXiv 1703.01780.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arguments import below_one
from ..errors import CheckpointError
from ..nn import Module


class Average:
    """An exponential moving average of all parameters and running statistics, taken after each step.

        average = d · average + (1 - d) · weights,    d = min(decay, t / (t + 9))

    t is the number of the step from 1. The smaller d of the first steps, TensorFlow's rule, lets the
    average forget the random weights at its start; with decay 0.999 it holds from step 8,991 on.
    Batch norm's running statistics are averaged in the same way.

    Give it to `Trainer(average=Average(0.999))`: then the model is measured, saved and, after `fit`,
    left with the averaged weights, while each step is made from the weights of the step before.

    decay: from 0 to below 1; 1 / (1 - decay) is about how many steps count. Raises InputError otherwise.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = below_one("decay", decay)
        self.steps = 0
        self._averaged: dict[str, np.ndarray] = {}
        self._own: dict[str, np.ndarray] | None = None  # the model's own weights while the average is in it

    def __repr__(self) -> str:
        return f"Average(decay={self.decay:g})"

    def update(self, model: Module) -> None:
        """Take the model's weights of this step in."""
        if not self.steps:
            self._averaged = model.state_dict()
        self.steps += 1
        share = 1 - min(self.decay, self.steps / (self.steps + 9))
        for name, array in _arrays(model):
            average = self._averaged[name]
            difference = array - average
            difference *= average.dtype.type(share)
            average += difference

    def put_into(self, model: Module) -> None:
        """Give the model the averaged weights, and keep its own for `take_out_of`."""
        if self.steps and self._own is None:
            self._own = model.state_dict()
            model.load_state_dict(self._averaged)

    def take_out_of(self, model: Module) -> None:
        """Give the model its own weights back, if the averaged ones are in it."""
        if self._own is not None:
            model.load_state_dict(self._own)
            self._own = None

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that the next update depends on."""
        averaged = {name: array.copy() for name, array in self._averaged.items()}
        return {"decay": self.decay, "steps": self.steps, "averaged": averaged}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict()`. Raises CheckpointError if it was taken with another decay."""
        if state["decay"] != self.decay:
            raise CheckpointError(
                f"The saved average was taken with decay {state['decay']:g}, not {self.decay:g}: "
                "go on with the same decay."
            )
        self.steps = state["steps"]
        self._averaged = {name: np.array(array) for name, array in state["averaged"].items()}
        self._own = None


@contextmanager
def averaged(average: Average | None, model: Module) -> Iterator[None]:
    """While the block lasts the model has the averaged weights, if there are any; then its own."""
    if average is None:
        yield
        return
    average.put_into(model)
    try:
        yield
    finally:
        average.take_out_of(model)


@contextmanager
def own_weights(average: Average | None, model: Module) -> Iterator[None]:
    """While the block lasts the model has its own weights; then the averaged ones, if there are any."""
    if average is None:
        yield
        return
    average.take_out_of(model)
    try:
        yield
    finally:
        average.put_into(model)


def _arrays(model: Module) -> Iterator[tuple[str, np.ndarray]]:
    for name, parameter in model.named_parameters():
        yield name, parameter._array
    yield from model.named_buffers()

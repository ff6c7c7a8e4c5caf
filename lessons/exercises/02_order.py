"""Exercises of lesson 02, why the order matters. Check them with `tinynet check 02`.

Replace each `raise NotImplementedError` by your answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tinynet as tn


class Node:
    """The number of the lesson: nothing to do here, it is what the first two exercises are given."""

    def __init__(self, value: float, sources: tuple[Node, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __add__(self, other: Node) -> Node:
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Node) -> Node:
        return Node(self.value * other.value, (self, other), (other.value, self.value))


def order(result: Node) -> list[Node]:
    """All nodes that `result` depends on, itself included, each once.

    Each node stands before everything that it was made from. Chains may be longer than Python lets a
    function call itself.
    """
    raise NotImplementedError


def backward(result: Node) -> None:
    """Leave the derivative of `result` by each node in its `grad`. All start at 0, that of `result` too."""
    raise NotImplementedError


def in_halves(mean_loss: Callable[..., tn.Tensor], w: tn.Tensor, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The gradient by w of mean_loss(w, x, t), where the memory holds only half of the batch at a time.

    `mean_loss` returns the mean loss over the examples that it is given. The number of examples is even.
    `w.grad` may hold something from before. Call `backward` twice.
    """
    raise NotImplementedError

"""Solutions of lesson 02, why the order matters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tinynet as tn


class Node:
    """The number of the lesson."""

    def __init__(self, value: float, sources: tuple[Node, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __add__(self, other: Node) -> Node:
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Node) -> Node:
        return Node(self.value * other.value, (self, other), (other.value, self.value))


def order(result: Node) -> list[Node]:
    """All nodes that `result` depends on, each once, each before everything that it was made from."""
    uses = {result: 0}  # also the set of what has been seen
    todo = [result]
    while todo:
        for origin in todo.pop().sources:
            if origin not in uses:
                uses[origin] = 0
                todo.append(origin)
            uses[origin] += 1

    ready, listed = [result], []
    while ready:
        node = ready.pop()
        listed.append(node)
        for origin in node.sources:
            uses[origin] -= 1
            if uses[origin] == 0:  # everything that used it is in the list
                ready.append(origin)
    return listed


def backward(result: Node) -> None:
    """Leave the derivative of `result` by each node in its `grad`."""
    result.grad = 1.0
    for node in order(result):  # when a node's turn comes, its gradient is complete
        for origin, slope in zip(node.sources, node.slopes, strict=True):
            origin.grad += node.grad * slope


def in_halves(mean_loss: Callable[..., tn.Tensor], w: tn.Tensor, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The gradient by w of mean_loss(w, x, t), with half of the batch in memory at a time."""
    w.grad = None
    half = len(x) // 2
    for part in (slice(None, half), slice(half, None)):
        # The mean over all is the mean of the two means; gradients add up in w.grad.
        (mean_loss(w, x[part], t[part]) * 0.5).backward()
    return w.grad

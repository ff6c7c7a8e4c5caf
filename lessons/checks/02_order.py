"""Checks of lesson 02: small graphs whose gradients were worked out by hand, and long ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinynet as tn
from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "02_order.py")
Node = solution.Node


class Looked(Node):
    """A node that counts how often anybody looks at the sources of any of its kind."""

    looks = 0

    def __add__(self, other):
        return Looked(self.value + other.value, (self, other), (1.0, 1.0))

    @property
    def sources(self):
        Looked.looks += 1
        return self._sources

    @sources.setter
    def sources(self, nodes):
        self._sources = nodes


def shared() -> dict[str, Any]:
    """y = a (a + x) with a = x x and x = 2."""
    x = Node(2.0)
    a = x * x
    b = a + x
    return {"y": a * b, "b": b, "a": a, "x": x}


def doubled() -> dict[str, Any]:
    """c = b + b with b = a + a."""
    a = Node(1.0)
    b = a + a
    return {"c": b + b, "b": b, "a": a}


def chain(length: int) -> tuple[Any, Any]:
    """A sum of `length` + 1 ones, and the first of them."""
    first = total = Node(1.0)
    for _ in range(length):
        total = total + Node(1.0)
    return total, first


def order_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Each node once; then each pair of a node and one of its sources; then a long chain."""
    for title, graph in (("y = a (a + x)", shared()), ("c = b + b", doubled())):
        nodes = list(graph.values())
        listed = answer(nodes[0])
        yield Case(f"length of the list for {title}", len(listed), len(nodes))
        places = {id(node): place for place, node in enumerate(listed)}
        for name, node in graph.items():
            yield Case(f"for {title}, {name} is in the list", id(node) in places, True)
        for name, node in graph.items():
            for other, origin in graph.items():
                if origin in node.sources:
                    right = places[id(node)] < places[id(origin)]
                    yield Case(f"for {title}, {name} stands before {other}", right, True)
    length = 2 * sys.getrecursionlimit()
    listed = answer(chain(length)[0])
    yield Case(f"length of the list for {length} sums in a row", len(listed), 2 * length + 1)


def as_met(result):
    listed = [result]
    for node in listed:
        listed.extend(origin for origin in dict.fromkeys(node.sources) if origin not in listed)
    return listed


def every_use(result):
    listed = [result]
    for node in listed:
        listed.extend(node.sources)
    return listed


def sources_first(result):
    return solution.order(result)[::-1]


def calling_itself(result):
    listed = []

    def visit(node):
        if node not in listed:
            for origin in node.sources:
                visit(origin)
            listed.append(node)

    visit(result)
    return listed[::-1]


def backward_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The two graphs of the lesson, many paths, a long chain."""
    graph = doubled()
    answer(graph["c"])
    gradients = tuple(node.grad for node in graph.values())
    yield Case("gradients of c, b and a in c = b + b", gradients, (1.0, 2.0, 4.0))
    graph = shared()
    answer(graph["y"])
    gradients = tuple(node.grad for node in graph.values())
    yield Case("gradients of y, b, a and x in y = a (a + x)", gradients, (1.0, 4.0, 10.0, 44.0))
    number = start = Looked(1.0)
    for _ in range(12):
        number = number + number
    Looked.looks = 0
    answer(number)
    yield Case("gradient after 12 doublings", start.grad, 2.0**12)
    yield Case("12 doublings take fewer than 500 looks at sources", Looked.looks < 500, True)
    total, first = chain(2 * sys.getrecursionlimit())
    answer(total)
    yield Case(f"gradient through {2 * sys.getrecursionlimit()} sums in a row", first.grad, 1.0)


def handing_down(listing: Callable[..., Any]) -> Callable[..., None]:
    """A `backward` that goes through the nodes in the order of `listing`."""

    def backward(result):
        result.grad = 1.0
        for node in listing(result):
            for origin, slope in zip(node.sources, node.slopes, strict=True):
                origin.grad += node.grad * slope

    return backward


def not_added(result):
    result.grad = 1.0
    for node in solution.order(result):
        for origin, slope in zip(node.sources, node.slopes, strict=True):
            origin.grad = node.grad * slope


def without_a_start(result):
    for node in solution.order(result):
        for origin, slope in zip(node.sources, node.slopes, strict=True):
            origin.grad += node.grad * slope


def path_by_path(result, upstream=1.0):
    result.grad += upstream
    for origin, slope in zip(result.sources, result.slopes, strict=True):
        path_by_path(origin, upstream * slope)


def in_halves_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """Residuals 1, 3, 5, 7 at inputs 1 to 4: the mean of 2 r x is 2 (1 + 6 + 15 + 28) / 4 = 25."""
    sizes = []

    def mean_loss(w, x, t):
        sizes.append(len(x))
        return ((w * x - t) ** 2).mean()

    x, t = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    gradient = answer(mean_loss, tn.Tensor(np.array(2.0), requires_grad=True), x, t)
    yield Case("gradient for w = 2, x = (1, 2, 3, 4), t = 1", gradient, 25.0)
    yield Case("most examples at a time", max(sizes), 2)
    w = tn.Tensor(np.array(2.0), requires_grad=True)
    w.grad = np.array(100.0)
    yield Case("the same gradient, where w.grad was 100 before", answer(mean_loss, w, x, t), 25.0)


def halves(share: float, clear_first: bool = True, clear_between: bool = False) -> Callable[..., Any]:
    """An `in_halves` with the given share of each half, which clears the gradient at the given moments."""

    def in_halves(mean_loss, w, x, t):
        if clear_first:
            w.grad = None
        half = len(x) // 2
        (mean_loss(w, x[:half], t[:half]) * share).backward()
        if clear_between:
            w.grad = None
        (mean_loss(w, x[half:], t[half:]) * share).backward()
        return w.grad

    return in_halves


def whole(mean_loss, w, x, t):
    w.grad = None
    mean_loss(w, x, t).backward()
    return w.grad


RECURSION = "Python lets a function call itself about a thousand times: keep a list of what to do."
CHECKS = [
    Check(
        "order",
        order_cases,
        "Count for each node how often it is used. Begin with the result; when a node is listed, take one "
        "use off each of its sources, and list a source when none of its uses is left.",
        (
            Mistake(as_met, "List a node after everything that uses it, not as soon as it is met."),
            Mistake(every_use, "A node with two uses is met twice: list it once."),
            Mistake(sources_first, "This is the order of the calculation: turn the list round."),
            Mistake(calling_itself, RECURSION),
        ),
    ),
    Check(
        "backward",
        backward_cases,
        "Set the result's grad to 1. Then go through the nodes in the order of the first exercise, and add "
        "to each source's grad the node's grad times the slope.",
        (
            Mistake(handing_down(every_use), "A node used twice has handed down twice: each does so once."),
            Mistake(handing_down(as_met), "A node has handed down before its own gradient was complete."),
            Mistake(not_added, "Gradients of several uses add up: += in place of =."),
            Mistake(without_a_start, "The derivative of the result by itself is 1: begin with that."),
            Mistake(path_by_path, "Right, but the work doubles with every doubling: visit each node once."),
            Mistake(handing_down(calling_itself), RECURSION),
        ),
    ),
    Check(
        "in_halves",
        in_halves_cases,
        "Clear w.grad, call backward for the loss of each half, and let w.grad add up. The mean over the "
        "batch is the mean of the means of its halves.",
        (
            Mistake(halves(1.0), "This is the sum of two means: each half counts one half."),
            Mistake(halves(0.5, clear_between=True), "Both halves count: do not clear between them."),
            Mistake(halves(1.0, clear_between=True), "Do not clear between the halves, and halve each loss."),
            Mistake(
                halves(0.5, clear_first=False), "What w.grad held before is in the result: clear it first."
            ),
            Mistake(whole, "The whole batch was in memory at once: give mean_loss half of it at a time."),
        ),
    ),
]

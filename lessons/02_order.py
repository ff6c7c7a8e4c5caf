# %% [markdown]
# # Why the order matters
#
# **Question: in which order must a calculation be walked back, and what goes wrong in any other?**
#
# Lesson 1 ended with a promise: visit each number once, after all that used it. Here two wrong orders are
# tried, to recognise their answers, and the right one is found in two ways. The second is tinynet's.

# %% [markdown]
# ## By hand
#
# The smallest graph in which the order matters: with $x = 2$,
#
# $$a = x \cdot x = 4, \qquad b = a + x = 6, \qquad y = a \cdot b = 24.$$
#
# The number $a$ is used twice, by $b$ and by $y$. With $\bar a$ for $dy/da$ over all paths, backwards:
#
# $$\bar b = a = 4, \qquad \bar a = b + \bar b \cdot 1 = 6 + 4 = 10, \qquad
# \bar x = \bar a \cdot 2 x + \bar b \cdot 1 = 40 + 4 = 44.$$
#
# The formula agrees: $y = x^4 + x^3$, whose derivative is $4 x^3 + 3 x^2 = 32 + 12 = 44$. Note what $\bar x$
# waited for: $\bar a$ was complete only when $b$, too, had handed down its share. In a second graph,
# $b = a + a$ and $c = b + b$. So $c = 4 a$, and $\bar a = 4$.

# %%
from __future__ import annotations

import sys

from _keras import taped
from _pytorch import compare, order
from _show import figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet.report.style import BLUE, VERMILION
from tinynet.tensor import _count_uses, _walk_back


class Node:
    """A number, the numbers it was made from, and the local derivative by each of them."""

    def __init__(self, value: float, sources: tuple[Node, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __add__(self, other: Node) -> Node:
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Node) -> Node:
        return Node(self.value * other.value, (self, other), (other.value, self.value))

    def hand_down(self) -> None:
        """Give each source its share of this number's gradient."""
        for origin, slope in zip(self.sources, self.slopes, strict=True):
            origin.grad += self.grad * slope


def gradients(walk) -> tuple[float, float]:
    """dy/dx of the first graph and dc/da of the second as `walk` finds them; 44 and 4 if it is right."""
    x, start = Node(2.0), Node(1.0)
    a = x * x
    y = a * (a + x)
    b = start + start
    c = b + b
    for result in (y, c):
        result.grad = 1.0
        walk(result)
    return x.grad, start.grad


# %% [markdown]
# ## Broken on purpose
#
# `hand_down` passes on all that a number has at that moment. Two plausible walks call it at wrong moments:


# %%
def every_use(result: Node) -> None:
    """Wrong: a number that was used twice hands down twice."""
    todo = [result]
    while todo:
        node = todo.pop()
        node.hand_down()
        todo.extend(node.sources)


def first_come(result: Node) -> None:
    """Wrong: each number hands down once, but as soon as it is reached."""
    todo, seen = [result], set()
    while todo:
        node = todo.pop(0)
        if node not in seen:
            seen.add(node)
            node.hand_down()
            todo.extend(node.sources)


for walk in (every_use, first_come):
    first, second = gradients(walk)
    print(f"{walk.__name__:10} dy/dx = {first:.0f}, should be 44; dc/da = {second:.0f}, should be 4")
assert gradients(every_use)[1] == 8 and gradients(first_come) == (28, 4)

# %% [markdown]
# In `c = b + b` both uses give $b$ its share at once: $\bar b = 2$. `every_use` then meets $b$ twice in its
# list and hands the 2 down twice, so $\bar a = 8$. `first_come` gets that graph right. In $y = a b$ it comes
# from $y$ straight to $a$, before $b$ has handed down anything: $a$ passes on $6 \cdot 4 = 24$, the 4 that
# arrive later stay where they are, and $\bar x = 24 + 4 = 28$.
#
# Such mistakes hide well. A plain chain of layers is right with either walk; the first residual connection,
# or a weight that is used in two places, gets a wrong gradient, and nothing raises an error.
#
# ## The right order
#
# Wanted is an order in which each number comes before everything that it was made from: a *topological
# order*. A depth-first search finds one: list a number after its sources, then walk the list from its end.


# %%
def sorted_walk(result: Node) -> None:
    """Right, as long as no chain of steps is longer than Python lets a function call itself."""
    listed, seen = [], set()

    def visit(node: Node) -> None:
        if node not in seen:
            seen.add(node)
            for origin in node.sources:
                visit(origin)
            listed.append(node)

    visit(result)
    for node in reversed(listed):
        node.hand_down()


assert gradients(sorted_walk) == (44, 4)
long_sum = sum((Node(1.0) for _ in range(sys.getrecursionlimit())), Node(1.0))
try:
    sorted_walk(long_sum)
except RecursionError:
    print(f"a sum of {sys.getrecursionlimit()} numbers: RecursionError")

# %% [markdown]
# The other way needs no recursion (Kahn 1962): count how often each number is used, then cross the uses off.
# A number with none left has its complete gradient and is ready to hand it down.


# %%
def counted_walk(result: Node) -> None:
    """Right, for chains of any length."""
    uses, todo = {result: 0}, [result]
    while todo:
        for origin in todo.pop().sources:
            if origin not in uses:
                uses[origin] = 0
                todo.append(origin)
            uses[origin] += 1
    ready = [result]
    while ready:
        node = ready.pop()
        node.hand_down()
        for origin in node.sources:
            uses[origin] -= 1
            if uses[origin] == 0:
                ready.append(origin)


assert gradients(counted_walk) == (44, 4)
counted_walk(long_sum)
places = {"x": (0, 0), "a": (1, 0.9), "b": (2, 0), "y": (3, 0.9)}
first = "first come, first served: 28", VERMILION, "yabx", "6"
right = "all uses first: 44", BLUE, "ybax", "(6 + 4)"
fig, arrow = Figure(figsize=(8, 2.9)), {"arrowstyle": "->", "shrinkA": 17, "shrinkB": 17}
for axes, (title, colour, turns, grad) in zip(fig.subplots(1, 2), (first, right), strict=True):
    for start, end in ("ya", "yb", "ba", "bx", "ax"):
        axes.annotate("", places[end], places[start], arrowprops=arrow)
    for name, (across, up) in places.items():
        axes.plot(across, up, "o", color=colour, markersize=28)
        axes.text(across, up, name, color="white", size=13, ha="center", va="center")
        axes.text(across + 0.22, up + (0.2 if up else -0.3), f"no. {turns.index(name) + 1}", color=colour)
    axes.text(1, 1.3, f"hands down {grad} · 4", ha="center")
    axes.set(title=title, xlim=(-0.6, 3.7), ylim=(-0.5, 1.6))
    axes.axis("off")
figure(fig, "order")

# %% [markdown]
# ## The same in tinynet
#
# An operation takes the part of `Node`; its gradient is `pending` until all that used its output are done.

# %%
source(_count_uses, _walk_back)

# %% [markdown]
# `_count_uses` refuses an operation that has been walked through: the walk frees what operations kept, so a
# second `backward` would have nothing to compute with. What stays is `.grad` of the leaves, and there
# gradients add up over calls, as they do over paths. A training loop that forgets to clear them steps along
# the sum of all gradients so far. Minimising $(w - 3)^2$ from $w = 0$:

# %%
for cleared in (True, False):
    w, path = tn.Tensor(0.0, requires_grad=True), []
    for _ in range(12):
        w.grad = None if cleared else w.grad  # what optimizer.zero_grad() does
        loss = (w - 3.0) ** 2
        loss.backward()
        w.data -= 0.1 * w.grad
        path.append(w.item())
    print(f"cleared: {cleared!s:5}", " ".join(f"{value:5.2f}" for value in path))
    assert (abs(path[-1] - 3) < 0.3) == cleared
try:
    loss.backward()
except tn.errors.GradientError as error:
    print(f"a second backward: {error}")

# %% [markdown]
# Uncleared, $w$ swings past 3 and back, without rest. (Adding up is useful when it is meant: exercise 3.)
#
# ## Beside the framework
#
# PyTorch keeps the same rules. With Keras, a tape *returns* gradients, new ones each time: nothing to clear.

# %%
source(order, taped)
x, start = tn.Tensor(2.0, requires_grad=True), tn.Tensor(1.0, requires_grad=True)
a, b = x * x, start + start
(a * (a + x)).backward()
(b + b).backward()
ours = {"dy/dx": x.grad.item(), "dc/da": start.grad.item()}
(x * x * (x * x + x)).backward()
compare(order, {**ours, "dy/dx, after a second graph": x.grad.item()})
compare(taped, {**ours, "dy/dx, of a second tape": ours["dy/dx"]})

# %% [markdown]
# ## Summary
#
# - A number hands its gradient down once, when it is complete: after everything that used it.
# - Visiting per use counts shares twice (8 for 4), visiting on arrival loses some (28 for 44).
# - A depth-first search finds the order in a few lines, but calls itself; counting uses needs no recursion.
# - After the walk the graph is spent: what `backward` needed is freed, and a second call is refused.
# - `.grad` of a leaf adds up over calls until it is cleared.
#
# ## Exercises
#
# In `lessons/exercises/02_order.py`; `tinynet check 02` tells how far you are.
#
# 1. `order(result)`: the nodes of a graph, each once, each before everything that it was made from.
# 2. `backward(result)`: the gradients of all nodes, for chains of any length.
# 3. `in_halves(mean_loss, w, x, t)`: the gradient of a batch's mean loss, half of the batch at a time.

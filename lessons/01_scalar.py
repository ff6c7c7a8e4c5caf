# %% [markdown]
# # A number that knows its gradient
#
# **Question: how can a program that computes a value also tell how the value depends on its inputs?**
#
# Training a network means: change the weights a little so that the loss falls. For that, one needs the
# derivative of the loss by every weight. This lesson builds the mechanism that gives it, in forty lines,
# for single numbers. `tinynet/tensor.py` is the same mechanism for arrays.

# %% [markdown]
# ## By hand
#
# Take $L = (w x + b)^2$ with $w = 2$, $x = 3$, $b = -5$. Step by step, forwards:
#
# $$p = w x = 6, \qquad s = p + b = 1, \qquad L = s^2 = 1.$$
#
# Backwards, the chain rule: how much does $L$ change when each of these changes a little?
#
# $$\frac{dL}{ds} = 2 s = 2, \qquad \frac{dL}{dp} = \frac{dL}{ds} \cdot 1 = 2, \qquad
# \frac{dL}{dw} = \frac{dL}{dp} \cdot x = 6, \qquad \frac{dL}{dx} = \frac{dL}{dp} \cdot w = 4.$$
#
# Each line uses the one before it and the *local* derivative of one step. No step needs to know the whole
# formula. So: let every number remember the step that made it.

# %%
from __future__ import annotations

from _pytorch import compare, scalar
from _show import source

import tinynet as tn


class Scalar:
    """A number, the numbers it was made from, and the local derivative by each of them."""

    def __init__(self, value: float, sources: tuple[Scalar, ...] = (), slopes: tuple[float, ...] = ()):
        self.value, self.sources, self.slopes = value, sources, slopes
        self.grad = 0.0

    def __add__(self, other: Scalar) -> Scalar:
        return Scalar(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Scalar) -> Scalar:
        return Scalar(self.value * other.value, (self, other), (other.value, self.value))

    def backward(self, upstream: float = 1.0) -> None:
        """Add `upstream`, the derivative of the result by this number, and hand it on."""
        self.grad += upstream
        for origin, slope in zip(self.sources, self.slopes, strict=True):
            origin.backward(upstream * slope)


w, x, b = Scalar(2.0), Scalar(3.0), Scalar(-5.0)
s = w * x + b
L = s * s
L.backward()
print(f"L = {L.value}, dL/dw = {w.grad}, dL/dx = {x.grad}, dL/db = {b.grad}")
assert (L.value, w.grad, x.grad, b.grad) == (1.0, 6.0, 4.0, 2.0), "not what we worked out by hand"

# %% [markdown]
# Note `self.grad += upstream`. In `s * s` the number `s` is used twice, and changes of `s` reach `L` on two
# ways: $2 s$ is the sum of both. **Gradients add up**, because effects do.
#
# ## Is it right?
#
# Nudge an input and look. The slope between two close points needs no derivative at all:


# %%
def loss(w: float, x: float, b: float) -> float:
    return (w * x + b) ** 2


h = 1e-6
slope = (loss(2 + h, 3, -5) - loss(2 - h, 3, -5)) / (2 * h)
print(f"dL/dw by backward {w.grad}, by nudging w {slope:.6f}")
assert abs(slope - w.grad) < 1e-6

# %% [markdown]
# ## Broken on purpose
#
# `backward` above walks every *path* from the result to an input. Let each number be the sum of the one
# before with itself: after $n$ steps there are $2^n$ paths. Count the visits:

# %%
visits = 0


class Counted(Scalar):
    """A Scalar whose sums stay of its kind, and whose visits are counted."""

    def __add__(self, other: Scalar) -> Counted:
        return Counted(self.value + other.value, (self, other), (1.0, 1.0))

    def backward(self, upstream: float = 1.0) -> None:
        global visits
        visits += 1
        super().backward(upstream)


number = start = Counted(1.0)
for _ in range(12):
    number = number + number
number.backward()
print(f"12 additions, {visits:,} visits, gradient {start.grad:,.0f}")
assert visits == 2**13 - 1 and start.grad == 2**12

# %% [markdown]
# The gradient is right and the work doubles with every addition: at 60 additions it would not end in a
# lifetime. The mend is to visit each number once, *after all that used it*, when its gradient is complete.
# That order is what `_walk_back` in `tinynet/tensor.py` keeps, and the reason why it counts the uses of
# every operation first.

# %%
number = leaf = tn.Tensor(1.0, requires_grad=True)
for _ in range(60):
    number = number + number
number.backward()
print(f"tinynet, 60 additions: gradient {leaf.grad:.0f}, which is 2^60 = {2.0**60:.0f}")
assert leaf.grad == 2.0**60

# %% [markdown]
# ## The same in tinynet
#
# A `Tensor` holds an array in place of the number, and an `Op` holds the local derivative in place of
# `slopes`. For arrays the derivative is not a number any more, so an operation says how to *apply* it:
# `backward(grad)`.

# %%
w, x, b = (tn.Tensor(value, requires_grad=True) for value in (2.0, 3.0, -5.0))
s = w * x + b
L = s * s
print(tn.graph(L))
L.backward()
assert (L.item(), w.grad, x.grad, b.grad) == (1.0, 6.0, 4.0, 2.0)

# %% [markdown]
# ## Beside the framework
#
# PyTorch is asked the same, with the same names: `requires_grad`, `backward`, `grad`. Where it is not
# installed, what it answered is kept beside the lessons.

# %%
source(scalar)
gradients = {"dL/dw": w.grad.item(), "dL/dx": x.grad.item(), "dL/db": b.grad.item()}
compare(scalar, {"L": L.item(), **gradients, "after 60 additions": leaf.grad.item()})

# %% [markdown]
# ## Summary
#
# - Every step of a calculation remembers its inputs and its local derivative.
# - The chain rule multiplies along a path and adds over paths.
# - Walking path by path is right and exponentially slow; walking each step once, in the right order, is not.
# - Nudging an input checks any gradient, without knowing how it was computed.
# - `tinynet/tensor.py` is this lesson with arrays, and without the recursion.
#
# ## Exercises
#
# In `lessons/exercises/01_scalar.py`; `tinynet check 01` tells how far you are.
#
# 1. `gradient`: the derivatives of $L = (w x + b - t)^2$ by $w$, $x$ and $b$, for a target $t$, by hand.
# 2. `Scalar`: subtraction, division and squaring, each as one step with its local slopes.
# 3. `nudged`: the slope of any function by each of its numbers, without a derivative.

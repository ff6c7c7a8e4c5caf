# %% [markdown]
# # Is the gradient right?
#
# **Question: how do you know that a gradient is right, and when does the check itself mislead you?**
#
# A wrong gradient raises no error, and often the loss falls all the same. So every operation of tinynet is
# held against the slope that the function itself shows. That check can lie in two ways: by an alarm for a
# right gradient, and by peace for a wrong one.

# %% [markdown]
# ## By hand
#
# Take $f(x) = x^3$ at $x = 2$, where $f'(2) = 3 x^2 = 12$. Step $h = 0.1$ away:
#
# $$\frac{f(2.1) - f(2)}{0.1} = \frac{9.261 - 8}{0.1} = 12.61, \qquad
# \frac{f(2.1) - f(1.9)}{0.2} = \frac{9.261 - 6.859}{0.2} = 12.01.$$
#
# The first, the forward difference, is wrong by $3 x h + h^2 = 0.61$; the second, the *central* difference,
# by $h^2 = 0.01$. From both sides, the errors that are proportional to $h$ cancel. So: central, and a small
# $h$. How small?

# %%
from __future__ import annotations

import numpy as np
from _pytorch import checked, compare
from _show import figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet.errors import GradcheckError
from tinynet.gradcheck import STEP, _central_differences
from tinynet.report.style import BLUE, GREY, VERMILION
from tinynet.tensor import Op


def forward_slope(f, x, h):
    return (f(x + h) - f(x)) / h


def central_slope(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def cube(x):
    return x**3


assert abs(forward_slope(cube, 2.0, 0.1) - 12.61) < 1e-12
assert abs(central_slope(cube, 2.0, 0.1) - 12.01) < 1e-12

# %%
steps = 10.0 ** np.arange(-13, 0.1, 0.25)
ways = (
    ("forward, float64", forward_slope, np.float64, GREY),
    ("central, float32", central_slope, np.float32, VERMILION),
    ("central, float64", central_slope, np.float64, BLUE),
)
fig = Figure(figsize=(7, 3.4), layout="constrained")
axes = fig.subplots()
for name, slope, dtype, colour in ways:
    taken = steps[steps > np.finfo(dtype).eps * 4]  # below, 2 + h is 2
    errors = np.array([abs(slope(np.exp, dtype(2), dtype(h)) - np.exp(2.0)) / np.exp(2.0) for h in taken])
    axes.loglog(taken, errors, color=colour, label=name)
    print(f"{name}: at best wrong by {errors.min():.0e} of the slope, with h = {taken[errors.argmin()]:.0e}")
axes.axvline(STEP, color=GREY, linestyle=":", label=f"tinynet's h, {STEP:g}")
axes.set(xlabel="step h", ylabel="relative error", title="slope of $e^x$ at 2", ylim=(1e-13, 10))
axes.legend(frameon=False, fontsize=9)
figure(fig, "steps")

# %% [markdown]
# To the right of each valley the function is curved; to the left the difference of two nearly equal numbers
# has few digits left. With $\varepsilon$ for the precision of the numbers ($10^{-16}$ in float64, $10^{-7}$
# in float32), the error is about $h^2 + \varepsilon / h$, smallest near $h = \varepsilon^{1/3}$, where it is
# $\varepsilon^{2/3}$: some $10^{-10}$ in float64, but only $10^{-5}$ to $10^{-4}$ in float32. **A check in
# float32 cannot tell a small mistake from rounding.** That is why tinynet computes in float64 throughout if
# it is given float64.
#
# ## The check
#
# For an array, move one element at a time. For an output that is an array, one number is needed to take the
# slope of: the sum of the outputs, each weighted by a random number $u$.

# %%
source(tn.gradcheck, _central_differences)

# %% [markdown]
# ## Broken on purpose
#
# The derivative of $y = \tanh x$ is $1 - y^2$. Somebody writes $1 - y$:


# %%
class WrongTanh(Op):
    """tanh with a gradient that is wrong."""

    def forward(self, x):
        y = np.tanh(x)
        self.save(y)
        return y

    def backward(self, grad):
        (y,) = self.saved
        return grad * (1 - y)


def wrong_tanh(x):
    return WrongTanh()(x)


def complaint(function, *arrays) -> str:
    """What gradcheck says against a gradient; nothing if it passes."""
    try:
        tn.gradcheck(function, *arrays)
    except GradcheckError as error:
        return str(error).removeprefix("gradcheck: ")
    return ""


rng = np.random.default_rng(4)
inputs = rng.standard_normal((8, 3))
print(f"the right one: largest error {tn.gradcheck(tn.tanh, inputs):.0e}")
print(f"the wrong one: {complaint(wrong_tanh, inputs)}")
assert complaint(wrong_tanh, inputs) and not complaint(tn.tanh, inputs)

# %% [markdown]
# Would training have shown it? Two layers learn $t = \sin 3 x$, with the right and with the wrong gradient:


# %%
def losses_with(activation) -> list[float]:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (64, 1))
    start = rng.standard_normal((1, 16)), np.zeros(16), rng.standard_normal((16, 1)) / 4, np.zeros(1)
    w1, b1, w2, b2 = leaves = [tn.Tensor(array, requires_grad=True) for array in start]
    history = []
    for _ in range(300):
        loss = ((activation(tn.Tensor(x) @ w1 + b1) @ w2 + b2 - np.sin(3 * x)) ** 2).mean()
        history.append(loss.item())
        loss.backward()
        for leaf in leaves:
            leaf.data -= 0.1 * leaf.grad
            leaf.grad = None
    return history


right, wrong = losses_with(tn.tanh), losses_with(wrong_tanh)
print(f"loss {right[0]:.3f}; after 300 steps right {right[-1]:.4f}, wrong {wrong[-1]:.4f}")
assert wrong[-1] < right[0] / 5, "the loss falls with the wrong gradient, too"

# %% [markdown]
# The loss falls with the wrong gradient, too: it points roughly downhill. **A falling loss is no proof.**
#
# ## Cheaper: one random direction
#
# Checking $n$ elements takes $2 n$ evaluations. Moving *all* of them at once by $h v$, with random $v$,
# takes two:
#
# $$\frac{f(x + h v) - f(x - h v)}{2 h} \approx \sum_i \frac{\partial f}{\partial x_i} v_i.$$
#
# It says yes or no for a million weights, but not which is wrong, and a mistake in few of them may drown.

# %%
model_weight = rng.standard_normal((500, 40))
images, direction = rng.standard_normal((5, 500)) / 20, rng.standard_normal((500, 40))


def loss_of(weight, activation=tn.tanh):
    return (activation(tn.Tensor(images) @ weight) ** 2).mean()


for name, activation in (("right", tn.tanh), ("wrong", wrong_tanh)):
    leaf = tn.Tensor(model_weight, requires_grad=True)
    loss_of(leaf, activation).backward()
    slope = central_slope(lambda t: loss_of(tn.Tensor(model_weight + t * direction)).item(), 0.0, 1e-5)
    claimed = (leaf.grad * direction).sum()
    error = abs(claimed - slope) / abs(slope)
    print(f"{name}: {leaf.size:,} weights, slope {slope:.8f}, claimed {claimed:.8f}, error {error:.0e}")
    assert (error < 1e-6) == (name == "right")

# %% [markdown]
# ## False alarms
#
# A right gradient fails the check where the function has no slope at the scale of $h$:
#
# - **Kinks.** At 0, ReLU's slope is 0 by agreement; the central difference sees half of each side. The same
#   goes for elements closer to 0 than $h$ and for ties of a maximum. Move the inputs away.
# - **Chance.** With dropout, $f(x + h)$ and $f(x - h)$ come from two different functions. Fix the chance.
# - **Precision.** float32 anywhere on the way, or a large constant in the loss that eats the digits.

# %%
dropout = tn.nn.Dropout(0.5)
alarms = {
    "ReLU at a kink": (tn.relu, np.array([-1.0, 0.0, 2.0])),
    "a maximum with a tie": (lambda x: x.max(), np.array([1.0, 3.0, 3.0, 3.0])),
    "dropout in training": (lambda x: dropout(x), np.ones(20)),
    "a constant of 1e9": (lambda x: tn.tanh(x).sum() + 1e9, inputs),
}
for name, (function, point) in alarms.items():
    print(f"{name}: {complaint(function, point)}")
    assert complaint(function, point)
assert not complaint(tn.relu, np.array([-1.0, 0.1, 2.0]))

# %% [markdown]
# ## False peace
#
# Worse is a check that passes because of where it looked. `WrongTanh` at $x = 0$: there $y = 0$, and
# $1 - y = 1 - y^2$. Zero is a place of symmetry, where many mistakes vanish; so are ones, equal rows, square
# shapes.
#
# A constant upstream gradient hides others. Softmax's outputs have the sum 1 whatever happens, so with an
# upstream of ones *every* element of the gradient is 0. For $y = \mathrm{softmax}(x)$ it is
# $y_i (g_i - \sum_j g_j y_j)$; the wrong $y_i (g_i - \bar g)$, with the plain mean $\bar g$, is 0 as well:

# %%
x = rng.standard_normal(5)
y = np.exp(x) / np.exp(x).sum()
for name, g in (("upstream of ones", np.ones(5)), ("random upstream", rng.standard_normal(5))):
    right_gradient, wrong_gradient = y * (g - (g * y).sum()), y * (g - g.mean())
    print(f"{name}: right and wrong differ by {np.abs(right_gradient - wrong_gradient).max():.1e}")
print(f"WrongTanh, checked at 0: largest error {tn.gradcheck(wrong_tanh, np.zeros(3)):.0e}")

# %% [markdown]
# ## Beside the framework
#
# `torch.autograd.gradcheck` works the same way, asks for float64, too, and has the same blind spots.

# %%
source(checked)
somewhere, zeros, kink = np.array([0.5, -1.0]), np.zeros(2), np.array([0.0, 1.0])
ours = {"tanh passes": not complaint(tn.tanh, somewhere), "ReLU passes at 0": not complaint(tn.relu, kink)}
ours["wrong tanh passes"] = not complaint(wrong_tanh, somewhere)
compare(checked, {**ours, "wrong tanh passes at 0": not complaint(wrong_tanh, zeros)})

# %% [markdown]
# ## Summary
#
# - Central differences in float64, with $h$ near $10^{-5}$, find the slope to about ten digits.
# - A random upstream gradient makes one number of many outputs without hiding any of them.
# - A random direction checks any number of weights with two evaluations.
# - False alarms come from kinks, chance and lost digits; false peace from zeros, ones and symmetry.
# - A falling loss proves nothing about the gradient.
#
# ## Exercises
#
# In `lessons/exercises/04_gradcheck.py`; `tinynet check 04` tells how far you are.
#
# 1. `slopes(f, x, h)`: the central difference for each element of an array.
# 2. `along(f, gradient, x, direction, h)`: measured and claimed slope along a direction.
# 3. `wrong_ones(candidates)`: some operations of other people, some with a wrong gradient. Which?

# %% [markdown]
# # Optimisers and learning rates
#
# **Question: the gradient says in which direction the loss falls. How far should each weight go?**
#
# Every optimiser answers this one question. Here each takes a step by hand, then walks through a valley,
# then trains a network.

# %% [markdown]
# ## By hand
#
# One weight $w = 1$ and the loss $2 w^2$, whose gradient is $g = 4 w = 4$. The learning rate $\eta$ is 0.1.
#
# - **SGD**, $w \leftarrow w - \eta g$: the first step goes to $1 - 0.4 = 0.6$, the second, with $g = 2.4$,
#   to $0.36$.
# - **Momentum**, $v \leftarrow \mu v + g$ and $w \leftarrow w - \eta v$, with $\mu = 0.9$: first $v = 4$ and
#   $w = 0.6$, then $v = 3.6 + 2.4 = 6$ and $w = 0$. What pulls the same way twice goes faster.
# - **RMSprop**, $s \leftarrow \alpha s + (1 - \alpha) g^2$ and $w \leftarrow w - \eta g / \sqrt s$, with
#   $\alpha = 0.9$: $s = 1.6$ and $w = 1 - 0.4 / \sqrt{1.6} = 0.684$. With ten times the gradient the step
#   would be the same: $g / \sqrt s$ is $1 / \sqrt{0.1}$ whatever $g$ is.
# - **Adam** keeps both means, $m \leftarrow \beta_1 m + (1 - \beta_1) g = 0.4$ and
#   $s \leftarrow \beta_2 s + (1 - \beta_2) g^2 = 0.016$, with $\beta_1 = 0.9$ and $\beta_2 = 0.999$. Both
#   began at 0 and are too small; divided by $1 - \beta_1^t$ and $1 - \beta_2^t$ after $t$ steps they are 4
#   and 16. So $w \leftarrow w - \eta m / \sqrt s$ goes to $1 - 0.1 \cdot 4 / 4 = 0.9$: **the first step of
#   Adam is $\eta$, for every weight.**
# - **AdamW** with weight decay $\lambda = 0.5$ first shrinks the weight,
#   $w \leftarrow (1 - \eta \lambda) w = 0.95$, then takes Adam's step: $0.85$.
#
# The denominators also have a tiny $\varepsilon$ added, against division by 0.

# %%
from __future__ import annotations

from functools import partial

import numpy as np
from _pytorch import compare, optimisers
from _show import data, fast, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn
from tinynet.kernels.update import adam_definition, rmsprop_definition, sgd_definition
from tinynet.optim import SGD, Adam, AdamW, Constant, Cosine, OneCycle, RMSprop, WarmUp
from tinynet.report.style import BLUE, GREY, INK, VERMILION

RULES = {"SGD": SGD, "momentum": partial(SGD, momentum=0.9), "RMSprop": partial(RMSprop, alpha=0.9)}
RULES |= {"Adam": Adam, "AdamW": partial(AdamW, weight_decay=0.5)}
by_hand = {"SGD": (0.6, 0.36), "momentum": (0.6, 0.0), "RMSprop": (0.684,), "Adam": (0.9,), "AdamW": (0.85,)}


def follow(make, lr: float, gradient, steps: int, start=(1.0,)) -> np.ndarray:
    """The weights at the start and after each step; gradient(step, w) is what the step is told."""
    w = tn.Tensor(np.array(start), requires_grad=True)
    optimizer, places = make([w], lr), [w.numpy().copy()]
    for step in range(steps):
        w.grad = gradient(step, w.numpy())
        optimizer.step()
        places.append(w.numpy().copy())
    return np.array(places)


for name, make in RULES.items():
    places = follow(make, 0.1, lambda step, w: 4 * w, steps=2).ravel()
    print(f"{name:8} w = {places[0]:.0f}, {places[1]:.4f}, {places[2]:.4f}")
    assert np.allclose(places[1 : 1 + len(by_hand[name])], by_hand[name], atol=5e-4)

# %% [markdown]
# These are tinynet's definitions; compiled loops do the same in one pass over memory. (`settle` and `square`
# keep tiny numbers away from where arithmetic is slow.)

# %%
source(sgd_definition, rmsprop_definition, adam_definition)

# %% [markdown]
# ## A valley
#
# $L = \frac12 (a^2 + 25 b^2)$ is 25 times as curved across as along. By hand: each step of SGD multiplies
# $a$ by $1 - \eta$ and $b$ by $1 - 25 \eta$. Beyond $\eta = 2/25 = 0.08$ the second is below $-1$, and $b$
# grows; and at 0.07, where it is $-0.75$, $a$ still has a factor of 0.93. **The steepest direction limits
# the rate, the flattest waits.**
#
# Forty steps from $(-9, 2.5)$, where $L$ is 119, each rule with a rate that suits it; then the same once
# more in the valley turned by 45 degrees (and drawn turned back):


# %%
def height(a, b):
    return (a**2 + 25 * b**2) / 2


rates = {"SGD": 0.07, "momentum": 0.02, "RMSprop": 0.3, "Adam": 0.5}
a, b = np.meshgrid(np.linspace(-10, 4, 80), np.linspace(-4, 4, 80))
fig = Figure(figsize=(10, 4), layout="constrained")
panels, ends = fig.subplots(2, 4, sharex=True, sharey=True), {}
for row, (sine, cosine) in enumerate(((0.0, 1.0), (0.5**0.5, 0.5**0.5))):
    turn = np.array([[cosine, -sine], [sine, cosine]])
    curvature = turn @ np.diag([1.0, 25.0]) @ turn.T
    for axes, (name, lr) in zip(panels[row], rates.items(), strict=True):
        places = follow(RULES[name], lr, lambda step, w, k=curvature: k @ w, 40, turn @ [-9.0, 2.5]) @ turn
        ends[name, row] = height(*places[-1])
        axes.contour(a, b, height(a, b), np.logspace(-1, 2.5, 12), colors=GREY, linewidths=0.4)
        axes.plot(*places.T, ".-", color=(BLUE, VERMILION)[row], markersize=3, linewidth=0.8)
        axes.set_title(f"{name}{', turned' * row}: {ends[name, row]:.2g} left", fontsize=9)
fig.supxlabel("a, along the valley", fontsize=9)
fig.supylabel("b, across", fontsize=9)
figure(fig, "valley")
assert np.isclose(ends["SGD", 0], ends["SGD", 1]) and ends["Adam", 1] > 2 * ends["Adam", 0]

# %% [markdown]
# SGD swings across and creeps along. Momentum adds up what stays (along), cancels what swings (across), and
# overshoots. RMSprop and Adam divide each *weight's* gradient by its own size, so that a steep weight and a
# flat one move alike. Turned, both weights feel the steep direction: the advantage depends on the axes, and
# is largest where weights differ in the size of their gradients. SGD and momentum do not notice the turn.
#
# ## A network
#
# Two dense layers on images, one pass, for every rule and learning rates from 0.0001 to 10:


# %%
train, _ = data(20_000)


def train_with(make, lr: float, schedule=None, epochs: int = 4 if fast() else 1) -> list[float]:
    """The loss of each step; the same weights and batches at each call."""
    tn.seed(11)
    model = nn.Sequential(nn.Flatten(), nn.Dense(784, 64), nn.ReLU(), nn.Dense(64, 10))
    optimizer, losses = make(model.parameters(), lr), []
    for _ in range(epochs):
        for images, labels in train.batches(128, shuffle=True):
            optimizer.lr = lr if schedule is None else schedule(len(losses))
            optimizer.zero_grad()
            loss = tn.losses.cross_entropy(model(tn.Tensor(images)), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


fig = Figure(figsize=(7, 3.6), layout="constrained")
axes, best = fig.subplots(), {}
for name, colour, mark in zip(rates, (GREY, INK, BLUE, VERMILION), "so^v", strict=True):
    tried = 10.0 ** np.arange(-4, 1.1, 0.5)
    final = [np.mean(train_with(RULES[name], float(lr))[-20:]) for lr in tried]
    best[name] = tried[np.argmin(final)]
    axes.loglog(tried, np.minimum(final, 10), color=colour, marker=mark, markersize=4, label=name)
    print(f"{name:8} best rate {best[name]:.2g}, loss {min(final):.3f};", end=" ")
    print(f"at ten times the rate {final[min(np.argmin(final) + 2, len(final) - 1)]:.3f}")
axes.axhline(np.log(10), color=GREY, linestyle=":", linewidth=1)
axes.set(xlabel="learning rate", ylabel="loss of the last 20 steps", ylim=(None, 10))
axes.legend(frameon=False, fontsize=9)
figure(fig, "rates")
assert best["SGD"] > 5 * best["Adam"], "Adam's steps are as long as its rate, SGD's much shorter"

# %% [markdown]
# **A rate that is too high** shows as a loss that jumps in the first steps and then stays near
# $\ln 10 = 2.303$ (dotted), where all classes are believed alike, or above: large steps have pushed units
# below 0, ReLU lets no gradient through, and they move no more. Too low a rate shows as a loss that falls
# steadily and is still high. Also note that rates do not carry over from one rule to another.
#
# ## Schedules
#
# A high rate gets far and then swings around the floor of the valley; a low one would settle. So one begins
# high and ends low. `tn.optim` has schedules, functions from the step to the rate: `Cosine` falls along half
# a cosine, `WarmUp` multiplies the first steps by $1/k, 2/k, \ldots$ (for networks whose first steps must be
# short; this one is too small to gain by it), and `OneCycle` rises and falls.


# %%
epochs, top = (6, 0.3) if fast() else (3, 0.1)
steps = epochs * len(train.batches(128))
schedules = {"constant": Constant(top), "cosine": Cosine(top, steps), "one cycle": OneCycle(top, steps)}
schedules["warm-up, cosine"] = WarmUp(Cosine(top, steps), steps // 10)
fig = Figure(figsize=(9, 3.2), layout="constrained")
(left, right), reached = fig.subplots(1, 2), {}
styles = ((GREY, "-"), (INK, "-"), (VERMILION, "-"), (BLUE, "--"))
for (name, schedule), (colour, line) in zip(schedules.items(), styles, strict=True):
    losses = train_with(RULES["momentum"], top, schedule, epochs)
    left.plot([schedule(step) for step in range(steps)], line, color=colour)
    right.plot(np.convolve(losses, np.ones(20) / 20, mode="valid"), line, color=colour, label=name)
    reached[name] = np.mean(losses[-20:])
    print(f"{name:15} first rate {schedule(0):.3f}, last {schedule(steps - 1):.6f};", end=" ")
    print(f"loss of the last 20 steps {reached[name]:.3f}")
left.set(xlabel="step", ylabel="learning rate")
right.set(xlabel="step", ylabel="loss, mean of 20 steps")
right.legend(frameon=False, fontsize=9)
figure(fig, "schedules")
assert reached["cosine"] < reached["constant"]

# %% [markdown]
# ## Broken on purpose: Adam uncorrected
#
# Without the correction the first step is $0.1 g / \sqrt{0.001 g^2} = 3.16$ rates long in place of one, for
# $m$ starts ten times too small but $s$ a thousand times. It gets worse before it gets better: while the
# gradient stays the same, step $t$ is $(1 - 0.9^t) / \sqrt{1 - 0.999^t}$ rates long, 6.6 at $t = 12$.


# %%
class Uncorrected(Adam):
    """Adam that believes to be at step one million, where the corrections are 1."""

    def _update(self, step, parts):
        super()._update(1_000_000, parts)


for name, make in (("Adam", Adam), ("uncorrected", Uncorrected)):
    lengths = -np.diff(follow(make, 1.0, lambda step, w: np.full(1, 7.0), 2000).ravel())
    print(
        f"{name}: step 1 {lengths[0]:.2f}, 12 {lengths[11]:.2f}, 2000 {lengths[-1]:.2f} rates long;", end=" "
    )
    print(f"the network's worst loss {max(train_with(make, 0.01)):.1f}")
    assert np.isclose(lengths[0], 1.0 if make is Adam else 0.1 / 0.001**0.5)

# %% [markdown]
# **Symptom: the loss jumps in the first steps, at a rate that is known to be good, and falls afterwards.**
#
# ## Broken on purpose: weight decay inside Adam
#
# Weight decay should shrink every weight by the same share, unless the data object. Adam's `weight_decay`
# adds $\lambda w$ to the gradient, and then divides by the size of the gradient, $\lambda$ included. Two
# weights of 1: to the first no gradient ever comes (a pixel that is always black), to the second 10 and
# $-10$ in turns. Without decay neither should go far. By hand, AdamW with $\eta = 0.01$, $\lambda = 0.1$:
# both shrink to about $0.999^{100} = 0.905$.

# %%
for kind in (Adam, AdamW):
    for decay in (0.1, 0.01):
        decayed = partial(kind, weight_decay=decay)
        places = follow(decayed, 0.01, lambda step, w: np.array([0, 10.0 * (-1) ** step]), 100, (1.0, 1.0))
        quiet, loud = places[-1]
        print(f"{kind.__name__:5} with decay {decay}: the quiet weight {quiet:.3f}, the loud one {loud:.3f}")
        assert (quiet < 0.3) == (kind is Adam)

# %% [markdown]
# **Symptom: in Adam the decay hardly depends on $\lambda$.** For the quiet weight $\lambda w$ is the whole
# gradient, so it takes full steps whatever $\lambda$ is; for the loud one it drowns. AdamW shrinks both
# alike.
#
# ## Beside the framework

# %%
source(optimisers)
ours = {
    name: follow(make, 0.1, lambda step, w: np.full(1, np.cos(step)), 10)[1:, 0]
    for name, make in RULES.items()
}
ours["one cycle"] = [OneCycle(0.3, 20)(step) for step in range(20)]
compare(optimisers, ours, tolerance=1e-6)

# %% [markdown]
# ## Summary
#
# - The steepest direction limits SGD's rate, the flattest decides how long it takes; momentum helps both.
# - RMSprop and Adam divide by the size of the gradient, weight by weight, so a step is about $\eta$ long.
# - Without the correction for having started at 0, Adam's first steps are up to 6.6 times too long.
# - AdamW shrinks weights directly; decay inside Adam's gradient hits quiet weights and spares loud ones.
# - Look for the best rate of each rule by factors of 3, and let it fall towards the end.
#
# ## Exercises
#
# In `lessons/exercises/11_optimisers.py`; `tinynet check 11` tells how far you are.
#
# 1. `momentum(w, gradient, lr, mu, steps)`: SGD with momentum.
# 2. `adam(w, gradient, lr, betas, eps, decay, steps)`: AdamW, and with decay 0 Adam.
# 3. `warm_cosine(step, steps, warm_up, lr)`: a schedule.
# 4. `largest_rate(curvatures, mu)`: beyond which rate does a valley throw SGD out?

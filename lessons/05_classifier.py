# %% [markdown]
# # The first classifier
#
# **Question: how do ten numbers per image become one loss, and how far does the simplest network get?**
#
# A dense layer gives each image ten numbers, one per class, called *logits*. Softmax makes probabilities of
# them, cross-entropy makes one number of the probabilities and the right class. Together the two have a
# gradient that fits on one line, and a pitfall that nearly everybody meets once.

# %% [markdown]
# ## By hand
#
# Three classes, logits $z = (0, \ln 2, \ln 5)$, and the right class is the one in the middle. Softmax:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} = \left(\tfrac{1}{8}, \tfrac{2}{8}, \tfrac{5}{8}\right).$$
#
# Cross-entropy is minus the logarithm of the probability that the right class $c$ got:
# $L = -\ln p_c = \ln 4 = 1.386$. Its gradient: write $L = -z_c + \ln \sum_j e^{z_j}$ and differentiate. The
# first term gives $-1$ for $k = c$, the second gives $e^{z_k} / \sum_j e^{z_j} = p_k$. With $t$ for the row
# that is 1 at $c$ and 0 elsewhere,
#
# $$\frac{\partial L}{\partial z_k} = p_k - t_k = \left(\tfrac{1}{8}, -\tfrac{3}{4}, \tfrac{5}{8}\right).$$
#
# What the network said minus what it should have said: a step against the gradient pushes the right class up
# and the others down, each as far as it was believed. The sum is 0.

# %%
from __future__ import annotations

import math

import numpy as np
from _keras import probabilities
from _pytorch import classifier, compare
from _show import data, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn
from tinynet.kernels.loss import softmax_cross_entropy_definition
from tinynet.ops.products import Linear
from tinynet.report.style import BLUE, GREY, VERMILION

logits = tn.Tensor(np.log([[1.0, 2.0, 5.0]]), requires_grad=True)
loss = tn.losses.cross_entropy(logits, [1])
loss.backward()
print(f"p = {tn.softmax(logits).numpy()[0]}, loss {loss.item():.4f}, gradient {logits.grad[0]}")
assert np.allclose(tn.softmax(logits).numpy(), [[0.125, 0.25, 0.625]])
assert math.isclose(loss.item(), math.log(4)) and np.allclose(logits.grad, [[0.125, -0.75, 0.625]])

# %% [markdown]
# One number to know by heart: a network that believes all ten classes alike has $p_c = 1/10$ and the loss
# $\ln 10 = 2.303$. A training that starts far above it believes something before it has seen anything.
#
# tinynet computes loss and gradient in one pass. This is the definition that the fast loop is tested
# against:

# %%
source(softmax_cross_entropy_definition)

# %% [markdown]
# Why take off the largest logit first? It changes nothing in the quotient, since
# $e^{z_k - m} = e^{z_k} / e^m$, and keeps the exponentials finite: in float32, $e^{89}$ is infinite already.
# The formula as it stands on paper fails twice, with infinity by infinity, and with the logarithm of a
# probability that was rounded to 0:


# %%
def paper_cross_entropy(z: np.ndarray, c: int) -> float:
    p = np.exp(z) / np.exp(z).sum()
    return float(-np.log(p[c]))


for z in ([0.0, 80.0], [0.0, 120.0], [100.0, 0.0]):
    z = np.array(z, np.float32)
    with np.errstate(all="ignore"):
        paper = paper_cross_entropy(z, 0)
    ours = tn.losses.cross_entropy(tn.Tensor(z[None]), [0]).item()
    print(f"logits {z}, class 0: on paper {paper}, by tinynet {ours}")
    assert ours == z.max() - z[0]
assert math.isnan(paper)

# %% [markdown]
# ## The dense layer
#
# $Y = X W + b$: the rows of $X$ are images as 784 numbers, each column of $W$ belongs to a class. The
# gradients are lesson 3's; the bias was repeated for each row, so its gradient is a sum over rows.

# %%
source(Linear)

# %% [markdown]
# ## Training
#
# One dense layer from pixels to logits, 784 · 10 weights and 10 biases. Its weights may start at 0, so the
# first loss is $\ln 10$ exactly. (In a hidden layer they may not: units that start equal get equal gradients
# and stay equal for ever.)

# %%
tn.seed(0)
train, test = data(60_000)


def fit(model: nn.Module, lr: float = 0.02, outputs=lambda logits: logits) -> list[float]:
    """Train for 5 epochs and return the loss of each step; the loss is given `outputs(logits)`."""
    optimizer = tn.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    model.train()
    history = []
    for _ in range(5):
        for images, labels in train.batches(128, shuffle=True):
            loss = tn.losses.cross_entropy(outputs(model(tn.Tensor(images))), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
    return history


def accuracy(model: nn.Module) -> float:
    """The share of test images whose largest logit is that of their class."""
    model.eval()
    right = 0
    with tn.no_grad():
        for images, labels in test.batches(500):
            right += int((model(tn.Tensor(images)).numpy().argmax(axis=1) == labels).sum())
    return right / len(test)


def zeros(shape, fan_in, fan_out):
    return np.zeros(shape, np.float32)


linear = nn.Sequential(nn.Flatten(), nn.Dense(784, 10, init=zeros))
hidden = nn.Sequential(nn.Flatten(), nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
histories = {"one dense layer": fit(linear), "128 hidden units": fit(hidden)}
for (name, history), model in zip(histories.items(), (linear, hidden), strict=True):
    weights = sum(parameter.size for parameter in model.parameters())
    print(f"{name}: {weights:,} weights, test accuracy {accuracy(model):.1%}")
    print(f"  first loss {history[0]:.3f}, mean of the last 20 steps {np.mean(history[-20:]):.3f}")
assert math.isclose(histories["one dense layer"][0], math.log(10), rel_tol=1e-6)
assert accuracy(linear) > 0.6 and accuracy(hidden) > 0.6

# %% [markdown]
# The single layer's weights can be looked at. A class's logit is the sum of pixels times weights; so each
# column of $W$ is an image of what speaks for the class (blue) and against it (red).

# %%
weight = linear[1].weight.numpy()
fig = Figure(figsize=(8, 3.6), layout="constrained")
limit = np.quantile(np.abs(weight), 0.99)
for axes, column, name in zip(fig.subplots(2, 5).flat, weight.T, train.class_names, strict=True):
    axes.imshow(column.reshape(28, 28), cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set_title(name, fontsize=9)
    axes.axis("off")
figure(fig, "templates")

# %% [markdown]
# ## Broken on purpose
#
# "The network should give probabilities, so it ends in softmax." Then the loss applies softmax a second
# time, to numbers between 0 and 1. By hand: the best that a certain and right network can offer is one 1 and
# nine 0s, so
#
# $$L \ge -\ln \frac{e^1}{e^1 + 9 e^0} = \ln (e + 9) - 1 = 1.461.$$

# %%
twice = nn.Sequential(nn.Flatten(), nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
histories["softmax twice"] = fit(twice, outputs=tn.softmax)
bound = math.log(math.e + 9) - 1
lowest = min(histories["softmax twice"])
print(f"softmax twice: lowest loss {lowest:.3f}, bound {bound:.3f}, test accuracy {accuracy(twice):.1%}")
assert round(bound, 3) == 1.461 and lowest > bound

# %%
fig = Figure(figsize=(7, 3.4), layout="constrained")
axes = fig.subplots()
for (name, history), colour in zip(histories.items(), (GREY, BLUE, VERMILION), strict=True):
    smooth = np.convolve(history, np.ones(10) / 10, mode="valid")
    axes.plot(smooth, color=colour, label=name, linewidth=1)
for level, name in ((math.log(10), "ln 10"), (bound, "1.461")):
    axes.axhline(level, color=GREY, linestyle=":", linewidth=1)
    axes.text(len(history), level, name, ha="right", va="bottom", fontsize=9)
axes.set(xlabel="step", ylabel="loss, mean of 10 steps", ylim=(0, 2.6))
axes.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.41))
figure(fig, "losses")

# %% [markdown]
# **Symptom: it learns, slowly, and the loss stays above 1.46 whatever you try.** Nothing is wrong with any
# single part, so no error is raised. The cause is a name: PyTorch's `CrossEntropyLoss` and tinynet's
# `cross_entropy` take logits, Keras's `CategoricalCrossentropy` takes probabilities unless it is built with
# `from_logits=True`.
#
# ## Beside the framework
#
# The same weights, images and labels, in float64, through a dense layer and the loss:

# %%
source(classifier)
grid = np.arange(1.0, 25.0)
x, labels = tn.Tensor(np.sin(grid).reshape(6, 4)), np.array([0, 1, 2, 2, 1, 0])
w = tn.Tensor(np.cos(grid[:12]).reshape(4, 3), requires_grad=True)
b = tn.Tensor(np.zeros(3), requires_grad=True)
logits = tn.ops.linear(x, w, b)
loss = tn.losses.cross_entropy(logits, labels)
loss.backward()
ours = {"loss": loss.item(), "gradient of the weight": w.grad, "gradient of the bias": b.grad}
ours["loss of softmax twice"] = tn.losses.cross_entropy(tn.softmax(logits), labels).item()
compare(classifier, ours, tolerance=1e-12)

# %% [markdown]
# Keras computes the same, if one says which of the two it is given:

# %%
source(probabilities)
default = {"loss of probabilities, by default": loss.item(), "loss of logits, from_logits=True": loss.item()}
twice = {"loss of softmax twice": ours["loss of softmax twice"]}
compare(probabilities, {**default, **twice}, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - Softmax and cross-entropy together have the gradient $p - t$, divided by the batch size for a mean.
# - Taking off the largest logit first keeps every exponential finite and changes nothing else.
# - Ten classes believed alike have the loss $\ln 10 = 2.303$: the first number to look at.
# - One dense layer learns a template per class; a hidden layer makes more of the same pixels.
# - The loss takes logits: with softmax applied twice it cannot fall below 1.461.
#
# ## Exercises
#
# In `lessons/exercises/05_classifier.py`; `tinynet check 05` tells how far you are.
#
# 1. `softmax(z)`: rows of probabilities, also for logits of 1000.
# 2. `cross_entropy(z, labels)`: the mean loss and its gradient by the logits.
# 3. `train(images, labels, classes, steps, lr)`: a dense layer trained with NumPy alone.

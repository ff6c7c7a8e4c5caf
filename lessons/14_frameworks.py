# %% [markdown]
# # Beside PyTorch and Keras
#
# **Question: when do two frameworks compute the same, and how is the place found where they do not?**
#
# The same layers, weights and images, and still other numbers, if only in the last digit. How far may two
# right computations be apart? Where does the same name mean another calculation? How is a mistake found in a
# network that was carried over? What PyTorch and Keras answer is kept in `tests/golden`, for all to compare.

# %% [markdown]
# ## By hand
#
# **Rounding.** float32 keeps 24 binary digits: behind $2^{24} = 16\,777\,216$ comes $2^{24} + 2$. So
#
# $$(2^{24} + 1) + 1 = 2^{24}, \qquad 2^{24} + (1 + 1) = 2^{24} + 2.$$
#
# Nobody made a mistake. A *unit* of rounding is $\varepsilon = 2^{-23}$ of the largest number; these two sums
# are $2 / (2^{-23} \cdot 2^{24}) = 1$ unit apart.
#
# **Padding.** Four pixels (1, 2, 3, 4), a window of three ones, stride 2, two outputs. That takes one zero.
# Keras's "same" puts it behind. PyTorch's `padding=1` puts one on each side, and the last is never read:
#
# $$(1 + 2 + 3,\ 3 + 4 + 0) = (6, 7), \qquad (0 + 1 + 2,\ 2 + 3 + 4) = (3, 9).$$
#
# **Adam.** With learning rate $\eta$, PyTorch moves a weight of gradient $g$ by $\eta\, g / (|g| + \epsilon)$
# in the first step. Keras adds $\epsilon$ to a root that is not corrected yet, so that it counts
# $1 / \sqrt{1 - \beta_2} = 31.6$ times then ($\beta_2 = 0.999$). For $g = 10^{-6}$ and the defaults of
# $\epsilon$, $10^{-8}$ in PyTorch and $10^{-7}$ in Keras, the steps are $\eta / 1.01$ and $\eta / 4.16$.

# %%
from __future__ import annotations

import numpy as np
from _golden import CASE, KERAS, TORCH, measure, tolerance, units
from _show import data, fast, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn
from tinynet.interop import frameworks, layouts, to_keras, to_torch
from tinynet.report.style import BLUE, GREY, VERMILION
from tinynet.train.predictions import predict_logits

big, one = np.float32(2**24), np.float32(1)
assert (big + one) + one == 2**24 and big + (one + one) == 2**24 + 2
pixels, window = np.arange(1.0, 5).reshape(1, 1, 4, 1), np.ones((1, 3, 1, 1))
for padding, expected in (("same", (6, 7)), (((0, 0), (1, 1)), (3, 9))):
    result = tn.ops.conv2d(pixels, window, stride=(1, 2), padding=padding).numpy().ravel()
    assert np.array_equal(result, expected)
assert np.allclose((1 + 1e-8 / 1e-6, 1 + 1e-7 / np.sqrt(1 - 0.999) / 1e-6), (1.01, 4.16), atol=0.005)

# %% [markdown]
# ## Units of rounding
#
# An operation is wrong by at most half a unit, up or down as chance has it. After $n$ of them the errors have
# walked about $\sqrt n$ steps, not $n$, for most of them cancel. A sum of $n$ products rounds $2 n$ times, so
# the tests of tinynet allow it $\sqrt{2 n}$ units, in whatever order it is computed. Is chance like that?
# Below are three orders for 40 sums of $n$ random products, and a sum without any chance, $n$ times 0.1.

# %%
source(units, tolerance.allowed)
rng = np.random.default_rng(0)
orders = {
    "left to right": lambda a, b: (a * b).cumsum(axis=1)[:, -1],
    "in pairs, as NumPy": lambda a, b: (a * b).sum(axis=1),
    "by BLAS": lambda a, b: np.array([x @ y for x, y in zip(a, b, strict=True)]),
}
lengths = 4 ** np.arange(1, 7 if fast() else 9)
apart = {name: [] for name in (*orders, "0.1, left to right")}
for n in lengths:
    a, b = rng.standard_normal((2, 40, n)).astype(np.float32)
    for name, order in orders.items():
        apart[name].append(units(order(a, b), (a.astype(np.float64) * b).sum(axis=1), np.float32))
    tenths = np.full((1, n), 0.1, np.float32)
    drifted = orders["left to right"](tenths, np.ones_like(tenths))
    apart["0.1, left to right"].append(units(drifted, tenths.sum(axis=1, dtype=np.float64), np.float32))

fig = Figure(figsize=(7, 3.6), layout="constrained")
axes = fig.subplots()
for (name, found), mark in zip(apart.items(), "o^sx", strict=True):
    colour = VERMILION if name.startswith("0.1") else BLUE
    axes.loglog(lengths, np.maximum(found, 0.1), mark + "-", color=colour, label=name, lw=1, ms=4)
    print(f"{name:20} {found[-1]:8.1f} units for n = {lengths[-1]:,}")
    assert colour == VERMILION or (np.array(found) <= np.sqrt(2 * lengths)).all()
axes.loglog(lengths, np.sqrt(2 * lengths), color=GREY, linestyle=":", label="allowed, √(2n)")
axes.set(xlabel="n, how many numbers are added", ylabel="units from the exact sum (0.1: none)")
axes.legend(frameon=False, fontsize=9)
figure(fig, "units")

# %% [markdown]
# Random sums stay below the line, the better orders far below. The tenths do not, for all roundings of a
# stretch go the same way: a drift. That is why tinynet cuts long sums into blocks, and adds those in float64.
#
# ## Layout
#
# An image of 2x2 pixels: 1, 2, 3, 4 in the first channel, 10, 20, 30, 40 in the second. tinynet and Keras
# keep a pixel together, (N, H, W, C); PyTorch keeps a channel together, (N, C, H, W). So a dense layer behind
# a Flatten has its inputs in another order there, and its weight is transposed besides. The shape does not
# tell, for 8 inputs are 8 inputs: who converts has to know how many channels were flattened.

# %%
image = np.array([[1, 10], [2, 20], [3, 30], [4, 40]], np.float32).reshape(1, 2, 2, 2)
here, there = image.reshape(1, 8), layouts.images_to_torch(image).reshape(1, 8)
print(f"tinynet and Keras {here[0]}, PyTorch {there[0]}")
tn.seed(0)
dense = nn.Dense(8, 3)
for channels in (1, 2):
    weight = layouts.of(dense, channels)["weight"].to_torch(dense.weight.numpy())  # (O, I)
    error = units(there @ weight.T, here @ dense.weight.numpy(), np.float32)
    print(f"converted as if {channels} channel(s) had been flattened: {error:.1g} units apart")
    assert (error < 10) == (channels == 2)

# %% [markdown]
# ## The same name, another calculation
#
# The golden numbers are float64: a formula gives them or it does not. The variance that batch norm *keeps*
# for evaluation is divided by $n - 1$ in PyTorch and by $n$ in Keras. (To normalise in training, both divide
# by $n$.) And Adam's first step, with an $\epsilon$ that can be seen, 0.125, and $\beta_2 = 0.9375$:

# %%
norm = CASE["batch_norm: training, rows, momentum 0.25, eps 0.001"]
adam = CASE["optimiser: Adam, a visible epsilon"]
x, before = (array.astype(np.float64) for array in (norm.arrays["x"], norm.fixed["running_var"]))
start, g = adam.arrays["start"].astype(np.float64), adam.arrays["gradients"][0].astype(np.float64)
for golden, divisor, weight in ((TORCH, len(x) - 1, 1), (KERAS, len(x), 1 / np.sqrt(1 - 0.9375))):
    kept = 0.75 * before + 0.25 * ((x - x.mean(axis=0)) ** 2).sum(axis=0) / divisor
    step = 0.125 * g / (np.abs(g) + 0.125 * weight)
    print(f"{golden.framework:6} kept variance {kept}, first steps {step[:3]}")
    assert np.allclose(golden.of(norm.name)["running_var"], kept, rtol=1e-12)
    assert np.allclose(golden.of(adam.name)["path"][0], start - step, rtol=1e-12)

# %% [markdown]
# No tolerance helps here: one follows one of the two, and says which (`docs/differences.md`).
#
# ## Broken on purpose
#
# A small MobileNet is trained and then carried to another framework by hand, with two mistakes. The strided
# convolutions got `padding=1`. And the weight of the last pointwise convolution, (O, C) there and (C, O)
# here, was not turned: with 32 channels on both sides, every shape fits.


# %%
def network() -> nn.Sequential:
    layers = [nn.Conv2D(1, 16, 3, 2, "same", bias=False)]
    for wide, stride in ((16, 1), (32, 2)):
        layers += [nn.BatchNorm(wide), nn.ReLU(), nn.DepthwiseConv2D(wide, 3, stride, "same", bias=False)]
        layers += [nn.BatchNorm(wide), nn.ReLU(), nn.PointwiseConv2D(wide, 32, bias=False)]
    return nn.Sequential(*layers, nn.BatchNorm(32), nn.ReLU(), nn.GlobalAvgPool2D(), nn.Dense(32, 10))


def carried(*mistakes: str) -> nn.Sequential:
    copy = network()
    copy.load_state_dict(model.state_dict())
    if "padding" in mistakes:
        copy[0].padding = copy[9].padding = ((1, 1), (1, 1))
    if "weight" in mistakes:
        copy[12].weight = nn.Parameter(copy[12].weight.numpy().T.copy())
    return copy.eval()


train, test = data(20_000)
model = network()
trainer = tn.Trainer(model, tn.optim.Adam(model.parameters(), 0.01), tn.losses.cross_entropy, progress=False)
trainer.fit(train, epochs=4, batch_size=64)
for mistake in ("none", "padding", "weight"):
    right = predict_logits(carried(mistake), test).argmax(axis=1) == test.labels
    print(f"mistake: {mistake:8} test accuracy {right.mean():.1%}")

# %% [markdown]
# **Symptom: no error, only a worse accuracy**, which one might blame on many things. So compare the layers,
# each twice: with what the copy has made so far, and with exactly what reaches that layer in the original.
# The copy is run by PyTorch if that is installed, else by tinynet in float64.


# %%
def layers_of(copy: nn.Sequential) -> list:
    if frameworks.missing("torch"):
        copy.astype(np.float64)
        return [lambda x, layer=layer: layer(tn.Tensor(x.astype(np.float64))).numpy() for layer in copy]
    from torch import from_numpy

    def call(module, x):
        return layouts.images_from_torch(module(from_numpy(layouts.images_to_torch(x))).detach().numpy())

    return [lambda x, module=module: call(module, x) for module in to_torch(copy, (28, 28, 1))]


entering = [next(iter(test.batches(64)))[0]]
for layer in model.eval():
    entering.append(layer(tn.Tensor(entering[-1])).numpy())


def distances(copy: nn.Sequential) -> np.ndarray:
    found, own = [], entering[0]
    for layer, x, y in zip(layers_of(copy), entering[:-1], entering[1:], strict=True):
        own = layer(own)
        found.append((units(own, y, np.float32), units(layer(x), y, np.float32)))
    return np.maximum(found, 0.1)


right, wrong = distances(carried()), distances(carried("padding", "weight"))
fig = Figure(figsize=(7.5, 3.6), layout="constrained")
axes = fig.subplots()
axes.semilogy(wrong[:, 0], color=VERMILION, label="two mistakes, its own numbers")
axes.semilogy(wrong[:, 1], "o", color=VERMILION, label="two mistakes, the same numbers")
axes.semilogy(right[:, 1], "o", color=BLUE, label="no mistake, the same numbers", markersize=4)
names = [f"{place} {type(layer).__name__}" for place, layer in enumerate(model)]
axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
axes.set(ylabel="units from the original (0.1: none)")
axes.legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1, 0.4))
figure(fig, "layers")
guilty = [name for name, distance in zip(names, wrong[:, 1], strict=True) if distance > 1000]
print(f"run by {'tinynet in float64' if frameworks.missing('torch') else 'PyTorch'}, parted at {guilty}")
assert guilty == ["0 Conv2D", "9 DepthwiseConv2D", "12 PointwiseConv2D"]
assert (wrong[:, 0] > 1000).all() and right.max() < 100

# %% [markdown]
# With its own numbers the copy shows the *first* mistake and nothing behind it, for all that follows is
# wrong. With the same numbers each mistake stands alone, and the layers in between are acquitted. `tinynet
# compare torch` (or `keras`, `onnx`) does this with gradients, too.
#
# ## Beside the framework
#
# Every kind of layer at the worst place, in units from the framework's float64 (MobileNet: float32): tinynet
# in float64 and in float32, the framework's own float32, and how much of what is allowed that uses up.

# %%
measure.main()
if not fast() and not frameworks.missing("keras"):
    theirs = to_keras(model, (28, 28, 1))(entering[0], training=False).numpy()
    print(f"the trained network in Keras, now: {units(theirs, entering[-1], np.float32):.1f} units apart")
    assert units(theirs, entering[-1], np.float32) < 100

# %% [markdown]
# ## Summary
#
# - Two right float32 computations of $n$ roundings are up to some $\sqrt n$ units apart, rarely zero.
# - Layouts are permutations: a weight of the right shape may still be in the wrong order.
# - "same", running variance and epsilon name different calculations: no tolerance bridges them.
# - A mistake in a port raises no error; it shows in distances, counted in units.
# - Give each layer the same numbers on both sides, and only the guilty ones part.
#
# ## Exercises
#
# In `lessons/exercises/14_frameworks.py`; `tinynet check 14` tells how far you are.
#
# 1. `units(actual, expected)`: how far two float32 results are apart.
# 2. `dense_from_torch(weight, height, width, channels)`: a dense layer that follows a Flatten.
# 3. `adam_of_keras(start, gradients, lr, betas, eps)`: the weights after each step, with Keras's epsilon.
# 4. `first_parted(ours, theirs, roundings)`: the first layer whose outputs are too far apart.

# %% [markdown]
# # MobileNet, wide and narrow
#
# **Question: a network has to become cheaper. Should one give up channels or pixels?**
#
# MobileNet has two knobs. The *width multiplier* $\alpha$ scales the number of channels of every layer, the
# *resolution multiplier* $\rho$ the side of the image. This lesson counts by hand what each saves, and then
# trains six networks on Fashion-MNIST to see what each costs.

# %% [markdown]
# ## By hand
#
# A block of MobileNet is a 3x3 depthwise convolution and a 1x1 convolution, each followed by batch norm and
# ReLU. With $M$ channels in, $N$ out and $F \cdot F$ pixels out, the two convolutions have
#
# $$9 M + M N \;\text{ weights and }\; F^2 (9 M + M N) \;\text{ multiply-adds:}$$
#
# each weight is used once per pixel. Take $M = N = 128$ and $F = 14$:
#
# | | weights | multiply-adds | with $\alpha = \frac12$ | with $\rho = \frac12$ |
# | --- | ---: | ---: | ---: | ---: |
# | depthwise | 9 · 128 = 1,152 | · 196 = 225,792 | 112,896 | 56,448 |
# | 1x1 | 128 · 128 = 16,384 | · 196 = 3,211,264 | 802,816 | 802,816 |
# | both | 17,536 | 3,437,056 | 915,712 | 859,264 |
#
# Half the width halves $M$ and $N$: the 1x1 convolution, with its product $M N$, falls to a quarter, the
# depthwise only to a half. Together that is $0.266$ of the work, a little more than $\alpha^2 = 0.25$. Half
# the resolution leaves a quarter of the pixels, so exactly $\rho^2 = 0.25$ of the work, and **all of the
# weights**. Batch norm adds two trained numbers per channel, $2 \cdot 128 + 2 \cdot 128 = 512$.

# %%
from __future__ import annotations

import math

import numpy as np
from _pytorch import compare, mobilenet_list
from _show import data, fast, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn
from tinynet.models.mobilenet import BLOCKS_28, _block, _convolutions, _scaled, mobilenet_28
from tinynet.report.mobilenet import TABLE_6, TABLE_7, counts
from tinynet.report.style import BLUE, GREY, INK, VERMILION

model = tn.models.build("mobilenet-28")
block, half = model[15:21], tn.models.build("mobilenet-28", width=0.5)[15:21]
print(tn.summary(block, (14, 14, 128)))
assert block.parameter_count(trainable_only=True) == 17_536 + 512
assert block.multiply_adds((14, 14, 128)) == 3_437_056
assert half.multiply_adds((14, 14, 64)) == 915_712
assert block.multiply_adds((7, 7, 128)) == 859_264 == 3_437_056 / 4

# %% [markdown]
# ## The network as a list
#
# The whole network is a list of pairs: output channels and stride of each block. `mobilenet-28` is the
# project's own for images of 28 pixels: at 28, 14 and 7 pixels. Everything else follows from the list.

# %%
print("BLOCKS_28 =", BLOCKS_28)
source(mobilenet_28, _convolutions, _block, _scaled)

# %% [markdown]
# Note two things. The width enters in a single place, `_scaled`. And the resolution enters nowhere: a
# convolution takes an image of any size, and the mean over the image, `GlobalAvgPool2D`, leaves one number
# per channel whatever its size. So the same weights work at 28, 14 and 7 pixels; only the work differs.
#
# The paper's network has thirteen blocks, for 224 pixels and 1,000 classes, and follows the same rules. Its
# Tables 6 and 7 (Howard et al. 2017, arXiv 1704.04861) beside what our network counts; the accuracies are the
# paper's, on ImageNet:

# %%
whole = counts()[0]
accuracies = {1.0: 70.6, 0.75: 68.4, 0.5: 63.7, 0.25: 50.6}, {224: 70.6, 192: 69.1, 160: 67.2, 128: 64.4}
for name, table, measured in zip(("width", "resolution"), (TABLE_6, TABLE_7), accuracies, strict=True):
    print(f"{name:>10}    square  multiply-adds   of all   paper   parameters   paper's accuracy")
    for value, (paper, _) in table.items():
        work, parameters, _ = counts(**{name: value})
        square = (value / max(table)) ** 2
        print(f"{value:10g}   {square:7.3f}   {work / 1e6:8.2f} M  {work / whole:7.3f}   {paper:3} M"
              f"   {parameters / 1e6:8.3f} M   {measured[value]:.1f} %")  # fmt: skip
        assert abs(work / 1e6 - paper) < 1

# %% [markdown]
# Read across: width 0.5 and resolution 128 cost about as much (149 and 186 million) and are about as
# accurate (63.7 % and 64.4 %); but the narrow one has a third of the parameters.
#
# ## The same trade, in small
#
# Smaller images first: each new pixel is the mean of a square of old ones.


# %%
def shrunk(dataset: tn.data.Dataset, size: int) -> tn.data.Dataset:
    """The data set with images of `size` by `size` pixels, where `size` divides 28."""
    ((images, labels),) = dataset.batches(len(dataset))  # all of them, from 0 to 1
    squares = images.reshape(-1, size, 28 // size, size, 28 // size, 1)
    return tn.data.Dataset(squares.mean(axis=(2, 4)), labels, dataset.class_names)


train, test = data(5_000)
train, test = (train.take(300), test.take(100)) if fast() else (train, test.take(5_000))
sizes = (28, 14, 7)
trains, tests = ({size: shrunk(part, size) for size in sizes} for part in (train, test))
fig = Figure(figsize=(8, 1.7), layout="constrained")
for number, axes in enumerate(fig.subplots(1, 6)):
    index, size = number // 3, sizes[number % 3]
    axes.imshow(trains[size].images[index, ..., 0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{train.class_names[train.labels[index]]}, {size}", fontsize=9)
    axes.axis("off")
figure(fig, "resolutions")

# %% [markdown]
# Six networks, trained alike from the same seed: the whole one; one with half the channels; one with half
# the side; and three ways to little more than a sixteenth of the work: a quarter of the channels, a quarter
# of the side, half of each.


# %%
EPOCHS, BATCH = (1, 50) if fast() else (3, 64)


def fitted(model: nn.Sequential, size: int = 28, epochs: int = EPOCHS, kind=tn.optim.AdamW, lr=0.004):
    """A Trainer that has trained the network on the images of that size."""
    model.input_shape = (size, size, 1)  # what the data are checked against; no weight depends on it
    optimizer = kind(model.parameters(), lr=lr)
    schedule = tn.optim.OneCycle(lr, steps=epochs * len(trains[size].batches(BATCH)))
    trainer = tn.Trainer(model, optimizer, tn.losses.cross_entropy, schedule=schedule, progress=False)
    trainer.fit(trains[size], epochs=epochs, batch_size=BATCH)
    return trainer


fitted(tn.models.build("mobilenet-28", width=0.25), 7)  # so that no compiled loop is loaded on the clock
total, rows = tn.models.build("mobilenet-28").multiply_adds((28, 28, 1)), {}
print("width  pixels   multiply-adds   of all   parameters   training   of all   test accuracy")
for width, size in ((1, 28), (0.5, 28), (0.25, 28), (1, 14), (1, 7), (0.5, 14)):
    tn.seed(0)
    model = tn.models.build("mobilenet-28", width=width)
    trainer = fitted(model, size)
    seconds = sum(trainer.history.column("seconds"))
    work, weights = model.multiply_adds(model.input_shape), model.parameter_count(trainable_only=True)
    accuracy = trainer.evaluate(tests[size])["accuracy"]
    rows[width, size] = work, seconds, accuracy
    print(f"{width:5g}  {size:6}  {work:14,}  {work / total:7.3f}  {weights:11,}"
          f"  {seconds:7.2f} s  {seconds / rows[1, 28][1]:7.3f}   {accuracy:13.1%}")  # fmt: skip
chance = math.sqrt(0.85 * 0.15 / len(test))
print(f"(of {len(test):,} test images; two standard deviations by chance alone: {2 * chance:.1%})")
assert rows[0.25, 28][0] < total / 12 and rows[1, 7][0] < total / 12 and rows[0.5, 14][0] < total / 12

# %%
fig = Figure(figsize=(8.4, 3.6), layout="constrained")
panels = fig.subplots(1, 2)
lines = {"width": [BLUE, (0.5, 28), (0.25, 28)], "pixels": [VERMILION, (1, 14), (1, 7)]}
for name, (colour, *keys) in {**lines, "both": [INK, (0.5, 14)]}.items():
    work, seconds, accuracy = np.array([rows[key] for key in ((1, 28), *keys)]).T
    panels[0].plot(work / total, accuracy, "o-", color=colour, label=name)
    panels[1].plot(work / total, seconds / seconds[0], "o-", color=colour)
panels[1].plot([1 / 16, 1], [1 / 16, 1], ":", color=GREY, label="in step with the work")
panels[0].set(xscale="log", ylabel="test accuracy")
panels[1].set(xscale="log", yscale="log", ylabel="time of training, of the whole network's")
panels[1].set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["5 %", "10 %", "20 %", "50 %", "100 %"])
for axes in panels:
    axes.minorticks_off()
    axes.set_xlabel("multiply-adds, of the whole network's")
    axes.set_xticks([1 / 16, 1 / 4, 1], ["1/16", "1/4", "1"])
    axes.legend(frameon=False, fontsize=9)
figure(fig, "trade")

# %% [markdown]
# **On Fashion-MNIST, after three epochs, give up pixels.** The narrow network has few of the weights left. At
# 7 by 7 pixels the network keeps them all, and the outline that tells most garments apart is still there.
# That is no law: on the paper's photographs the two cost about the same, and which one wins after thirty
# epochs is a question for this same code.
#
# **And count seconds as well.** The three small ones have a thirteenth of the work (no sixteenth: depthwise
# convolutions go with $\alpha$ alone, and a side of 7 is halved to 4). In time the small images come closer
# to that than the narrow network. Its 1x1 convolutions shrink with $\alpha^2$; but batch norm, ReLU and the
# depthwise convolutions touch each value of each feature map, and there are $\alpha$ times as many. Fewer
# pixels shrink all of that by $\rho^2$. The paper counts multiply-adds because they are the same on every
# machine; the clock is what a user pays.

# %% [markdown]
# ## Broken on purpose
#
# Batch norm has none of the multiply-adds and few of the parameters. Leave it out, to save time:


# %%
def bare(width: float) -> nn.Sequential:
    """The network without its batch norms."""
    model = tn.models.build("mobilenet-28", width=width)
    return nn.Sequential(*(layer for layer in model if not isinstance(layer, nn.BatchNorm)))


def spreads(model: nn.Sequential) -> list[float]:
    """The standard deviation of the values after each ReLU, for one batch in training mode."""
    x, found = tn.Tensor(np.asarray(trains[28].images[:64])), []
    with tn.no_grad():
        for layer in model.train():
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(float(x.numpy().std()))
    return found


losses = {}
for name in ("with", "without"):
    for kind, lr in ((tn.optim.SGD, 0.5), (tn.optim.AdamW, 0.004)):
        tn.seed(0)
        network = bare(0.25) if name == "without" else tn.models.build("mobilenet-28", width=0.25)
        found = spreads(network)
        losses[name, kind] = fitted(network, epochs=1, kind=kind, lr=lr).history[-1]["loss"]
        print(f"{name:>7} batch norm: spread {found[0]:.2g} after the first ReLU, {found[-1]:.2g} after the"
              f" last; loss of an epoch of {kind.__name__} {losses[name, kind]:.3f}")  # fmt: skip
print(f"ln 10 = {math.log(10):.3f}")
assert abs(losses["without", tn.optim.SGD] - math.log(10)) < 0.02 and found[-1] < found[0] / 100

# %% [markdown]
# **Symptom: the loss sits at $\ln 10$, as if the network saw nothing.** It does see nothing: each of the 17
# convolutions and ReLUs makes the spread a little smaller, until all images give nearly the same zeros, and
# the gradient shrinks on its way back in the same manner. Batch norm makes the spread 1 after every
# convolution. AdamW divides each gradient by its own size, and so gets even this network going, late: **an
# optimiser can hide a fault without mending it.**
#
# The other way to break MobileNet is to give the paper's list, with its five strides, an image that is too
# small: 28, 14, 7, 4, 2, 1. At one pixel, eight of the nine depthwise weights meet nothing but padding.

# %%
try:
    tn.models.build("mobilenet", resolution=28, in_channels=1, classes=10)
except tn.TinynetError as error:
    print(error)

# %% [markdown]
# ## Beside the framework
#
# The same list in PyTorch, whose depthwise convolution is a `Conv2d` with as many groups as channels. The
# trained parameters agree, and so does the side of the last feature maps for images of 28, 14 and 7 pixels:

# %%
source(mobilenet_list)
ours = {}
for width in (1, 0.5, 0.25):
    model = tn.models.build("mobilenet-28", width=width)
    ours[f"parameters, width {width}"] = model.parameter_count(trainable_only=True)
ours["last side, of 28, 14, 7"] = [model[:51].output_shape((size, size, 1))[0] for size in sizes]
compare(mobilenet_list, ours)

# %% [markdown]
# ## Summary
#
# - A block has $9 M + M N$ weights, each used once per pixel; the 1x1 convolution is nine tenths of it.
# - Width $\alpha$ scales multiply-adds and weights by about $\alpha^2$; resolution $\rho$ scales the
#   multiply-adds by $\rho^2$ and no weight.
# - Seconds follow the values that are touched as well: $\alpha$ for the width, $\rho^2$ for the resolution.
# - Which knob costs less accuracy depends on the images: measure both.
# - Without batch norm, 17 layers of convolution and ReLU give nothing to learn from.
#
# ## Exercises
#
# In `lessons/exercises/12_mobilenet.py`; `tinynet check 12` tells how far you are.
#
# 1. `block_cost`: trained parameters and multiply-adds of one block.
# 2. `network_cost`: the same for a whole MobileNet, from its list, for any width and resolution.
# 3. `widest`: the largest width whose network stays within a budget of multiply-adds.
# 4. `unbeaten`: which of many networks are worth having at all.

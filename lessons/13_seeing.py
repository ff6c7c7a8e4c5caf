# %% [markdown]
# # What the network sees
#
# **Question: a network is right nine times in ten. What does it look at, and what do its mistakes say?**
#
# A trained network is no black box: every number in it can be looked at. This lesson goes from MobileNet's
# first filters to its last mistakes, and asks in two ways which pixels an answer depends on.
#
# ## By hand
#
# "Which pixel matters?" is two questions. Take a network for an image of two pixels, with two hidden units:
#
# $$h_1 = \mathrm{relu}(x_1 - x_2), \quad h_2 = \mathrm{relu}(x_2 - x_1), \quad z = 2 h_1 + 3 h_2.$$
#
# For $x = (3, 1)$: $h = (2, 0)$ and $z = 4$. *What if a pixel changes a little?* That is the gradient, and
# only the open unit $h_1$ takes part in it:
#
# $$\frac{\partial z}{\partial x} = (2, -2).$$
#
# *What if a pixel were not there?* Black out the first: $x = (0, 1)$, $h = (0, 1)$, $z = 3$. The logit falls
# by 1. The gradient promised $2 \cdot 3 = 6$; but on the way $h_1$ closed and $h_2$ opened. The gradient is a
# tangent, and a covered pixel is far away.

# %%
from __future__ import annotations

import numpy as np
from _pytorch import compare, sensitivity
from _show import data, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet.report import pictures, plots
from tinynet.report.style import BLUE
from tinynet.train import confusion_matrix, predict_logits, predict_probabilities

x = tn.Tensor([3.0, 1.0], requires_grad=True)


def logit(x):
    return 2 * tn.relu(x[0] - x[1]) + 3 * tn.relu(x[1] - x[0])


z = logit(x)
z.backward()
covered = logit(tn.Tensor([0.0, 1.0]))
print(f"z = {z.item()}, gradient {x.grad}, with the first pixel black {covered.item()}")
assert (z.item(), *x.grad, covered.item()) == (4.0, 2.0, -2.0, 3.0)

# %% [markdown]
# ## The network
#
# `mobilenet-28` with the weights that come with the package, trained on the training images of
# Fashion-MNIST. Where these images are not there, a small one, trained here on garments.

# %%
tn.seed(0)
train, test = data(1_000)
if train.name == "fashion-mnist":
    model = tn.models.build("mobilenet-28", pretrained=True)
else:
    model, steps = tn.models.build("mobilenet-28", width=0.25), 4 * len(train.batches(50))
    optimizer, schedule = tn.optim.AdamW(model.parameters(), lr=0.004), tn.optim.OneCycle(0.004, steps)
    trainer = tn.Trainer(model, optimizer, tn.losses.cross_entropy, schedule=schedule, progress=False)
    trainer.fit(train, epochs=4, batch_size=50)
    model.eval()  # as the other one is
names = test.class_names
probabilities = predict_probabilities(model, test)
predicted = probabilities.argmax(axis=1)
print(f"{model.parameter_count():,} numbers, test accuracy {(predicted == test.labels).mean():.2%}")

# %% [markdown]
# ## The first filters
#
# The first layer's weights have the shape of pictures: 3 by 3 pixels for each channel. Blue speaks for, red
# against; a filter that is blue on one side and red on the other answers to an edge.

# %%
kernels = model[0].weight.numpy()[:, :, 0]  # (3, 3, channels)
fig = Figure(figsize=(8, 1.2), layout="constrained")
grid = fig.subplots(2, 16)
for axes, kernel in zip(grid.flat, kernels.transpose(2, 0, 1), strict=False):
    axes.imshow(kernel, cmap="RdBu", vmin=-np.abs(kernel).max(), vmax=np.abs(kernel).max())
for axes in fig.axes:
    axes.axis("off")
figure(fig, "filters")

# %% [markdown]
# ## From picture to numbers
#
# A Sequential can be cut: `model[:9]` is the network up to the end of its first block. So what a layer makes
# of an image is one call away. Below, of each stage, the eight channels that answer most to one image:

# %%
((images, labels),) = test.batches(len(test))  # all of them, (N, 28, 28, 1), from 0 to 1
boot = np.flatnonzero(labels == 9)[0]
fig = Figure(figsize=(8, 5.8), layout="constrained")
stages = {"image": 0, "first layer": 3, "block 1": 9, "block 2": 15, "block 5": 33, "block 8": 51}
for row, (name, layers) in zip(fig.subplots(6, 9), stages.items(), strict=True):
    with tn.no_grad():
        maps = model[:layers](tn.Tensor(images[[boot]])).numpy()[0]  # (side, side, channels)
    strongest = np.argsort(-maps.mean(axis=(0, 1)), kind="stable")[:8]
    for axes, channel in zip(row[1:], strongest, strict=False):
        axes.imshow(maps[:, :, channel], cmap="viridis", vmin=0)
    row[0].text(0, 0.5, f"{name}\n{maps.shape[0]}x{maps.shape[1]}x{maps.shape[2]}", fontsize=9)
    print(f"{name:11} {maps.shape!s:13} {(maps == 0).mean():.0%} of the values are 0")
for axes in fig.axes:
    axes.axis("off")
figure(fig, "maps")

# %% [markdown]
# Early maps are still pictures, of outlines and areas. The last ones, of 7 by 7 pixels, say roughly where the
# boot is and nothing of its form: that has become *which* channels answer. Their means, one number per
# channel, are all that the dense layer learns of the boot.
#
# ## Mistakes
#
# One accuracy hides where the mistakes are. The confusion matrix has a row for each true class and a column
# for each answer:

# %%
matrix = confusion_matrix(labels, predicted, len(names))
figure(plots.confusion(matrix, names, subtitle=f"{len(test):,} test images"), "confusion")
both = np.tril(matrix + matrix.T, -1)  # i taken for j or j for i
for place in np.argsort(-both, axis=None)[:3]:
    i, j = np.unravel_index(place, both.shape)
    print(f"{both[i, j]:4} of {both.sum()} mistakes between {names[i]} and {names[j]}")

# %% [markdown]
# Then the mistakes themselves, first those of which the network was surest. Look at them before anything is
# mended: some are hard for anybody, and some labels can be argued with.

# %%
fig = Figure(figsize=(8, 2.9), layout="constrained")
grid = fig.subplots(2, 8).flat
for axes, i in zip(grid, pictures.worst_mistakes(labels, probabilities), strict=False):
    pictures.show_image(axes, images[i])
    axes.set_title(f"{names[predicted[i]]}, {probabilities[i].max():.0%}\nis: {names[labels[i]]}", fontsize=7)
for axes in fig.axes:
    axes.axis("off")
figure(fig, "mistakes")

# %% [markdown]
# ## Which pixels?
#
# The engine that gives the gradient by the weights gives the one by the pixels for nothing: an image is a
# tensor, and `requires_grad=True` is all it takes. In evaluation mode no image touches another, so in the sum
# of many images' logits each finds its own gradient. Covering up takes a prediction per place.


# %%
def slopes(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gradient of each image's own logit by its pixels: (N, 28, 28, 1)."""
    x = tn.Tensor(images, requires_grad=True)
    model(x)[np.arange(len(images)), labels].sum().backward()
    return x.grad


def falls(images: np.ndarray, labels: np.ndarray, share: float, side: int, step: int) -> np.ndarray:
    """How far each image's own logit falls when a square of it loses `share` of its light: (N, n, n)."""
    corners, every = range(0, 29 - side, step), np.arange(len(images))
    whole, result = predict_logits(model, images)[every, labels], np.empty((len(images), *[len(corners)] * 2))
    for i, j in np.ndindex(result.shape[1:]):
        darker = images.copy()
        darker[:, corners[i] : corners[i] + side, corners[j] : corners[j] + side] *= 1 - share
        result[:, i, j] = whole - predict_logits(model, darker)[every, labels]
    return result


shown = [np.flatnonzero(labels == label)[1] for label in (1, 3, 6, 8, 9)]
rows = images[shown], slopes(images[shown], labels[shown]), falls(images[shown], labels[shown], 1.0, 6, 2)
fig = Figure(figsize=(8, 5), layout="constrained")
for column, label, image, slope, fall in zip(fig.subplots(3, 5).T, labels[shown], *rows, strict=True):
    pictures.show_image(column[0], image)
    column[1].imshow(np.abs(slope[:, :, 0]), cmap="magma")
    column[2].imshow(fall, cmap="RdBu_r", vmin=-np.abs(fall).max(), vmax=np.abs(fall).max())
    for axes, title in zip(column, (names[label], "size of gradient", "fall if covered"), strict=True):
        axes.set_title(title, fontsize=9)
        axes.axis("off")
figure(fig, "where")

# %% [markdown]
# In the middle row the size of the gradient: grainy, as the tangent of a function with thousands of kinks is.
# Below, red where the logit falls under a black square of 6 by 6 pixels, blue where it rises. Such maps
# persuade, right or wrong, so test one. Cut each image into 16 squares and take from one of them a share $s$
# of its light. By the tangent the logit falls by $s \sum_i g_i x_i$, the sum over the square's pixels $x_i$
# with their gradients $g_i$.

# %%
some, own = images[:200], labels[:200]
squares = np.stack([some, slopes(some, own) * some]).reshape(2, 200, 4, 7, 4, 7).sum(axis=(3, 5))
fig, agreement = Figure(figsize=(8, 2.8), layout="constrained"), {}
for axes, share in zip(fig.subplots(1, 3), (0.0003, 0.01, 1.0), strict=True):
    garment = squares[0] > 1  # and not only background
    promised, measured = share * squares[1][garment], falls(some, own, share, 7, 7)[garment]
    agreement[share] = np.corrcoef(promised, measured)[0, 1]
    axes.plot(promised, measured, ".", color=BLUE, markersize=2)
    axes.set(title=f"darker by {100 * share:g} %", xlabel="promised fall", ylabel="measured fall")
    print(f"{len(promised):,} squares darker by {100 * share:4g} %: correlation {agreement[share]:.3f}")
figure(fig, "promises")
assert agreement[0.0003] > 0.95 > agreement[1.0]

# %% [markdown]
# For the smallest change the gradient keeps its promise, as it has to. For a square that is covered
# altogether, what it promises has little to do with what happens: the example by hand, many times over. **A
# bright pixel in a gradient map is one that the answer is sensitive to, not one that it rests on.**
#
# ## Broken on purpose
#
# The same network and images, handed over wrongly: pixels from 0 to 255, as they come from a file; light and
# dark exchanged, as in a shop's photographs; and the answers looked up in a list of names that some other
# program has sorted.

# %%
part = images[:2000]
ways = {"as in training": part, "0 to 255": part * 255, "dark on light": 1 - part, "names sorted": part}
fig = Figure(figsize=(8, 2.4), layout="constrained")
print(f"{'':15} accuracy   largest cell of a row   two largest columns")
for axes, (name, pixels) in zip(fig.subplots(1, 4), ways.items(), strict=True):
    guesses = predict_probabilities(model, pixels).argmax(axis=1)
    guesses = np.argsort(names)[guesses] if name == "names sorted" else guesses
    counts = confusion_matrix(labels[:2000], guesses, len(names))
    accuracy, columns = np.trace(counts) / counts.sum(), np.sort(counts.sum(axis=0)) / counts.sum()
    rows = (counts.max(axis=1) / counts.sum(axis=1)).mean()
    print(f"{name:15} {accuracy:8.1%} {rows:23.1%} {columns[-2:].sum():21.1%}")
    axes.imshow(counts / counts.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    axes.set(title=name, xticks=[], yticks=[], xlabel="answer", ylabel="true class")
figure(fig, "broken")

# %% [markdown]
# **Symptom: a low accuracy, without any error. The matrix tells the causes apart.** Upright stripes: the
# answer hardly depends on the image; the network gets pictures such as it never saw. One dark cell in every
# row, but off the diagonal: the network is right, and the names are wrong. Cells in pairs across the
# diagonal: classes that are hard to tell apart, the only one of the three where a better network helps.
#
# ## Beside the framework
#
# A small network in float64: a convolution, ReLU, the mean, a dense layer; the gradient of one logit by all
# pixels.

# %%
source(sensitivity)
grid = np.arange(1.0, 37.0)
image = tn.Tensor(np.sin(grid).reshape(1, 6, 6, 1), requires_grad=True)
weight = np.cos(grid[:18]).reshape(2, 1, 3, 3).transpose(2, 3, 1, 0)  # PyTorch's order is (O, I, KH, KW)
maps = tn.relu(tn.ops.conv2d(image, weight, padding="same"))
logits = maps.mean(axis=(1, 2)) @ np.cos(grid[:6]).reshape(2, 3)
logits[0, 1].backward()
ours = {"logits": logits.numpy()[0], "gradient by the pixels": image.grad[0, :, :, 0]}
compare(sensitivity, ours, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - The first filters answer to edges and spots; of the last maps counts which channels answer, not where.
# - The gradient by the pixels costs one backward and tells of small changes; covering tells of large ones.
# - A map of importance is a claim: change what it names, and measure what happens.
# - In the confusion matrix hard classes make pairs, wrong pictures stripes, and wrong names a dark cell per
#   row, off the diagonal.
# - Look at the surest mistakes before changing the network.
#
# ## Exercises
#
# In `lessons/exercises/13_seeing.py`; `tinynet check 13` tells how far you are.
#
# 1. `recall_precision`: of each class the share that is found, and the share of its answers that is right.
# 2. `surest_mistakes`: the wrong answers of which the network was surest.
# 3. `saliency`: the gradient by the pixels, for any network of tinynet.
# 4. `occlusion`: the map of falls under a moving square, for any function that predicts.

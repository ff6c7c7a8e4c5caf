# %% [markdown]
# # Pooling, dropout, batch norm
#
# **Question: where does the gradient go in the layers between the convolutions, and why do two of them
# compute something else in evaluation than in training?**
#
# Pooling makes an image smaller, dropout disturbs it, batch norm brings its channels to a common scale. Of
# the three, batch norm has the gradient that is easiest to get wrong; and to forget the mode of the last two
# raises no error.

# %% [markdown]
# ## By hand: pooling
#
# Two windows of 2x2 pixels, side by side. Max pooling keeps the largest of each, average pooling the mean:
#
# $$\begin{pmatrix} 1 & 3 & 2 & 2 \\ 3 & 2 & 0 & 2 \end{pmatrix} \;\to\;
# \text{max } (3, 2), \quad \text{mean } (2.25, 1.5).$$
#
# Backwards, let 8 arrive at the first window and 80 at the second. A mean has the slope $1/4$ by each of its
# pixels: $2, 2, 2, 2$ and $20, 20, 20, 20$. A maximum has the slope 1 by the pixel that is the maximum, for
# only that one moves it, and 0 by the others. Of equal pixels one has to be chosen, and PyTorch, Keras and
# tinynet choose the first in reading order: the 3 above, not the 3 below.

# %%
from __future__ import annotations

import numpy as np
from _pytorch import compare, modes
from _show import data, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn, ops
from tinynet.kernels.norm import batch_norm_grad_definition
from tinynet.kernels.pool import max_pool2d_grad_definition
from tinynet.report.style import BLUE, GREY, VERMILION

image = np.array([[1.0, 3.0, 2.0, 2.0], [3.0, 2.0, 0.0, 2.0]]).reshape(1, 2, 4, 1)  # (N, H, W, C)
arriving = np.array([8.0, 80.0]).reshape(1, 1, 2, 1)
gradients = {}
for pool in (ops.max_pool2d, ops.avg_pool2d):
    x = tn.Tensor(image, requires_grad=True)
    y = pool(x, 2)
    y.backward(arriving)
    gradients[pool] = x.grad.reshape(2, 4)
    print(f"{pool.__name__}: {y.numpy().ravel()}, gradient {gradients[pool].tolist()}")
assert (gradients[ops.max_pool2d] == [[0, 8, 80, 0], [0, 0, 0, 0]]).all()
assert (gradients[ops.avg_pool2d] == [[2, 2, 20, 20], [2, 2, 20, 20]]).all()
source(max_pool2d_grad_definition)

# %% [markdown]
# The last is the definition that the fast loop is tested against. It needs `argmax`, which the forward pass
# remembers: where each maximum stood. Pooling has no weights, and computes the same in both modes.
#
# ## By hand: dropout
#
# In training, dropout sets each number to 0 with probability $r$, the rate, so that no unit can rely on one
# other. What is kept is divided by $1 - r$. By hand, $x = 6$ and $r = 1/4$: the result is 0 or
# $6 / 0.75 = 8$, and on average
#
# $$\tfrac{1}{4} \cdot 0 + \tfrac{3}{4} \cdot 8 = 6 = x.$$
#
# Since the mean is right already, evaluation leaves $x$ as it is. (This is called *inverted* dropout; the
# paper of 2014 multiplied by $1 - r$ in evaluation instead.)

# %%
source(nn.Dropout.forward)
tn.seed(0)
dropout, x = nn.Dropout(0.25), tn.Tensor(np.full(100_000, 6.0, np.float32), requires_grad=True)
y = dropout(x)
y.sum().backward()
print(f"values {np.unique(y.numpy())}, mean {y.numpy().mean():.3f}")
assert set(np.unique(y.numpy())) == {0, 8} and abs(y.numpy().mean() - 6) < 0.1
assert np.allclose(x.grad, y.numpy() / 6) and dropout.eval()(x) is x

# %% [markdown]
# ## By hand: batch norm
#
# For each channel take the $m$ values of the batch (all images, all pixels), their mean $\mu$ and their
# variance $v = \frac{1}{m} \sum_i (x_i - \mu)^2$, and with $\sigma = \sqrt{v + \varepsilon}$
#
# $$\hat x_i = \frac{x_i - \mu}{\sigma}, \qquad y_i = \gamma \hat x_i + \beta.$$
#
# $\gamma$ and $\beta$ are learned, one of each per channel; $\varepsilon = 10^{-5}$ saves a constant
# channel. By hand, with $\gamma = 1$, $\beta = 0$ and without $\varepsilon$: $x = (1, 1, 5, 5)$ has
# $\mu = 3$, $v = 4$, $\sigma = 2$, so $\hat x = (-1, -1, 1, 1)$.
#
# **Backwards**, an $x_i$ acts on the loss on three ways: through its own $\hat x_i$, through $\mu$ and
# through $\sigma$. From the definitions $\partial \mu / \partial x_i = 1 / m$, and
# $2 \sigma \, \partial \sigma / \partial x_i = \partial v / \partial x_i = 2 (x_i - \mu) / m$ (the way
# through $\mu$ into $v$ adds nothing, since $\sum_j (x_j - \mu) = 0$), which is
# $\partial \sigma / \partial x_i = \hat x_i / m$. So with $\delta_{ij}$ for 1 if $i = j$, else 0,
#
# $$\frac{\partial \hat x_j}{\partial x_i} = \frac{1}{\sigma} \left( \delta_{ij} - \frac{1}{m}
# - \frac{\hat x_j \hat x_i}{m} \right).$$
#
# Times the gradient $g_j$ that arrives at $y_j$ and $\gamma$, summed over $j$:
#
# $$\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sigma} \Big( g_i - \underbrace{\tfrac{1}{m}
# \textstyle\sum_j g_j}_{\text{through } \mu} - \hat x_i \underbrace{\tfrac{1}{m} \textstyle\sum_j g_j
# \hat x_j}_{\text{through } \sigma} \Big).$$
#
# Let $g = (1, 0, 0, 0)$. The sums divided by $m$ are $\frac14$ and $-\frac14$, and
# $\frac12 (1 - \frac14 - \frac14,\; 0 - \frac14 - \frac14,\; 0 - \frac14 + \frac14,\; 0)$ is
# $(\frac14, -\frac14, 0, 0)$. Its sum is 0, and so is its product with $\hat x$: shifting or stretching a
# whole channel changes nothing behind batch norm, so no gradient points there.

# %%
source(batch_norm_grad_definition)
values, upstream = np.array([[1.0], [1.0], [5.0], [5.0]]), np.array([[1.0], [0.0], [0.0], [0.0]])
x, gamma, beta = (tn.Tensor(array, requires_grad=True) for array in (values, np.ones(1), np.zeros(1)))
y, mean, var = ops.batch_norm(x, gamma, beta, eps=1e-12)
y.backward(upstream)
print(f"mean {mean}, variance {var}, y {y.numpy().ravel()}, gradient {x.grad.ravel().round(6)}")
assert (mean, var) == (3, 4) and np.allclose(x.grad.ravel(), [0.25, -0.25, 0, 0])

# %% [markdown]
# The usual mistake is to treat $\mu$ and $\sigma$ as constants, which leaves only the first term. The slope
# in a random direction (lesson 4) tells:

# %%
rng = np.random.default_rng(9)
rows, g, direction = rng.normal(2, 3, (6, 3)), rng.standard_normal((6, 3)), rng.standard_normal((6, 3))
ones, zeros, std = np.ones(3), np.zeros(3), np.sqrt(rows.var(axis=0) + 1e-5)
below, xhat, above = (ops.batch_norm(rows + h * direction, ones, zeros)[0].numpy() for h in (-1e-5, 0, 1e-5))
slope = ((above - below) * g).sum() / 2e-5
terms = g, -g.mean(axis=0), -xhat * (g * xhat).mean(axis=0)
claims = [(sum(terms[:count]) / std * direction).sum() for count in (1, 2, 3)]
print(f"slope {slope:.6f}; by one, two and three terms: " + ", ".join(f"{claim:.6f}" for claim in claims))
assert [abs(claim - slope) < 1e-6 for claim in claims] == [False, False, True]

# %% [markdown]
# ## Two modes
#
# With batch statistics the answer for an image depends on the other images of its batch. In evaluation it
# must not. So training keeps *running* statistics on the side, and evaluation uses those:

# %%
source(nn.BatchNorm.remember, nn.BatchNorm._moved)
layer = nn.BatchNorm(1).astype(np.float64)
layer(tn.Tensor(values))
print(f"after one batch: running mean {layer.running_mean}, running variance {layer.running_var}")
assert np.isclose(layer.running_mean, 0.1 * 3) and np.isclose(layer.running_var, 0.9 + 0.1 * 16 / 3)

# %% [markdown]
# Here the frameworks differ (`docs/differences.md` names the tests that hold this):
#
# - **`momentum`.** PyTorch and tinynet: the share of the *new* batch, 0.1. Keras: the share of the *old*
#   value, 0.99. Of the 0 and 1 at which the statistics start, $0.9^{50} = 0.5 \%$ is left after 50 steps,
#   but $0.99^{50} = 61 \%$.
# - **The variance that is kept.** PyTorch and tinynet divide by $m - 1$, which gives $16 / 3$ here; Keras by
#   $m$. In the normalisation of a training batch all three divide by $m$.
# - **$\varepsilon$.** PyTorch and tinynet $10^{-5}$, Keras $10^{-3}$.
#
# But for the variance, Keras's defaults are `nn.BatchNorm(channels, momentum=0.01, eps=1e-3)`. What the
# momentum does to the first evaluations of a network with all three layers:


# %%
def accuracy(model: nn.Module, dataset: tn.data.Dataset, batch_size: int = 500) -> float:
    """The share of right answers, in whichever mode the model is."""
    right = 0
    with tn.no_grad():
        for images, labels in dataset.batches(batch_size):
            right += int((model(tn.Tensor(images)).numpy().argmax(axis=1) == labels).sum())
    return right / len(dataset)


train, test = data(10_000)
few, curves, weights = test.take(500), {}, []
for momentum in (0.01, 0.1):
    tn.seed(1)
    model = nn.Sequential(
        *(nn.Conv2D(1, 8, 3, bias=False), nn.BatchNorm(8, momentum), nn.ReLU(), nn.MaxPool2D(2)),
        *(nn.Flatten(), nn.Dense(1352, 64, bias=False), nn.BatchNorm(64, momentum), nn.ReLU()),
        *(nn.Dropout(0.25), nn.Dense(64, 10)),
    )
    curve = curves[momentum] = []
    optimizer = tn.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(3 if len(train) > 1000 else 6):
        for images, labels in train.batches(100, shuffle=True):
            optimizer.zero_grad()
            tn.losses.cross_entropy(model.train()(tn.Tensor(images)), labels).backward()
            optimizer.step()
            if len(curve) < 60:
                curve.append(accuracy(model.eval(), few))
    weights.append(model[0].weight.numpy())
    print(f"momentum {momentum}: accuracy {curve[9]:.1%} after 10 steps, {curve[-1]:.1%} after {len(curve)}")
assert sum(curves[0.1]) > sum(curves[0.01]) + 1 and (weights[0] == weights[1]).all()

# %% [markdown]
# Step by step the weights of both runs are the same. **Symptom: the training loss falls, and the first
# evaluations lag far behind.** It passes, sooner with a larger share of the new batch.
#
# ## Broken on purpose: eval() forgotten
#
# Now the second network answers in training mode, the classes mixed or one after the other:

# %%
trained, right = model.state_dict(), accuracy(model.eval(), few)
orders = {"mixed": few, "one class at a time": few.subset(np.argsort(few.labels, kind="stable"))}
sizes, careless = (2, 5, 10, 25, 50), {}
for name, images in orders.items():
    careless[name] = []
    for size in sizes:
        model.load_state_dict(trained)
        careless[name].append(accuracy(model.train(), images, size))
    print(f"training mode, {name}: " + ", ".join(f"{share:.1%}" for share in careless[name]))
spoiled = accuracy(model.eval(), few)
print(f"evaluation mode: {right:.1%} before, {spoiled:.1%} after the last of these")
assert max(careless["one class at a time"]) < right - 0.2
assert not np.array_equal(model[1].running_mean, trained["layers.1.running_mean"])

fig = Figure(figsize=(8, 3.2), layout="constrained")
start, end = fig.subplots(1, 2, sharey=True)
for momentum, name, colour in zip((0.1, 0.01), orders, (BLUE, VERMILION), strict=True):
    start.plot(range(1, len(curve) + 1), curves[momentum], color=colour, label=f"momentum {momentum}")
    end.plot(sizes, careless[name], ".-", color=colour, label=f"training mode, {name}")
end.axhline(right, color=GREY, linestyle=":", label="evaluation mode")
start.set(xlabel="training steps", ylabel="test accuracy", ylim=(0, 1))
end.set(xlabel="batch size of the evaluation")
for axes, place in ((start, "lower right"), (end, "center right")):
    axes.legend(frameon=False, fontsize=9, loc=place)
figure(fig, "modes")

# %% [markdown]
# Batch norm takes away what a batch has in common, and in a batch of trousers that is the trouser.
# **Symptom: the accuracy depends on the batch size and on the order of the images**, and two evaluations
# give two answers, for dropout draws anew. (A single image raises an error: behind the dense layer it has
# one value per channel, and one value has no variance.) Worse, each careless batch also moved the running
# statistics, `no_grad` or not: the network has changed without a training step. `tn.Trainer` sets both modes
# by itself; in a loop of your own, `train()` stands before each epoch and `eval()` before each evaluation.
#
# ## Beside the framework

# %%
source(modes)
layer, x = nn.BatchNorm(1).astype(np.float64), tn.Tensor(values, requires_grad=True)
y = layer(x)
y.backward(upstream)
ours = {"gradient of max pooling": gradients[ops.max_pool2d], "batch norm in training": y.numpy()}
ours |= {"its gradient": x.grad, "in evaluation": layer.eval()(x).numpy()}
ours["running mean and variance"] = [layer.running_mean[0], layer.running_var[0]]
compare(modes, ours, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - Max pooling sends the gradient to the first maximum of a window, average pooling a share to each pixel.
# - Dropout divides what it keeps by $1 - r$, so that the mean is right and evaluation has nothing to do.
# - Batch norm's gradient has three terms: directly, through the mean, through the standard deviation.
# - `momentum` is the share of the new batch in PyTorch and tinynet, of the old value in Keras.
# - Without `eval()` the answer for an image depends on its neighbours, and evaluating changes the network.
#
# ## Exercises
#
# In `lessons/exercises/09_batch_norm.py`; `tinynet check 09` tells how far you are.
#
# 1. `max_pool_gradient(x, grad, size)`: where the gradient of max pooling goes.
# 2. `dropout(x, chance, rate, training)`: both modes, with given random numbers.
# 3. `batch_norm_gradient(grad, x, gamma, eps)`: all three gradients.
# 4. `running_statistics(batches, momentum, keras)`: what PyTorch and what Keras keep after some batches.

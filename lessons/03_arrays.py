# %% [markdown]
# # Arrays and broadcasting
#
# **Question: how does the gradient find its way back to a number that an array operation used many times?**
#
# Lessons 1 and 2 had a node per number. An image has 784 numbers and a batch 128 images, so tinynet has a
# node per *array*. The rules stay the same; what is new is that one line such as `x * scale` may use a
# number of `scale` once per row, without a loop to show it.

# %% [markdown]
# ## By hand
#
# Two rows of three numbers, and a scale for each column:
#
# $$X = \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix}, \qquad s = (10, 20, 30), \qquad
# Y_{ij} = X_{ij}\, s_j, \qquad L = \sum_{ij} Y_{ij}.$$
#
# Each $s_j$ was used twice, once per row, and gradients add up over uses:
#
# $$\frac{\partial L}{\partial s_j} = \sum_i X_{ij}: \quad (1 + 4,\ 2 + 5,\ 3 + 6) = (5, 7, 9), \qquad
# \frac{\partial L}{\partial X_{ij}} = s_j.$$

# %%
from __future__ import annotations

import numpy as np
from _keras import squeezed
from _pytorch import arrays, compare
from _show import figure, source
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import tinynet as tn
from tinynet.ops.broadcasting import unbroadcast
from tinynet.ops.math import Multiply
from tinynet.ops.products import MatMul
from tinynet.report.style import BLUE, GREY, VERMILION
from tinynet.tensor import Op

x = tn.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
scale = tn.Tensor([10.0, 20.0, 30.0], requires_grad=True)
(x * scale).sum().backward()
print(f"dL/ds = {scale.grad}, dL/dX = {x.grad.tolist()}")
assert np.array_equal(scale.grad, [5, 7, 9])
assert np.array_equal(x.grad, [[10, 20, 30], [10, 20, 30]])

# %% [markdown]
# ## What broadcasting does
#
# NumPy compares two shapes from the last dimension backwards. Sizes have to be equal, or one of them 1, or
# missing; a size of 1 or a missing dimension is *repeated*. Nothing is copied: the array is read with a step
# of 0 bytes along that axis, so the same number comes again and again.

# %%
row, column = np.array([10.0, 20.0, 30.0]), np.array([[1.0], [2.0]])
for name, small in (("row", row), ("column", column)):
    repeated = np.broadcast_to(small, (2, 3))
    print(f"{name:6} {small.shape!s:6} -> {repeated.shape}, steps {repeated.strides}: {repeated.tolist()}")
assert np.broadcast_to(row, (2, 3)).strides == (0, 8)

# %% [markdown]
# Whatever was repeated on the way in is summed on the way back. All of tinynet does that in one function:

# %%
source(unbroadcast, Multiply)

# %%
upstream = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
fig = Figure(figsize=(8, 3.1), layout="constrained")
for axes, small in zip(fig.subplots(1, 2), (row, column), strict=True):
    back = unbroadcast(upstream, small.shape)
    per_row = small.shape == (2, 1)
    for (i, j), number in np.ndenumerate(upstream):
        axes.add_patch(Rectangle((j, 1 - i), 0.94, 0.94, color=BLUE, alpha=0.25))
        axes.text(j + 0.47, 1.47 - i, f"{number:.0f}", ha="center", va="center", size=12)
    for place, number in enumerate(back.ravel()):
        across, up = (2.95, 1.47 - place) if per_row else (place + 0.47, 0)
        start, end = (across, up), (across + 0.65 * per_row, up - 0.6 * (not per_row))
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
        label = {"ha": "left", "va": "center"} if per_row else {"ha": "center", "va": "top"}
        axes.text(*end, f" {number:.0f}", size=12, color=VERMILION, weight="bold", **label)
    axes.set(title=f"into shape {small.shape}: sums over {'columns' if per_row else 'rows'}")
    axes.set(xlim=(-0.2, 4.4), ylim=(-1.2, 2.1), aspect="equal")
    axes.axis("off")
figure(fig, "unbroadcast")
assert np.array_equal(unbroadcast(upstream, (3,)), [5, 7, 9])
assert np.array_equal(unbroadcast(upstream, (2, 1)), [[6], [15]])

# %% [markdown]
# There is a test for such pairs which needs no expected numbers. Repeating is a linear map $R$, and its
# gradient is the transposed map $R^\top$. So for any $v$ and any upstream gradient $g$, the sums of products
# agree: $\sum (R v) \cdot g = \sum v \cdot (R^\top g)$.

# %%
rng = np.random.default_rng(0)
for shape in ((3,), (1, 3), (2, 1), (1, 1), ()):
    v, g = rng.standard_normal(shape), rng.standard_normal((2, 3))
    there, back = (np.broadcast_to(v, (2, 3)) * g).sum(), (v * unbroadcast(g, shape)).sum()
    print(f"{shape!s:7} {there:+.12f} {back:+.12f}")
    assert abs(there - back) < 1e-12

# %% [markdown]
# One detail of `unbroadcast` is worth a look: it sums in float64. NumPy adds the rows of a matrix one after
# the other; in float32 a running sum that has grown large swallows the low digits of each small number that
# is added to it.

# %%
gradient = np.full((1_000_000, 2), 0.1, np.float32)  # a million uses, each with gradient 0.1
plain, careful = gradient.sum(axis=0)[0], unbroadcast(gradient, (2,))[0]
print(f"a million times 0.1, summed in float32: {plain:.1f}, by unbroadcast: {careful:.1f}")
assert abs(careful - 100_000) < 0.1 < abs(plain - 100_000)

# %% [markdown]
# ## The matrix product
#
# Its gradients, too, follow from counting uses. In $Y = X W$, that is $Y_{ij} = \sum_k X_{ik} W_{kj}$, the
# number $W_{kj}$ is used in column $j$ of every row $i$, each time with slope $X_{ik}$. With $G$ for the
# gradient that arrives at $Y$:
#
# $$\frac{\partial L}{\partial W_{kj}} = \sum_i X_{ik} G_{ij} = (X^\top G)_{kj}, \qquad
# \frac{\partial L}{\partial X_{ik}} = \sum_j G_{ij} W_{kj} = (G W^\top)_{ik}.$$
#
# By hand, with two examples of two features and one output:
#
# $$X = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}, \quad W = \begin{pmatrix} 1 \\ -1 \end{pmatrix}, \quad
# G = \begin{pmatrix} 1 \\ 10 \end{pmatrix}: \qquad X^\top G = \begin{pmatrix} 31 \\ 42 \end{pmatrix}, \quad
# G W^\top = \begin{pmatrix} 1 & -1 \\ 10 & -10 \end{pmatrix}.$$
#
# The shapes help to remember it: $(K \times N)(N \times O)$ is the only order in which $X$ and $G$ make
# something of the shape of $W$. Where sizes happen to be equal, they stop helping, which is why tests should
# use different ones.

# %%
source(MatMul)
x, w = tn.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), tn.Tensor([[1.0], [-1.0]], requires_grad=True)
(x @ w).backward([[1.0], [10.0]])
print(f"dW = {w.grad.tolist()}, dX = {x.grad.tolist()}")
assert np.array_equal(w.grad, [[31], [42]])
assert np.array_equal(x.grad, [[1, -1], [10, -10]])

# %% [markdown]
# ## Broken on purpose
#
# First, a `backward` without `unbroadcast`. The gradient has the shape of the output, not of the input.
# NumPy would later broadcast it in some other place; tinynet compares shapes and stops:


# %%
class Careless(Op):
    """a b, whose author forgot that b may have been repeated."""

    def forward(self, a, b):
        self.save(a, b)
        return a * b

    def backward(self, grad):
        a, b = self.saved
        return grad * b, grad * a


try:
    Careless()(tn.Tensor(np.ones((2, 3))), tn.Tensor(np.ones(3), requires_grad=True)).sum().backward()
except tn.errors.GradientError as error:
    print(error)
else:
    raise AssertionError("a gradient of the wrong shape went through")

# %% [markdown]
# Second, the mistake that no framework can refuse, since it is a legal calculation. Fit a line $w x + b$ to
# points on $t = 2 x + 1$. The predictions have shape (N, 1), the targets (N,):

# %%
points = np.linspace(-1, 1, 50)
targets = 2 * points + 1
lines = {}
for shape in ((50, 1), (50,)):
    w, b = tn.Tensor(np.zeros((1, 1)), requires_grad=True), tn.Tensor(np.zeros(1), requires_grad=True)
    for _ in range(200):
        difference = tn.Tensor(points[:, None]) @ w + b - targets.reshape(shape)
        loss = (difference**2).mean()
        w.grad = b.grad = None
        loss.backward()
        w.data -= 0.3 * w.grad
        b.data -= 0.3 * b.grad
    lines[shape] = w.item(), b.item()
    print(f"targets {shape!s:7} differences {difference.shape!s:8} loss {loss.item():.4f}", end="  ")
    print(f"w = {w.item():.4f}, b = {b.item():.4f}")
assert np.allclose(lines[50, 1], (2, 1)) and np.allclose(lines[50,], (0, 1))

# %%
fig = Figure(figsize=(6, 3), layout="constrained")
axes = fig.subplots()
axes.plot(points, targets, ".", color=GREY, label="points")
for colour, (shape, (slope, offset)) in zip((BLUE, VERMILION), lines.items(), strict=True):
    axes.plot(points, slope * points + offset, color=colour, label=f"fitted, targets of shape {shape}")
axes.set(xlabel="x", ylabel="t")
axes.legend(frameon=False)
figure(fig, "wrong-shape")

# %% [markdown]
# (N, 1) minus (N,) is (N, N): every prediction is compared with *every* target. What is best on average for
# all targets is their mean, so the fitted line is flat. **Symptom: the loss falls a little, stops early, and
# the network answers the same for every input.** The cure is to look at the shape of the difference once, or
# to use a loss that compares shapes, as those in `tinynet.losses` do.
#
# ## Beside the framework

# %%
source(arrays)
x, scale = tn.Tensor(upstream, requires_grad=True), tn.Tensor(row, requires_grad=True)
a, w = tn.Tensor(upstream, requires_grad=True), tn.Tensor(upstream.T / 7, requires_grad=True)
((x * scale) * (x - tn.Tensor(column))).sum().backward()
((a @ w) ** 2).sum().backward()
ours = {"gradient of the scale": scale.grad, "of the scaled array": x.grad}
ours |= {"of the left factor": a.grad, "of the right factor": w.grad}
compare(arrays, {**ours, "shape of (50, 1) - (50,)": difference.shape}, tolerance=1e-12)

# %% [markdown]
# Keras subtracts in the same way. But its *losses* drop an axis of length 1 first, so that the mistake of
# above cannot happen there:

# %%
source(squeezed)
mean_squared = ((points - targets) ** 2).mean()
ours = {"mean squared error, by its loss": mean_squared, "shape of (50, 1) - (50,)": difference.shape}
compare(squeezed, ours, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - Broadcasting repeats numbers without copying them; their gradients are summed over the repeated axes.
# - `unbroadcast` does it for all operations, in float64, since long float32 sums drift.
# - A linear map and its gradient are transposes; comparing $\sum (R v) g$ with $\sum v (R^\top g)$ tests
#   that.
# - For $Y = X W$ the gradients are $G W^\top$ and $X^\top G$; unequal sizes in tests catch a swapped factor.
# - (N, 1) minus (N,) is (N, N), a legal mistake: look at shapes when a network answers the mean.
#
# ## Exercises
#
# In `lessons/exercises/03_arrays.py`; `tinynet check 03` tells how far you are.
#
# 1. `unbroadcast(grad, shape)`: write it yourself.
# 2. `matmul_gradients(x, w, grad)`: both gradients of $Y = X W$.
# 3. `centre_gradient(grad)`: the gradient of $y_{ij} = x_{ij} - \frac{1}{K} \sum_k x_{ik}$, each row minus
#    its mean. Batch norm will need it.

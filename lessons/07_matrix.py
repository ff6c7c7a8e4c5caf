# %% [markdown]
# # From seven loops to a matrix product
#
# **Question: how does a convolution become a matrix product, and what is gained by it?**
#
# The seven loops of lesson 6 are right and slow. A way out is to do *more*: copy every window of the
# image, until what is left to do is a matrix product, which somebody else has made fast already.

# %% [markdown]
# ## By hand
#
# Image, filter and arriving gradient of lesson 6. Write each window of the image as a row, and the filter as
# a column, in the same order:
#
# $$X = \begin{pmatrix} 1 & 2 & 0 & 1 \\ 2 & 0 & 1 & 3 \\ 0 & 1 & 2 & 1 \\ 1 & 3 & 1 & 1 \end{pmatrix}, \quad
# W = \begin{pmatrix} 1 \\ -1 \\ 2 \\ 0 \end{pmatrix}, \qquad
# Y = X W = \begin{pmatrix} -1 \\ 4 \\ 3 \\ 0 \end{pmatrix}.$$
#
# The gradients are those of any matrix product (lesson 3), with $G = (1, 2, 4, 3)^\top$:
#
# $$\frac{\partial L}{\partial W} = X^\top G = \begin{pmatrix} 8 \\ 15 \\ 13 \\ 14 \end{pmatrix}, \qquad
# \frac{\partial L}{\partial X} = G W^\top = \begin{pmatrix}
# 1 & -1 & 2 & 0 \\ 2 & -2 & 4 & 0 \\ 4 & -4 & 8 & 0 \\ 3 & -3 & 6 & 0 \end{pmatrix}.$$
#
# The last one belongs to the *copies* of the pixels. A pixel gets the sum over its copies. The one in the
# middle stands in all four rows, as last, third, second and first number: $0 + 4 - 4 + 3 = 3$.

# %%
from __future__ import annotations

from timeit import repeat

import numpy as np
from _pytorch import compare, unfolded
from _show import fast, figure, source
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

import tinynet as tn
from tinynet.kernels import conv, pointwise
from tinynet.report.style import BLUE, GREY

NONE = (0, 0), (0, 0)  # no padding


def windows(x: np.ndarray, KH: int, KW: int) -> np.ndarray:
    """Each window as a row: (N, H, W, C) -> (N OH OW, KH KW C)."""
    view = sliding_window_view(x, (KH, KW), axis=(1, 2))  # (N, OH, OW, C, KH, KW), nothing is copied yet
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(-1, KH * KW * x.shape[3])  # now it is


image = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]])[None, :, :, None]
X, W = windows(image, 2, 2), np.array([[1.0], [-1], [2], [0]])
G = np.array([[1.0], [2], [4], [3]])
pixels = conv.windows_grad((G @ W.T).reshape(1, 2, 2, 4), image.shape, (2, 2), (1, 1), NONE)
print(f"product {(X @ W).ravel()}, gradient by the filter {(X.T @ G).ravel()}, by the image {pixels.ravel()}")
assert np.array_equal(X @ W, [[-1], [4], [3], [0]]) and np.array_equal((X.T @ G).ravel(), [8, 15, 13, 14])
assert np.array_equal(pixels.ravel(), [1, 1, -2, 6, 3, -3, 8, 6, 0])

# %%
fig = Figure(figsize=(5.6, 2.6), layout="constrained")
places = np.arange(9.0).reshape(1, 3, 3, 1)
panels = (("image", image[0, :, :, 0], places[0, :, :, 0]), ("windows as rows", X, windows(places, 2, 2)))
for axes, (title, numbers, place) in zip(fig.subplots(1, 2, width_ratios=(3, 4)), panels, strict=True):
    axes.imshow(place, cmap="tab10", vmin=0, vmax=9, alpha=0.4)
    for (row, column), number in np.ndenumerate(numbers):
        axes.text(column, row, f"{number:g}", ha="center", va="center")
    axes.set_title(title, fontsize=9)
    axes.set_ylim(3.5, -0.5)
    axes.axis("off")
figure(fig, "windows")

# %% [markdown]
# Each colour is a pixel: most are copied, the one in the middle four times. In words, with channels: $N$
# images, a filter of $K_H \times K_W$ places and $C$ channels, $O$ filters, and $P_H \times P_W$ places where
# the filter fits. $X$ has $N P_H P_W$ rows and $K_H K_W C$ columns, $W$ has $K_H K_W C$ rows and $O$ columns.
# Such a layout is called *im2col*. tinynet's definitions of it, there and back:

# %%
source(conv.windows_definition, conv.windows_grad_definition)

# %% [markdown]
# ## What it costs, counted
#
# A layer in the middle of a network, 3 x 3, from 32 to 32 channels. The multiply-adds are the same whichever
# way they are done, $N P_H P_W \cdot K_H K_W C \cdot O$, and the windows hold nine numbers for each pixel of
# each channel, padding apart.
#
# Then why do it? Count how often numbers move between memory and processor. To add a weight times the image
# to a sum moves at least three for *one* multiply-add: a pixel, and the sum there and back. The product of an
# $R \times K$ and a $K \times O$ matrix does $R K O$ multiply-adds on $R K + K O + R O$ numbers. If each of
# them moves once, and is used many times while it is there, that makes for one multiply-add
#
# $$\frac{1}{O} + \frac{1}{R} + \frac{1}{K}.$$

# %%
N, SIZE, C = (2, 10, 16) if fast() else (32, 28, 32)
rng = np.random.default_rng(7)
x = rng.standard_normal((N, SIZE + 2, SIZE + 2, C)).astype(np.float32)  # a pixel of padding is in it
weight = rng.standard_normal((3, 3, C, C)).astype(np.float32)
R, K = N * SIZE * SIZE, 3 * 3 * C
print(f"{R * K * C:,} multiply-adds; {x.size:,} numbers in, {R * K:,} in the windows, {4e-6 * R * K:.1f} MB")
print(f"numbers moved per multiply-add: one weight at a time 3, one product {1 / C + 1 / R + 1 / K:.3f}")

# %% [markdown]
# The libraries that make the most of this are called BLAS; NumPy brings one. They cut the matrices into tiles
# that fit into the cache, and those into tiles that fit into registers.
#
# ## What it costs, measured
#
# Four ways besides the plain loops. The first takes a step per weight, on whole images; the second a matrix
# product per place of the filter, nine in all; the third a single one; the fourth is tinynet's, see below.


# %%
def one_weight_at_a_time(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    OH, OW = x.shape[1] - weight.shape[0] + 1, x.shape[2] - weight.shape[1] + 1
    y = np.zeros((len(x), OH, OW, weight.shape[3]), x.dtype)
    for u, v, c, o in np.ndindex(weight.shape):
        y[..., o] += x[:, u : u + OH, v : v + OW, c] * weight[u, v, c, o]
    return y


def one_place_at_a_time(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    OH, OW = x.shape[1] - weight.shape[0] + 1, x.shape[2] - weight.shape[1] + 1
    return sum(x[:, u : u + OH, v : v + OW] @ weight[u, v] for u, v in np.ndindex(weight.shape[:2]))


def one_product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    KH, KW = weight.shape[:2]
    y = windows(x, KH, KW) @ weight.reshape(-1, weight.shape[3])
    return y.reshape(len(x), x.shape[1] - KH + 1, x.shape[2] - KW + 1, -1)


def tinynet_kernel(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return conv.conv2d(x, weight, None, (1, 1), NONE)


def seconds(work, times=3):
    return min(repeat(work, number=1, repeat=times))  # the other runs were disturbed, or compiled something


few, some = x[:1, :6, :6, :8].copy(), weight[:, :, :8, :8].copy()  # Python's loops get 16 places, 8 channels
loops = seconds(lambda: conv.conv2d_definition(few, some, None, (1, 1), NONE), 2)
each = {"seven loops in Python": loops / (16 * 9 * 8 * 8)}
for way in (one_weight_at_a_time, one_place_at_a_time, one_product, tinynet_kernel):
    assert np.allclose(way(x, weight), tinynet_kernel(x, weight), atol=1e-3)
    each[way.__name__.replace("_", " ")] = seconds(lambda way=way: way(x, weight)) / (R * K * C)
for name, time_of_one in each.items():
    print(f"{name:22}{1e9 * time_of_one:9.3f} ns per multiply-add, {1e-9 / time_of_one:8.3f} billion/second")
assert each["seven loops in Python"] > 20 * each["one product"]

# %%
fig = Figure(figsize=(7, 2.4), layout="constrained")
axes = fig.subplots()
for name, time_of_one in each.items():
    axes.semilogx(1e9 * time_of_one, name, "o", color=BLUE if name == "tinynet kernel" else GREY)
    axes.text(1.4e9 * time_of_one, name, f"{1e9 * time_of_one:,.3f}", va="center", fontsize=9)
axes.invert_yaxis()
axes.margins(x=0.2, y=0.15)
axes.grid(axis="x", alpha=0.3)
axes.set(xlabel="nanoseconds per multiply-add")
figure(fig, "ladder")

# %% [markdown]
# The last three stand close together, and their order changes with the machine and with what else it is
# doing.
#
# ## In bands
#
# All windows at once do not fit into a cache: they are written to memory, and the product reads them back. So
# tinynet lays out a *band* of output rows, multiplies it while it is in the cache, and takes the next:

# %%
rows, matrix = windows(x, 3, 3), weight.reshape(K, C)
copying, product = seconds(lambda: windows(x, 3, 3)), seconds(lambda: rows @ matrix)
both = 1e3 * each["tinynet kernel"] * R * K * C
print(f"copying {1e3 * copying:.2f} ms, multiplying {1e3 * product:.2f} ms; in bands, both {both:.2f} ms")
source(conv._convolve)

# %% [markdown]
# ## Why 1 x 1 needs none
#
# A window of one pixel is the pixel, and in the order $(N, H, W, C)$ its channels stand side by side in
# memory. So $X$ is the image itself, seen in another shape. MobileNet does 95 % of its multiply-adds in 1 x 1
# convolutions (Howard et al. 2017, section 3.2 and table 2). With three times the channels, there are as many
# of them at a pixel as with the 3 x 3 filters above:

# %%
wide, mixing = (rng.standard_normal(shape).astype(np.float32) for shape in ((R, 3 * C), (3 * C, 3 * C)))
wide_image = wide.reshape(N, SIZE, SIZE, 3 * C)
assert np.shares_memory(wide, wide_image) and np.array_equal(windows(wide_image, 1, 1), wide)
single = 1e3 * seconds(lambda: pointwise.matmul(wide, mixing))
print(f"{9 * C * C * R:,} multiply-adds each: 3 x 3 in {both:.2f} ms, 1 x 1 in {single:.2f} ms")

# %% [markdown]
# ## Broken on purpose
#
# `sliding_window_view` gives the axes in the order $(N, P_H, P_W, C, K_H, K_W)$. Somebody forgets to move $C$
# to the end. The shapes fit all the same, since $C K_H K_W = K_H K_W C$:


# %%
def misplaced(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    view = sliding_window_view(x, weight.shape[:2], axis=(1, 2))
    return view.reshape(*view.shape[:3], -1) @ weight.reshape(-1, weight.shape[3])


def misplaced_tensor(x: tn.Tensor, weight: tn.Tensor) -> tn.Tensor:
    """The same as a differentiable operation: it reads the weight in another order."""
    KH, KW, channels, filters = weight.shape
    return tn.ops.conv2d(x, weight.reshape(channels, KH, KW, filters).transpose(1, 2, 0, 3))


for channels in (1, 3):
    a, b = rng.standard_normal((2, 6, 5, channels)), rng.standard_normal((3, 3, channels, 4))
    error = np.abs(misplaced(a, b) - tinynet_kernel(a, b)).max()
    same = np.allclose(misplaced(a, b), misplaced_tensor(tn.Tensor(a), tn.Tensor(b)).numpy())
    check = tn.gradcheck(misplaced_tensor, a, b)
    print(f"{channels} channels: wrong by {error:.2g}, gradcheck finds {check:.0e}")
    assert (error < 1e-9) == (channels == 1) and same and check < 1e-6

# %% [markdown]
# With one channel it is right. With three it is wrong, and *no gradient check says so*: it is the right
# gradient of another convolution. Training does not show it either: it is the same network, with its weights
# in other places. **Symptom: everything works until weights come from elsewhere.** So hold a forward pass
# against plain loops, with several channels, before you check its gradient.
#
# ## Beside the framework
#
# PyTorch's `unfold` lays out windows in just that order, and its weights are kept in it, too:
# $(O, C, K_H, K_W)$. Either order is right if both factors keep it.

# %%
source(unfolded)
a, b = np.sin(np.arange(1.0, 33)).reshape(1, 4, 4, 2), np.cos(np.arange(1.0, 37)).reshape(3, 3, 2, 2)
theirs = windows(a, 3, 3).reshape(4, 9, 2).swapaxes(1, 2).reshape(4, 18)
ours = {"windows, channels first": theirs, "product": tinynet_kernel(a, b).reshape(4, 2)}
compare(unfolded, ours, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - Windows as rows (im2col) make a convolution one matrix product, and its gradients two.
# - A pixel's gradient is the sum over its copies: lay out forwards, add back backwards.
# - It multiplies no less and copies a lot; it is fast, as a number that was fetched is used many times.
# - Bands of rows keep the copies in the cache; 1 x 1 needs no copies at all.
# - A wrong order of columns passes every gradient check: hold the forward pass against loops.
#
# ## Exercises
#
# In `lessons/exercises/07_matrix.py`; `tinynet check 07` tells how far you are.
#
# 1. `windows(x, KH, KW, stride)`: the rows, also for strides above 1.
# 2. `add_back(rows, shape, KH, KW, stride)`: each number of a window added to its pixel.
# 3. `gradients(x, weight, g, stride)`: by the images and by the weights, with matrix products.
# 4. `cost(...)`: multiply-adds and memory of a layer, counted.

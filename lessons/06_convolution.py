# %% [markdown]
# # Convolution by hand
#
# **Question: what does a convolution compute, and what are its gradients by the image and by the filter?**
#
# A dense layer gives every pixel a weight of its own: what it learns about a sleeve at the left, it has to
# learn again at the right, and from 28 x 28 pixels to 26 x 26 numbers it has 529 984 weights. A convolution
# moves one small filter over the image and uses the same few weights, nine for instance, at every place. Its
# two gradients follow from that, and are convolutions, too.

# %% [markdown]
# ## By hand
#
# An image $x$ of 3 x 3 pixels and a filter $w$ of 2 x 2 weights. Lay the filter on a corner, multiply each
# weight with the pixel below it, and add up; then do so at every other place where it fits:
#
# $$x = \begin{pmatrix} 1 & 2 & 0 \\ 0 & 1 & 3 \\ 2 & 1 & 1 \end{pmatrix}, \quad
# w = \begin{pmatrix} 1 & -1 \\ 2 & 0 \end{pmatrix}, \qquad
# y_{ij} = \sum_u \sum_v x_{i+u,\,j+v}\, w_{uv}.$$
#
# Here $i, j$ count the places and $u, v$ the weights of the filter, from 0 on.
#
# $$y_{00} = 1 \cdot 1 + 2 \cdot (-1) + 0 \cdot 2 + 1 \cdot 0 = -1, \quad
# y_{01} = 2 - 0 + 2 + 0 = 4, \quad y_{10} = 0 - 1 + 4 + 0 = 3, \quad y_{11} = 1 - 3 + 2 + 0 = 0.$$
#
# Now let a gradient arrive, $g_{ij} = \partial L / \partial y_{ij}$ for some loss $L$.
#
# **By the filter.** The weight $w_{uv}$ was multiplied with $x_{i+u,\,j+v}$ to make $y_{ij}$. Effects add up:
#
# $$g = \begin{pmatrix} 1 & 2 \\ 4 & 3 \end{pmatrix}, \qquad
# \frac{\partial L}{\partial w_{uv}} = \sum_i \sum_j g_{ij}\, x_{i+u,\,j+v}; \qquad
# \frac{\partial L}{\partial w_{00}} = 1 \cdot 1 + 2 \cdot 2 + 4 \cdot 0 + 3 \cdot 1 = 8.$$
#
# Look at the sum: it is the convolution of $x$ with $g$ in the role of the filter.
#
# **By the image.** The pixel $x_{hk}$ had a part in $y_{ij}$ if $h = i + u$ and $k = j + v$, with the weight
# $w_{h-i,\,k-j}$. The one in the middle met all four weights, each at another place:
#
# $$\frac{\partial L}{\partial x_{hk}} = \sum_i \sum_j g_{ij}\, w_{h-i,\,k-j}; \qquad
# \frac{\partial L}{\partial x_{11}} = 1 \cdot w_{11} + 2 \cdot w_{10} + 4 \cdot w_{01} + 3 \cdot w_{00}
# = 0 + 4 - 4 + 3 = 3.$$
#
# The first place has the *last* weight, the last place the first. So this, too, is a convolution: of $g$ with
# the filter turned by 180 degrees, with zeros around $g$, since the corner pixels were met only once.

# %%
from __future__ import annotations

import numpy as np
from _golden import CASE, KERAS, TORCH
from _pytorch import compare, convolved
from _show import data, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet.kernels.conv import conv2d_definition, conv2d_grad_input_definition
from tinynet.kernels.geometry import output_size, resolve_padding, window
from tinynet.tensor import Op


def convolve(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Lay w on every place of x where it fits: (H, W) and (KH, KW) -> (H - KH + 1, W - KW + 1)."""
    KH, KW = w.shape
    y = np.zeros((x.shape[0] - KH + 1, x.shape[1] - KW + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + KH, j : j + KW] * w).sum()
    return y


def grad_image(g: np.ndarray, w: np.ndarray) -> np.ndarray:
    (KH, KW), turned = w.shape, w[::-1, ::-1]
    return convolve(np.pad(g, ((KH - 1, KH - 1), (KW - 1, KW - 1))), turned)


x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 1, 1]])
w = np.array([[1.0, -1], [2, 0]])
g = np.array([[1.0, 2], [4, 3]])
print(f"y = {convolve(x, w).tolist()}, gradient by the filter {convolve(x, g).tolist()}")
print(f"gradient by the image {grad_image(g, w).tolist()}")
assert np.array_equal(convolve(x, w), [[-1, 4], [3, 0]])
assert np.array_equal(convolve(x, g), [[8, 15], [13, 14]])
assert np.array_equal(grad_image(g, w), [[1, 1, -2], [6, 3, -3], [8, 6, 0]])

# %% [markdown]
# In mathematics a convolution turns the filter by 180 degrees before it is laid down, and what we have done
# is called a cross-correlation. Networks learn their filters, so it makes no difference to them, and all
# frameworks call it convolution. The turned filter has only moved: it is in the gradient now.
#
# ## What a filter answers to
#
# A filter gives large numbers where the image looks like the filter. Weights with the sum 0 answer 0 wherever
# the image is even, and that leaves edges:

# %%
garment = data(1)[0].images[0, :, :, 0]
filters = {
    "left and right": np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]),
    "top and bottom": np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]),
    "outline": np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "blur": np.full((3, 3), 1 / 9),
}
fig = Figure(figsize=(8.4, 3.4), layout="constrained")
panels = fig.subplots(2, 5, height_ratios=(1, 1.5)).T
panels[0, 1].imshow(garment, cmap="gray_r")
for (above, below), (name, weights) in zip(panels[1:], filters.items(), strict=True):
    above.imshow(weights, cmap="RdBu", vmin=-12, vmax=12)
    above.set_title(name, fontsize=9)
    for (u, v), value in np.ndenumerate(weights):
        above.text(v, u, f"{value:.2g}", ha="center", va="center", fontsize=9)
    answer = convolve(garment, weights)
    below.imshow(answer, cmap="RdBu", vmin=-np.abs(answer).max(), vmax=np.abs(answer).max())
for axes in panels.flat:
    axes.axis("off")
figure(fig, "filters")
assert [name for name in filters if convolve(np.ones((5, 5)), filters[name]).any()] == ["blur"]
assert 28 * 28 * 26 * 26 == 529_984 and answer.shape == (26, 26)

# %% [markdown]
# Blue is positive, red negative, white 0. The first filter tells edges where the numbers fall to the right
# from those where they rise. The answers have 26 x 26 numbers: three pixels fit into 28 at 26 places.
#
# ## Stride, padding, channels
#
# Three additions make it the convolution of the frameworks. A **stride** $s$ moves the filter $s$ pixels at a
# time. **Padding** puts $t$ rows of zeros above the image, $d$ below, and likewise columns at the sides. With
# $H$ rows and a filter of $K$ rows, the output has
#
# $$\left\lfloor \frac{H + t + d - K}{s} \right\rfloor + 1$$
#
# rows ($\lfloor\;\rfloor$: rounded down). And images have **channels**: the filter has weights for each
# channel $c$ and adds over all of them; each output channel $o$ has a filter of its own. With $l$ columns of
# padding at the left and a bias $b_o$:
#
# $$y_{ijo} = b_o + \sum_u \sum_v \sum_c x_{si+u-t,\;sj+v-l,\;c}\; w_{uvco}.$$
#
# In tinynet this formula stands twice: as a fast kernel, and as seven plain loops, which the kernel is tested
# against (`np.ndindex` is four of them, `window` two):

# %%
source(conv2d_definition, window)
rng = np.random.default_rng(6)
images, weight, bias = (rng.standard_normal(shape) for shape in ((2, 7, 6, 3), (3, 2, 3, 4), (4,)))
pads = ((1, 0), (0, 2))
fast = tn.ops.conv2d(images, weight, bias, stride=(2, 1), padding=pads).numpy()
slow = conv2d_definition(images, weight, bias, (2, 1), pads)
print(f"{images.shape} -> {fast.shape}, kernel and loops differ by {np.abs(fast - slow).max():.0e}")
assert np.abs(fast - slow).max() < 1e-12

# %% [markdown]
# ## "Same" is not the same
#
# Keras's `padding="same"` means: as much padding as gives $\lceil H / s \rceil$ rows, and if that is an odd
# number, the odd one goes *below*. At stride 2, a filter of 3 rows on an even $H$ needs a single row of
# zeros. PyTorch refuses "same" at stride 2; there people write `padding=1`, a row on *both* sides. Both make
# $H / 2$ rows, of different windows. Four pixels and a filter that makes digits of them show it:
#
# $$x = (1, 2, 3, 4), \quad w = (100, 10, 1), \quad s = 2: \qquad
# \text{"same"}\ (1\,2\,3,\; 3\,4\,0), \qquad \text{padding=1}\ (0\,1\,2,\; 2\,3\,4).$$

# %%
row, digits = np.arange(1.0, 5).reshape(1, 1, 4, 1), np.array([100.0, 10, 1]).reshape(1, 3, 1, 1)
same = tn.ops.conv2d(row, digits, stride=(1, 2), padding="same").numpy().ravel()
both = tn.ops.conv2d(row, digits, stride=(1, 2), padding=((0, 0), (1, 1))).numpy().ravel()
print(f'padding "same": {same}, one on both sides: {both}')
assert np.array_equal(same, [123, 340]) and np.array_equal(both, [12, 234])
for padding in ("valid", "same", 1):
    pads = resolve_padding(padding, (28, 28), (3, 3), (2, 2))
    size = output_size((28, 28), (3, 3), (2, 2), pads)
    print(f"28 x 28, 3 x 3, stride 2, padding {padding!r}: rows above and below {pads[0]}, output {size}")

# %% [markdown]
# **Weights trained with one are wrong in the other**, by a pixel at each strided layer, and no shape tells
# you so. tinynet follows Keras; weights that come from PyTorch need `padding=1`.
#
# ## The gradients in tinynet
#
# The same two sentences as above, whatever the stride and padding: each pixel gets what it was multiplied
# with, and so does each weight. Nothing needs to be turned if one goes through the places of the *output* and
# adds to the pixels that each of them saw:

# %%
source(conv2d_grad_input_definition)
error = tn.gradcheck(lambda *leaves: tn.ops.conv2d(*leaves, stride=(2, 1), padding=1), images, weight, bias)
print(f"the kernels' gradients by images, weights and bias: largest error {error:.0e}")
leaves = [tn.Tensor(array, requires_grad=True) for array in (x[None, :, :, None], w[:, :, None, None])]
tn.ops.conv2d(*leaves).backward(g[None, :, :, None])
assert np.array_equal(leaves[0].grad[0, :, :, 0], grad_image(g, w))
assert np.array_equal(leaves[1].grad[:, :, 0, 0], convolve(x, g))

# %% [markdown]
# ## Broken on purpose
#
# Somebody writes the gradient by the image from memory and forgets to turn the filter:


# %%
class Unturned(Op):
    """A convolution whose gradient by the image is wrong."""

    def forward(self, x, w):
        self.save(x, w)
        return convolve(x, w)

    def backward(self, grad):
        x, w = self.saved
        return grad_image(grad, w[::-1, ::-1]), convolve(x, grad)


image = rng.standard_normal((6, 6))
print(f"by hand {grad_image(g, w)[1, 1]:g} in the middle, unturned {grad_image(g, w[::-1, ::-1])[1, 1]:g}")
for name, weights in filters.items():
    try:
        verdict = f"passes, error {tn.gradcheck(lambda a, b: Unturned()(a, b), image, weights):.0e}"
    except tn.errors.GradcheckError as found:
        verdict = str(found).removeprefix("gradcheck: ")
    print(f"{name}: {verdict}")
    assert verdict.startswith("passes") == np.array_equal(weights, weights[::-1, ::-1])

# %% [markdown]
# Turned by 180 degrees, an edge filter changes its sign, and descent becomes ascent. The outline and the blur
# stay what they are: with them, the mistake passes every check. **Test with numbers that have no symmetry.**
#
# ## Beside the framework
#
# The numbers by hand, the digits, and a strided layer with channels, in float64:

# %%
source(convolved)
grid = np.arange(1.0, 37.0)
arrays = np.sin(grid[:32]).reshape(1, 4, 4, 2), np.cos(grid).reshape(3, 3, 2, 2)
leaves = [tn.Tensor(array, requires_grad=True) for array in arrays]
(tn.ops.conv2d(*leaves, stride=2, padding=1) ** 2).sum().backward()
ours = {"y by hand": convolve(x, w), "its gradient by the filter": convolve(x, g)}
ours |= {"its gradient by the image": grad_image(g, w), "digits, padding=1": both}
ours |= {"two channels: gradient by image": leaves[0].grad, "and by the filters": leaves[1].grad}
compare(convolved, ours, tolerance=1e-12)
print(f'PyTorch on "same" at stride 2: {TORCH.about["facts"]["same_with_stride_2"]}')
case = CASE["conv: stride 2, same, even size, one image, no bias"]
arrays = (case.arrays[name].astype(np.float64) for name in ("x", "weight"))
difference = tn.ops.conv2d(*arrays, stride=2, padding="same").numpy() - KERAS.of(case.name)["output"]
print(f"Keras, as recorded for the tests: largest difference {np.abs(difference).max():.0e}")
assert np.abs(difference).max() < 1e-12

# %% [markdown]
# ## Summary
#
# - A convolution uses the same few weights at every place; a filter answers to what looks like it.
# - By the filter, the gradient is the convolution of the image with the arriving gradient.
# - By the image, it is the convolution of the padded arriving gradient with the turned filter.
# - "Same" at stride 2 pads below and at the right in Keras; PyTorch's `padding=1` is another convolution.
# - A forgotten turn passes every test with symmetric filters: test with numbers that have no symmetry.
#
# ## Exercises
#
# In `lessons/exercises/06_convolution.py`; `tinynet check 06` tells how far you are.
#
# 1. `convolve(x, w, stride)`: one channel, one filter, no padding.
# 2. `gradients(x, w, g, stride)`: by the image and by the filter, also for strides above 1.
# 3. `same_padding(size, kernel, stride)`: Keras's padding before and after, along one axis.
# 4. `learn_filter(x, y, size, steps, lr)`: which filter made y from x?

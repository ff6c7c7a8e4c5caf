# %% [markdown]
# # Depthwise separable convolution
#
# **Question: how does one convolution become two that need a ninth of the multiplications, and what becomes
# of the time?**
#
# MobileNet is built of this pair: a *depthwise* convolution, which filters each channel on its own, and a
# *pointwise* (1x1) convolution, which mixes the channels pixel by pixel. The lesson counts what that saves,
# with the formula of its paper (Howard et al. 2017, arXiv 1704.04861, section 3.1), and then takes the time.

# %% [markdown]
# ## By hand
#
# The paper's letters: $D_K$ is the side of the kernel, $M$ the number of input channels, $N$ of output
# channels, $D_F$ the side of the output (and, at stride 1 with "same" padding, of the input). A multiply-add
# is one product, added to a sum. A standard convolution makes $D_K D_K M$ of them for each of the
# $N D_F D_F$ numbers of its output (equation 2):
#
# $$D_K \cdot D_K \cdot M \cdot N \cdot D_F \cdot D_F.$$
#
# A depthwise convolution has one filter per channel, so it makes $D_K D_K$ for each of $M D_F D_F$ numbers
# (equation 4); the pointwise one then makes $M$ for each of $N D_F D_F$. Together (equation 5)
#
# $$D_K \cdot D_K \cdot M \cdot D_F \cdot D_F + M \cdot N \cdot D_F \cdot D_F, \quad\text{and, divided by the
# standard cost,}\quad \frac{1}{N} + \frac{1}{D_K^2}.$$
#
# With $D_K = 3$, $M = 16$, $N = 32$, $D_F = 14$: standard $9 \cdot 16 \cdot 32 \cdot 196 = 903{,}168$.
# Depthwise $9 \cdot 16 \cdot 196 = 28{,}224$ and pointwise $16 \cdot 32 \cdot 196 = 100{,}352$, together
# $128{,}576$. The ratio is $1/32 + 1/9 = 0.142$. Note where the work went: for many channels $1/N$ is small
# and $1/9$ remains, which is the *pointwise* part. Weights follow the same rule, without $D_F D_F$: 4,608
# and $144 + 512 = 656$.

# %%
from __future__ import annotations

import timeit

import numpy as np
from _pytorch import compare, separable
from _show import fast, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import nn, ops
from tinynet.kernels.depthwise import _convolve, _gather
from tinynet.ops.conv import DepthwiseConv2D
from tinynet.report.limit import measure_limit
from tinynet.report.style import BLUE, GREY, INK, VERMILION


def costs(kernel: int, inputs: int, outputs: int, side: int) -> tuple[int, int, int]:
    """Multiply-adds of a standard, a depthwise and a pointwise convolution, by the paper."""
    return kernel**2 * inputs * outputs * side**2, kernel**2 * inputs * side**2, inputs * outputs * side**2


assert costs(3, 16, 32, 14) == (903_168, 28_224, 100_352)
assert np.isclose((28_224 + 100_352) / 903_168, 1 / 32 + 1 / 9)

# %% [markdown]
# tinynet's `summary` does not know the formula. It adds up what each layer says of itself: pixels of the
# output times weights. In the whole MobileNet, at 224 pixels, nearly all the work is in the 1x1
# convolutions; the paper's Table 2 says 94.86 % for them and 3.06 % for the depthwise ones.

# %%
source(nn.DepthwiseConv2D.multiply_adds)
standard = nn.Conv2D(16, 32, 3, padding="same", bias=False)
depthwise = nn.DepthwiseConv2D(16, 3, padding="same", bias=False)
pointwise = nn.PointwiseConv2D(16, 32, bias=False)
print(counted := tn.summary(nn.Sequential(depthwise, pointwise), (14, 14, 16)))
assert counted.multiply_adds == 128_576 and counted.parameters == 656
assert tn.summary(standard, (14, 14, 16)).multiply_adds == 903_168

counted, shares = tn.summary(tn.models.build("mobilenet")), {}
for row in counted.rows:
    kind = row.layer.partition("(")[0]
    shares[kind] = shares.get(kind, 0) + row.multiply_adds / counted.multiply_adds
print(", ".join(f"{kind} {share:.2%}" for kind, share in shares.items() if share))
assert round(shares["PointwiseConv2D"], 4) == 0.9486 and round(shares["DepthwiseConv2D"], 4) == 0.0306

# %% [markdown]
# ## What it computes
#
# $d$ are the depthwise weights, $p$ the pointwise ones. One after the other they give
#
# $$y_{ijo} = \sum_c p_{co} \sum_{u,v} d_{uvc} \, x_{i+u, j+v, c} = \sum_{u,v,c} (d_{uvc} \, p_{co}) \,
# x_{i+u, j+v, c},$$
#
# which is a standard convolution with the weights $w_{uvco} = d_{uvc} \, p_{co}$. So nothing is
# approximated: the pair *is* a standard convolution, of which the weights are restricted. In a standard one,
# each output $o$ looks at channel $c$ with a filter of its own. Here all outputs look at $c$ through the
# same filter, larger or smaller.

# %%
rng = np.random.default_rng(10)
images = tn.Tensor(rng.standard_normal((2, 14, 14, 16)).astype(np.float32))
standard.weight.data = depthwise.weight.data[..., np.newaxis] * pointwise.weight.data
difference = np.abs(pointwise(depthwise(images)).numpy() - standard(images).numpy()).max()
print(f"the pair and the standard convolution made of it differ by {difference:.0e} at most")
assert difference < 1e-4

# %% [markdown]
# tinynet's operation, and the loop behind it. `_convolve` goes through the rows of the output; `_gather`
# adds one tap of the filter for a whole row, $W C$ numbers that stand one after the other in memory:

# %%
source(DepthwiseConv2D, _convolve, _gather)

# %% [markdown]
# ## The time
#
# Now by the clock, at four sizes as MobileNet has them. Standard, depthwise and pointwise convolution of the
# same images:


# %%
def seconds(work, repeats: int = 3 if fast() else 9) -> float:
    """The time of the fastest of some runs: the others were disturbed."""
    work()
    return min(timeit.repeat(work, number=1, repeat=repeats))


batch, stages = (1, ((56, 32), (28, 64))) if fast() else (8, ((112, 64), (56, 128), (28, 256), (14, 512)))
work, times, traffic = [], [], []  # of each size, a list of three
for side, channels in stages:
    x = tn.Tensor(rng.standard_normal((batch, side, side, channels)).astype(np.float32))
    layers = (
        nn.Conv2D(channels, channels, 3, padding="same", bias=False),
        nn.DepthwiseConv2D(channels, 3, padding="same", bias=False),
        nn.PointwiseConv2D(channels, channels, bias=False),
    )
    with tn.no_grad():
        times.append([seconds(lambda layer=layer, x=x: layer(x)) for layer in layers])
    work.append([batch * cost for cost in costs(3, channels, channels, side)])
    traffic.append([2 * x.data.nbytes + layer.weight.data.nbytes for layer in layers])
    saved, spared = (row[-1][0] / sum(row[-1][1:]) for row in (work, times))
    shares = [row[-1][1] / sum(row[-1][1:]) for row in (work, times)]
    print(f"{side}x{side}x{channels}: {saved:.1f} times less work, {spared:.1f} times less time;", end=" ")
    print(f"depthwise is {shares[0]:.1%} of the pair's work, {shares[1]:.0%} of its time")
work, times, traffic = np.array(work), np.array(times), np.array(traffic)
assert fast() or times[:, 1].sum() / times[:, 2].sum() > work[:, 1].sum() / work[:, 2].sum()

# %% [markdown]
# The work saved is much the same at all sizes. The time saved follows rules of its own, and the depthwise
# part, which hardly counts in the formula, takes several times its share. The formula counts products, and
# the three convolutions make theirs at three speeds. A pointwise one is a single matrix product, on the
# image as it lies in memory. A standard one has to lay out its windows first, nine times the image (lesson
# 7). That is the paper's own argument (section 3.2): few multiply-adds are not enough, they have to be ones
# that can be made fast, and 95 % of MobileNet's are.
#
# A depthwise one has little to do with each number that it fetches. Per image it reads $M D_F^2$ numbers and
# writes as many, 4 bytes each; by hand
#
# $$\frac{9 \, M D_F^2}{2 \cdot 4 \, M D_F^2} = \frac{9}{8} \text{ multiply-adds per byte, but }
# \frac{M N D_F^2}{4 \, (M + N) D_F^2} = \frac{M}{8} \text{ for a pointwise one with } M = N.$$
#
# With 256 channels that is 32. How many per byte could this machine do? tinynet measures a large matrix
# product and a large copy:

# %%
limit = measure_limit()
peak, stream = limit.flops / 2, limit.bytes
print(
    f"{peak / 1e9:.0f} billion multiply-adds/s, {stream / 1e9:.0f} billion bytes/s, {peak / stream:.0f} to 1"
)
fig = Figure(figsize=(7, 3.8), layout="constrained")
axes = fig.subplots()
intensity = np.logspace(-1, 4, 200)
axes.loglog(intensity, np.minimum(peak, intensity * stream) / 1e9, color=GREY, label="the machine's limit")
for column, (name, colour) in enumerate((("standard", INK), ("depthwise", VERMILION), ("pointwise", BLUE))):
    at, speed = work[:, column] / traffic[:, column], work[:, column] / times[:, column] / 1e9
    axes.loglog(at, speed, "o", color=colour, label=name)
    print(f"{name:9} {at.round(1)} multiply-adds per byte, {speed.round(1)} billion/s")
axes.set(xlabel="multiply-adds per byte read or written", ylabel="billion multiply-adds per second")
axes.legend(frameon=False, fontsize=9)
figure(fig, "roofline")

# %% [markdown]
# The line is the most that is possible (the *roofline* of Williams et al. 2009): below the corner memory
# sets the pace, above it arithmetic. The depthwise points are far to the left, where the roof is low:
# however few products there are, the image has to come and go. A test: take a window of one pixel, a ninth
# of the products.

# %%
side, channels = stages[0]
x = tn.Tensor(rng.standard_normal((batch, side, side, channels)).astype(np.float32))
windows = (nn.DepthwiseConv2D(channels, size, padding="same", bias=False) for size in (1, 3))
with tn.no_grad():
    small, usual = (seconds(lambda layer=layer: layer(x)) for layer in windows)
print(f"nine times the products in {usual / small:.1f} times the time")
assert fast() or usual < 6 * small

# %% [markdown]
# So it is mostly **bound by memory**, and what helps it is not fewer products but fewer trips to memory, for
# instance to hand each row to the next layer while it is in the cache. That is what `tinynet/fused/` does
# (lesson 15).
#
# ## Broken on purpose: channel by channel
#
# "Each channel on its own", so why not call the standard convolution for each? The numbers are right:

# %%
x = tn.Tensor(rng.standard_normal((batch, 28, 28, 16 if fast() else 128)).astype(np.float32))
channels = x.shape[3]
layer = nn.DepthwiseConv2D(channels, 3, padding="same", bias=False)


def channel_by_channel() -> tn.Tensor:
    parts = (slice(c, c + 1) for c in range(channels))
    results = [ops.conv2d(x[..., c], layer.weight[:, :, c, np.newaxis], padding="same") for c in parts]
    return tn.concatenate(results, axis=3)


with tn.no_grad():
    assert np.allclose(channel_by_channel().numpy(), layer(x).numpy(), atol=1e-5)
    alone, together = seconds(channel_by_channel, 3), seconds(lambda: layer(x))
print(f"{channels} channels: one by one {1000 * alone:.1f} ms, at once {1000 * together:.2f} ms")
assert fast() or alone > 2 * together

# %% [markdown]
# **Symptom: the formula promises a ninth, and the clock shows more than before.** In the layout (N, H, W, C)
# a channel is every $C$-th number. Memory comes in lines of 64 bytes, 16 numbers, of which 15 are not
# wanted; each call starts its threads anew; and an inner loop over one channel leaves vector units nothing
# to do. `_gather` makes the same products in the order in which the numbers lie.
#
# ## Beside the framework
#
# PyTorch has `groups` for it: with as many groups as channels, each channel is on its own.

# %%
source(separable)
x = tn.Tensor(np.sin(np.arange(1.0, 51.0)).reshape(1, 5, 5, 2))
d = tn.Tensor(np.cos(np.arange(1.0, 19.0)).reshape(3, 3, 2), requires_grad=True)
p = tn.Tensor(np.cos(np.arange(1.0, 7.0)).reshape(2, 3), requires_grad=True)
y = ops.pointwise_conv2d(ops.depthwise_conv2d(x, d, padding="same"), p)
(y**2).sum().backward()
ours = {"output": y.numpy(), "gradient of the depthwise weight": d.grad}
compare(separable, {**ours, "gradient of the pointwise weight": p.grad}, tolerance=1e-10)

# %% [markdown]
# ## Summary
#
# - Depthwise filters each channel, pointwise mixes channels: $1/N + 1/D_K^2$ of the multiply-adds and
#   weights.
# - The pair is a standard convolution with weights $d_{uvc} \, p_{co}$: one filter per input channel.
# - In MobileNet 95 % of the multiply-adds are in 1x1 convolutions, which are matrix products.
# - A depthwise convolution makes about one multiply-add per byte: memory sets its pace, not arithmetic.
# - Less work is less time only as far as the work that is left runs fast: look at the clock, too.
#
# ## Exercises
#
# In `lessons/exercises/10_separable.py`; `tinynet check 10` tells how far you are.
#
# 1. `multiply_adds(kernel, inputs, outputs, size, stride)`: the three costs, also with a stride.
# 2. `depthwise(x, weight)`: the depthwise convolution of one image.
# 3. `as_standard(depthwise, pointwise)`: the weights of the standard convolution that does the same.
# 4. `nearest_pair(weight)`: the pair that comes nearest to a given standard convolution.

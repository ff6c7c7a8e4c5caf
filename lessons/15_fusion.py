# %% [markdown]
# # Making it fast: one pass over memory
#
# **Question: where does the time of convolution, batch norm and ReLU go, if not into arithmetic?**
#
# Lesson 8 made single loops fast. What remains lies between them: each writes an array that the cache cannot
# hold, and the next one fetches it again. `tinynet/fused/` does several things to a number while it is there.

# %% [markdown]
# ## By hand
#
# A depthwise 3x3 convolution of 64 images, 28x28 pixels, 64 channels, then batch norm and ReLU, in training.
# Each array has $64 \cdot 28 \cdot 28 \cdot 64$ numbers of 4 bytes, 12.8 MB. Layer by layer, forward:
#
# | loop | reads | writes |
# |---|---|---|
# | convolution | input | $z$ |
# | mean and variance of each channel | $z$ | |
# | scale and shift | $z$ | $y$ |
# | ReLU | $y$ | $a$ |
#
# Seven passes, 89.9 MB. Backward it is twelve (`docs/fast-path.md` draws them), 19 in all. But only the mean
# has to wait for the last image. If who *writes* $z$ sums it up, and who *reads* $z$ applies scale, shift and
# ReLU on the way, then forward reads one array and writes one, and backward reads three and writes one: 6
# passes, 77.1 MB. If memory alone decided, training would be $19 / 6 = 3.2$ times as fast. The arithmetic of
# the convolution, 9 products and 9 sums per number, is 57.8 million operations forward.

# %%
from __future__ import annotations

import json
from timeit import repeat

import numpy as np
from _show import ROOT, fast, figure, source
from matplotlib.figure import Figure

import tinynet as tn
from tinynet import fused, nn
from tinynet.fused.normed_pointwise import pointwise_forward
from tinynet.fused.normed_rows import activate, add_moments, finish_forward
from tinynet.interop import frameworks, layouts, to_torch
from tinynet.kernels import memory
from tinynet.report.limit import Limit, measure_limit
from tinynet.report.style import BLUE, VERMILION

size = 4 * 64 * 28 * 28 * 64  # bytes of an array
assert [round(number / 1e6, 1) for number in (7 * size, 6 * size, 18 * size / 4)] == [89.9, 77.1, 57.8]

# %% [markdown]
# ## What the machine can do
#
# Measured are operations per second in a large matrix product, and bytes per second in a copy. Nothing that
# comes from memory can be faster than the slower of its two needs (Williams and others 2009, the *roofline*):

# %%
source(Limit.seconds)
limit = measure_limit()
peak, bandwidth = limit.flops, limit.bytes
print(f"{limit.threads} threads: {peak / 1e9:.0f} GFLOP/s, {bandwidth / 1e9:.1f} GB/s; by hand, forward:")
print(f"{4.5e3 * size / peak:.2f} ms of arithmetic, {7e3 * size / bandwidth:.2f} ms for 7 passes over memory")

# %% [markdown]
# ## Measured
#
# Two blocks of MobileNet, trained layer by layer and as one chain. `tn.Profile` watches each operation. Its
# bytes are the least possible, every array once; so a chain says what it has to move: 6 passes.


# %%
def block() -> list[nn.Module]:
    depthwise = nn.DepthwiseConv2D(64, 3, padding="same", bias=False)
    pointwise = nn.PointwiseConv2D(64, 64, bias=False)
    return [depthwise, nn.BatchNorm(64), nn.ReLU(), pointwise, nn.BatchNorm(64), nn.ReLU()]


tn.seed(0)
rng = np.random.default_rng(0)
model = nn.Sequential(*block(), *block())
optimizer = tn.optim.SGD(model.parameters(), lr=1e-6)
images, upstream = rng.standard_normal((2, 8 if fast() else 64, 28, 28, 64), np.float32)
x, steps = tn.Tensor(images, requires_grad=True), 5 if fast() else 15


def train_step() -> None:
    x.grad = None
    optimizer.zero_grad()
    model(x).backward(upstream)
    optimizer.step()


def seconds(call, rounds: int = 9) -> float:  # the least: other work only adds to a time
    return min(repeat(call, number=1, repeat=rounds))


def profiled() -> tuple[tn.Profile, float]:
    with tn.Profile(steps, warm_up=3) as profile:
        for _ in range(steps + 3):
            train_step()
    profile.limit = limit  # one for both
    return profile, seconds(train_step)


with fused.disabled():
    alone, alone_seconds = profiled()
together, together_seconds = profiled()
faster = alone_seconds / together_seconds
print(alone, together, f"One chain is {faster:.1f} times as fast, by the fastest steps.", sep="\n\n")
(depthwise,) = (row for row in together.rows if row.name == "depthwise, norm, ReLU")
assert depthwise.bytes / depthwise.calls == 6 * images.nbytes, "not what we counted by hand"
assert faster > 0.5, "slower, whatever else the machine had to do"

# %%
fig = Figure(figsize=(8, 3), layout="constrained")
panels = fig.subplots(1, 2, sharex=True)
for axes, profile, title in zip(panels, (alone, together), ("layer by layer", "one chain"), strict=True):
    rows = [row for row in profile.record()["rows"] if row["of_limit"] and row["share"] > 0.01][::-1]
    times = np.array([row["forward_ms"] + row["backward_ms"] for row in rows])
    axes.barh(range(len(rows)), times, color=BLUE, label="measured")
    least = times * [row["of_limit"] for row in rows]
    axes.plot(least, range(len(rows)), "|", color=VERMILION, markersize=16, mew=2, label="least time")
    axes.set_yticks(range(len(rows)), [row["operation"] for row in rows], fontsize=8)
    axes.set(title=f"{title}: {1e3 * profile.seconds / profile.steps:.1f} ms", xlabel="ms in a step")
fig.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
figure(fig, "profile")

# %% [markdown]
# A red mark is the roofline of an operation's own bytes and arithmetic. Where a bar ends near its mark, a
# better loop would not help: the way out is not a faster ReLU, but none.
#
# ## How
#
# The loops of a pointwise link activate rows while they read them, and sum up what is still in the cache:

# %%
source(activate, pointwise_forward, add_moments)
with fused.disabled():
    expected = model(x).numpy()
assert np.abs(model(x).numpy() - expected).max() < 1e-4, "the chain computes something else"

# %% [markdown]
# ## Broken on purpose: a block too large for the cache
#
# "While it is in the cache" has a size. Three passes over an array, $y = \max(1.5\, x + 0.5, 0)$, in blocks
# of different lengths:

# %%
numbers = 2**19 if fast() else 2**23
long, result = np.ones(numbers, np.float32), np.zeros(numbers, np.float32)


def in_blocks(length: int) -> None:
    for start in range(0, numbers, length):
        y = result[start : start + length]
        np.multiply(long[start : start + length], 1.5, out=y)
        np.add(y, 0.5, out=y)
        np.maximum(y, 0, out=y)


lengths = 2 ** np.arange(10, int(np.log2(numbers)) + 1)
cost = [1e9 / numbers * seconds(lambda length=length: in_blocks(length)) for length in lengths]
fig = Figure(figsize=(6.5, 2.8), layout="constrained")
axes = fig.subplots()
kilobytes, best = 8 * lengths / 1e3, np.argmin(cost)
axes.semilogx(kilobytes, cost, "o-", color=BLUE, markersize=4)
axes.set(xlabel="kB of a block, input and result", ylabel="ns per number", ylim=(0, None))
figure(fig, "blocks")
print(f"blocks of {kilobytes[best]:.0f} kB: {cost[best]:.2f} ns a number; the whole: {cost[-1]:.2f} ns")

# %% [markdown]
# Small blocks pay for the calls, large ones for the memory, and nothing but the clock shows it. In between
# lies what a core's own cache holds: a chain works on a few rows of an image, or some hundred pixels.
#
# ## Broken on purpose: statistics of a block
#
# A temptation: with the block in the cache, why not normalise it with its *own* mean? By hand, two blocks,
# (1, 3) and (5, 7). Their means are 2 and 6, their variances 1 and 1. The mean of all is 4, and the variance
# of all is not 1, for the means are spread as well. With $n_b$, $m_b$, $v_b$ for count, mean and variance of
# block $b$, and $N$ and $m$ for count and mean of all (Chan and others 1979):
#
# $$v = \frac{1}{N} \sum_b n_b \left(v_b + (m_b - m)^2\right) = \frac{2 (1 + 4) + 2 (1 + 4)}{4} = 5.$$

# %%
source(finish_forward)
z = np.array([[1.0, 3.0], [5.0, 7.0]])
merged = (z.var(axis=1) + (z.mean(axis=1) - z.mean()) ** 2).mean()
right = (z - z.mean()) / np.sqrt(merged)
wrong = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
print(f"variance {merged}; normalised by all {right.round(2).tolist()}, by block {wrong.tolist()}")
assert merged == z.var() == 5 and (wrong[0, 1], wrong[1, 0]) == (1, -1)

# %% [markdown]
# **Symptom: 3 becomes 1 and 5 becomes -1.** What came from different blocks cannot be compared any more; cut
# in another way, for another number of threads, it is another network; and in evaluation, with one mean for
# all, it meets numbers that it was not trained for. So nobody may use $z$ before all of it is there.
#
# ## Memory used again
#
# Each step makes the arrays of the step before. Fresh memory comes from the system page by page, filled with
# zeros; the pool hands out what nobody refers to any more.

# %%
source(memory.Pool.empty)
fresh = seconds(lambda: np.empty(8 * numbers, np.uint8).fill(1))
again = seconds(lambda: memory.empty((8 * numbers,), np.uint8).fill(1))
before = memory._pool.held()
train_step()
print(f"{8e-6 * numbers:.0f} MB, filled: fresh {1e3 * fresh:.1f} ms, used again {1e3 * again:.1f} ms")
print(f"the pool holds {before / 1e6:.0f} MB, after another step {memory._pool.held() / 1e6:.0f} MB")
assert memory._pool.held() <= before, "a step like those before needs no fresh memory"

# %% [markdown]
# ## Beside the framework
#
# Milliseconds of a training step, recorded by `python -m benchmarks`; and, with PyTorch, our two blocks now.

# %%
record = json.loads((ROOT / "benchmarks" / "recorded" / "comparison.json").read_text(encoding="utf-8"))
peers = ("tinynet", "pytorch", "keras")
print(f"{'recorded ' + record['taken'][:10]:34}" + "".join(f"{name:>9}" for name in peers))
for case in (case for case in record["cases"] if case["task"] == "training"):
    fastest = (min(run["median"] for run in case["peers"][name]) for name in peers)
    print(f"{case['label']:34}" + "".join(f"{milliseconds:9.1f}" for milliseconds in fastest))
if not frameworks.missing("torch"):
    import torch

    module = to_torch(model, (28, 28, 64))
    theirs, back = (torch.from_numpy(layouts.images_to_torch(array)) for array in (images, upstream))
    y = layouts.images_from_torch(module(theirs).detach().numpy())
    assert np.abs(y - model(x).numpy()).max() < 1e-3, "not the same network"
    now = seconds(lambda: module(theirs.requires_grad_()).backward(back))
    print(f"two blocks, now: tinynet {1e3 * seconds(train_step):.1f} ms, PyTorch {1e3 * now:.1f} ms")

# %% [markdown]
# ## Summary
#
# - The loops of a small network wait for memory: count passes over arrays, not only operations.
# - Nothing is faster than the slower of its bytes and its arithmetic; both limits can be measured.
# - In a chain, who writes an array sums it up and who reads it activates it: 6 passes in place of 19.
# - Blocks must fit the cache, and their statistics must be merged, or the result depends on the cut.
# - Memory that is used again need not be fetched from the system.
#
# ## Exercises
#
# In `lessons/exercises/15_fusion.py`; `tinynet check 15` tells how far you are.
#
# 1. `least_time(flops, traffic, peak, bandwidth)`: the roofline, and which of the two decides.
# 2. `merged(counts, means, variances)`: the statistics of all from those of the blocks.
# 3. `folded(weight, gamma, beta, mean, var, eps)`: a convolution that has its batch norm inside.
# 4. `normalise(z, gamma, beta, eps, rows)`: batch norm and ReLU in place, some rows at a time.

# %% [markdown]
# # The same loop, a hundred times faster
#
# **Question: what makes a compiled loop fast, and what goes wrong when two threads run it?**
#
# Some loops are no matrix product: a depthwise convolution, batch norm, an optimiser's step. Numba compiles
# them as they stand, and can share their iterations among threads. What makes them fast, and right, then does
# not show in their text: where the numbers lie, and who writes where.

# %% [markdown]
# ## By hand
#
# **Lines.** Memory comes in *lines* of, as a rule, 64 bytes, 16 numbers in float32, and the cache keeps the
# lines last used. A matrix of 1024 x 1024 numbers, row after row in memory, has $2^{20} / 16 = 65\,536$
# lines. Read row by row, each is fetched once. Read column by column, every number is in another line than
# the one before; if that line has left the cache when its neighbour is due, there are $2^{20}$ fetches, 16
# times as many.
#
# **Races.** To add 1 to a total, a thread reads it, and then writes what it read plus 1. Let threads $a$ and
# $b$ do this once each. Written as the order of what they do, $aabb$ ends at 2. But $abab$: both read 0, both
# write 1. There are six orders: $aabb$ and $bbaa$ end at 2, the other four at 1.

# %%
from __future__ import annotations

import itertools
from timeit import repeat

import numba
import numpy as np
from _pytorch import compare, counted
from _show import fast, figure, source
from matplotlib.figure import Figure

from tinynet.kernels import compiling, elementwise, pointwise
from tinynet.kernels.threads import num_threads, region, set_num_threads
from tinynet.report.style import BLUE, GREY, VERMILION

orders = set(itertools.permutations("aabb"))
one_after_the_other = [order for order in orders if order[0] == order[1]]
assert len(orders) == 6 and len(one_after_the_other) == 2 and 1024 * 1024 * 4 // 64 == 65_536

# %% [markdown]
# ## Compiled
#
# A 3 x 3 convolution in loops, and the same function handed to Numba. Not a character changes:


# %%
def convolve(x, w, y):
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            total = 0.0
            for u in range(3):
                for v in range(3):
                    total += x[i + u, j + v] * w[u, v]
            y[i, j] = total


def seconds(work, times=5):
    return min(repeat(work, number=1, repeat=times))  # the other runs were disturbed


rng = np.random.default_rng(8)
x, w, y, z = (rng.standard_normal((size, size)) for size in (66, 3, 64, 64))
compiled = numba.njit(convolve)
first = seconds(lambda: compiled(x, w, z), 1)
slow, quick = seconds(lambda: convolve(x, w, y), 3), seconds(lambda: compiled(x, w, z), 20)
print(f"Python {1e3 * slow:.2f} ms, compiled {1e3 * quick:.4f} ms: {slow / quick:.0f} times faster")
print(f"the first call took {first:.2f} s to compile, as long as {first / slow:.0f} calls in Python")
assert np.allclose(y, z) and slow > 100 * quick

# %% [markdown]
# Python asks at each step what `x` is and what `*` means for it, and makes an object of every number. Numba
# asks once, at the first call, for the whole loop. For other types it compiles again, which is why tinynet's
# kernels bring every array into one form first; and what was compiled is kept on disk:

# %%
compiled(x.astype(np.float32), w, z)
source(compiling.kernel, compiling.ready)
elementwise.relu(np.ones(8, np.float32))
found = sum(elementwise._relu.stats.cache_hits.values())
print(f"compiled for {len(compiled.signatures)} kinds of arguments; options of tinynet's kernels:")
print(f"{compiling._OPTIONS}; its ReLU was {'read from the disk' if found else 'compiled just now'}")

# %% [markdown]
# ## What vector units want
#
# A processor adds 4, 8 or 16 numbers with one instruction, if the additions do not depend on each other. In
# the sum $((x_0 + x_1) + x_2) + \dots$ each waits for the one before. Grouped in another way, sums of every
# 16th number can grow side by side; but rounding makes that another result, so the compiler has to be
# *allowed* to regroup. That is `reassoc` in the options above.


# %%
def add_up(x):
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i]
    return total


in_order = numba.njit(add_up)
regrouped = numba.njit(fastmath={"reassoc", "contract", "nsz"})(add_up)
numbers = np.ones(4097, np.float32)
numbers[0] = 2**24  # here, float32 knows even numbers only: 2^24 + 1 is rounded back to 2^24
for name, function in (("in order", in_order), ("regrouped", regrouped)):
    function(numbers)
    time_of_one = seconds(lambda f=function: [f(numbers) for _ in range(200)]) / 200 / len(numbers)
    print(f"{name}: {1e9 * time_of_one:.3f} ns per number, sum 2^24 + {function(numbers) - 2**24:,.0f}")
assert in_order(numbers) == 2**24

# %% [markdown]
# Regrouping is faster, and here even nearer to the truth: small sums lose less. tinynet goes on that way: it
# adds block by block, and the blocks in float64.
#
# ## What the cache wants
#
# Now arrays that are larger than it. First the same loop over a matrix and over its transpose, whose rows are
# columns in memory; then sums of numbers with more and more room between them:


# %%
@numba.njit(fastmath={"reassoc"})
def by_rows(x):
    total = np.float32(0)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j]
    return total


matrix = np.ones((1024, 1024) if fast() else (6144, 6144), np.float32)
for name, view in (("row by row", matrix), ("column by column", matrix.T)):
    by_rows(view[:4])
    print(f"{name}: {1e9 * seconds(lambda view=view: by_rows(view), 3) / view.size:.2f} ns per number")
steps = [2**k for k in range(8)]
spaced = [matrix.ravel()[::step] for step in steps]
regrouped(spaced[1][:4])
each = [1e9 * seconds(lambda part=part: regrouped(part), 3) / part.size for part in spaced]
print(f"every 16th number: {each[4]:.2f} ns for each, in a row {each[0]:.2f} ns")

# %% [markdown]
# (Left in the figure below.) From a step of 2 on, the numbers of one instruction have to be gathered; up to
# 16, less and less of each line is used; beyond, each number costs a line of its own. So tinynet's images
# have their channels last: most loops go over channels, and those stand side by side.
#
# ## Broken on purpose: a race
#
# `prange` shares the iterations of a loop among threads. Count how often each label occurs:


# %%
@numba.njit(parallel=True)
def count_together(labels, counts):
    for i in numba.prange(len(labels)):
        counts[labels[i]] += 1


labels = rng.integers(0, 10, 2_000_000 if fast() else 20_000_000, np.uint8)
right, lost = np.bincount(labels), []
with region:  # as many threads as tinynet's kernels use
    for _ in range(5):
        count_together(labels, counts := np.zeros(10, np.int64))
        lost.append(int((right - counts).sum()))
print(f"{num_threads()} threads, five runs over {len(labels):,} labels, so many were lost: {lost}")

# %% [markdown]
# No error and no warning: the orders from above, millions of times. On one thread nothing is lost, nor when
# one happens to run after the other. **Symptom: results differ from run to run, and are right on one
# thread.** NumPy can do the same without chance: `counts[labels] += 1` reads everything first, and then
# writes everything.
#
# The cure is a rule: *an iteration owns what it writes.* Cut the work into blocks, give each block a row of
# its own to write to, and add up the rows at the end:


# %%
counts[:] = 0
counts[labels[:1000]] += 1
assert np.array_equal(counts, np.ones(10)), "all read 0, all wrote 1"


def count_blocks(labels, edges, counts):
    for block in numba.prange(len(edges) - 1):
        for i in range(edges[block], edges[block + 1]):
            counts[block, labels[i]] += 1


by_threads, alone = numba.njit(parallel=True)(count_blocks), numba.njit(count_blocks)
edges = compiling.blocks(len(labels), 16)
with region:
    by_threads(labels, edges, counts := np.zeros((16, 10), np.int64))
assert np.array_equal(counts.sum(axis=0), right)
source(pointwise._sum_block, pointwise._sum_blocks_in_parallel, compiling.blocks, compiling.merged)

# %% [markdown]
# All of tinynet's kernels keep this rule. And the blocks depend on the length of the work, never on the
# number of threads: whoever adds, sums are grouped alike, and the bits of the result are the same.

# %%
gradient, most = rng.standard_normal((100_000, 32)).astype(np.float32), num_threads()
set_num_threads(1)
one_thread = pointwise.column_sum(gradient)
set_num_threads(most)
assert np.array_equal(pointwise.column_sum(gradient), one_thread)
print(f"sums of columns: the same bits with 1 and with {most} threads")

# %% [markdown]
# **Why were two threads slower than one?** Waking a thread and waiting for it takes time, which is lost on
# little work (right in the figure). So tinynet's kernels leave small arrays to one thread.

# %%
fig = Figure(figsize=(8, 3.2), layout="constrained")
spacing, threads = fig.subplots(1, 2)
spacing.loglog(steps, each, "o-", color=BLUE, base=2)
spacing.set(xlabel="step between numbers", ylabel="nanoseconds per number", xticks=steps, xticklabels=steps)
sizes = [10**k for k in range(2, 8) if 10**k <= len(labels)]
for name, function, colour in (("1 thread", alone, GREY), (f"{most} threads", by_threads, VERMILION)):
    with region:
        tables = [(labels[:n], compiling.blocks(n, 16), np.zeros((16, 10), np.int64)) for n in sizes]
        function(*tables[0])
        times = [1e6 * seconds(lambda f=function, t=table: f(*t), 20) for table in tables]
    threads.loglog(sizes, times, "o-", color=colour, label=name)
threads.set(xlabel="labels counted", ylabel="microseconds")
threads.legend(frameon=False)
figure(fig, "cache-and-threads")

# %% [markdown]
# ## Beside the framework
#
# PyTorch's loops are compiled beforehand, in C++, for each kind of number; the results are the same:

# %%
source(counted)
grid = np.arange(1.0, 26)
compiled(np.sin(grid).reshape(5, 5), np.cos(grid[:9]).reshape(3, 3), y := np.zeros((3, 3)))
alone(np.arange(1000) ** 2 % 10, compiling.blocks(1000, 16), table := np.zeros((16, 10), np.int64))
compare(counted, {"the compiled convolution": y, "labels counted": table.sum(axis=0)}, tolerance=1e-12)

# %% [markdown]
# ## Summary
#
# - Numba compiles a loop for the types it meets; what is compiled is kept on disk.
# - Vector units want additions that do not wait for each other, so sums may be regrouped.
# - The cache wants neighbours: a line brings 16 numbers, and all of them should be used.
# - An iteration owns what it writes; anything else is a race, which raises no error.
# - Blocks that do not depend on the number of threads give the same bits with any number of them.
#
# ## Exercises
#
# In `lessons/exercises/08_numba.py`; `tinynet check 08` tells how far you are.
#
# 1. `race(order)`: the total after threads have read and written in this order.
# 2. `fetches(addresses, lines, line_bytes)`: how often a cache has to fetch a line.
# 3. `column_sums(x, edges)`: a loop for Numba, in blocks that own what they write.

"""What happens to the rows of images in a chain of convolution, batch norm and ReLU.

Between two convolutions of a chain only one array exists: z, the output of the first, before its batch
norm. Whoever reads it applies scale, shift and ReLU on the way,

    a = min(max(z scale + shift, floor), ceiling)

and whoever writes it gathers its mean and variance while the numbers are in cache. Backward, g is the
gradient of z scale + shift. Whoever reads it turns it into the gradient of z,

    dz = p g + q z + r       (batch norm's formula, put together by `finish_backward`)

and whoever writes it has already applied ReLU's mask, and gathers the two sums that p, q and r need.

Arrays are (N, H, L): a row of L = W C numbers is an image's row of W pixels with C channels. What there is
per channel is repeated along the row, so that inner loops are long. Images are cut into blocks (`edges`);
each block has sums of its own, and each thread a row of `scratch`. Rows are named by their indices, not
handed over as slices, for each slice is counted in memory that the threads share; and indices within a row
are unsigned, for one that might be negative would keep a loop from being vectorised.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ..kernels.compiling import inlined_kernel, inner_kernel, parallel_kernel

# One row


@inlined_kernel
def activate(z, n, h, rows, limits, a, row, at):
    """a = min(max(z scale + shift, floor), ceiling): row h of image n to place `at` of a row of a."""
    floor, ceiling, first = limits[0], limits[1], np.uint64(at)
    for j in range(np.uint64(z.shape[2])):
        value = z[n, h, j] * rows[0, j] + rows[1, j]
        value = floor if value <= floor else value  # in this form a NaN stays one
        a[row, first + j] = ceiling if value >= ceiling else value


@inlined_kernel
def mask(grad, row, at, z, n, h, rows, limits, g, totals):
    """g = grad where the activation was between its limits; totals += g, g (z - mean). The other way round:
    a row of grad from place `at` on to row h of image n.
    """
    floor, ceiling, first, zero = limits[0], limits[1], np.uint64(at), z.dtype.type(0)
    for j in range(np.uint64(z.shape[2])):
        value = z[n, h, j] * rows[0, j] + rows[1, j]
        passed = grad[row, first + j] if floor < value and value < ceiling else zero
        g[n, h, j] = passed
        totals[0, j] += passed
        totals[1, j] += passed * (z[n, h, j] - rows[2, j])


@inlined_kernel
def gradient(g, y, n, h, pqr, dz, row, at):
    """dz = p g + q y + r: row h of image n to place `at` of a row of dz."""
    first = np.uint64(at)
    for j in range(np.uint64(y.shape[2])):
        dz[row, first + j] = pqr[0, j] * g[n, h, j] + pqr[1, j] * y[n, h, j] + pqr[2, j]


@inner_kernel
def add(values, total):
    """total += values."""
    for j in range(len(values)):
        total[j] += values[j]


# Sums over rows, which end as sums of each channel


@inlined_kernel
def add_moments(y, n, h, pivot, totals):
    """totals += d, d^2 with d = y - pivot: relative to a sample, so that a large mean costs no accuracy."""
    for j in range(np.uint64(y.shape[2])):
        distance = y[n, h, j] - pivot[j]
        totals[0, j] += distance
        totals[1, j] += distance * distance


@inner_kernel
def fold_moments(pivot, totals, rows, moments):
    """From sums along a row (2, L) to the mean and the squared distances of each channel (2, C), float64."""
    C, W = moments.shape[1], len(pivot) // moments.shape[1]
    mean, squares = moments[0], moments[1]
    mean[:] = 0
    squares[:] = 0
    for w in range(W):
        start, first = pivot[w * C : (w + 1) * C], totals[0, w * C : (w + 1) * C]
        for c in range(C):
            mean[c] += (start[c] + np.float64(first[c]) / rows) / W
    for w in range(W):
        pixels = slice(w * C, (w + 1) * C)
        start, first, second = pivot[pixels], totals[0, pixels], totals[1, pixels]
        for c in range(C):
            shift = np.float64(first[c]) / rows
            squares[c] += second[c] - rows * shift**2 + rows * (start[c] + shift - mean[c]) ** 2
    for c in range(C):
        squares[c] = max(squares[c], 0.0)


@inner_kernel
def fold_sums(totals, sums):
    """From sums along a row (2, L) to sums of each channel (2, C), float64."""
    C = sums.shape[1]
    sums[:] = 0
    for k in range(2):
        for w in range(totals.shape[1] // C):
            add(totals[k, w * C : (w + 1) * C], sums[k])


# All rows: where a chain begins and ends


@parallel_kernel
def activations(z, rows, limits, edges, a):
    """a (N H, L), for those who come after the chain."""
    for i in prange(len(edges) - 1):
        for n in range(edges[i], edges[i + 1]):
            for h in range(z.shape[1]):
                activate(z, n, h, rows, limits, a, n * z.shape[1] + h, 0)


@parallel_kernel
def masked(grad, z, rows, limits, edges, g, sums):
    """The g of the last convolution, from the gradient of its activations (N H, L)."""
    for i in prange(len(edges) - 1):
        totals = np.zeros((2, z.shape[2]), z.dtype)
        for n in range(edges[i], edges[i + 1]):
            for h in range(z.shape[1]):
                mask(grad, n * z.shape[1] + h, 0, z, n, h, rows, limits, g, totals)
        fold_sums(totals, sums[i])


# Between two passes over the images: what is known of each channel


@inner_kernel
def finish_forward(moments, edges, pixels, gamma, beta, eps, statistics, rows):
    """From the moments of blocks of images, of so many `pixels` each: mean and variance, `statistics` (2, C),
    and scale, shift and mean along a row, `rows` (3, L). Merged as in Chan et al. 1979.
    """
    C, B = len(gamma), len(moments)
    total = edges[B] * pixels
    for c in range(C):
        mean = 0.0
        for b in range(B):
            mean += moments[b, 0, c] * ((edges[b + 1] - edges[b]) * pixels)
        mean /= total
        squares = 0.0
        for b in range(B):
            squares += moments[b, 1, c] + (edges[b + 1] - edges[b]) * pixels * (moments[b, 0, c] - mean) ** 2
        statistics[0, c], statistics[1, c] = mean, squares / total
        scale = gamma[c] / np.sqrt(squares / total + eps)
        rows[0, c], rows[1, c], rows[2, c] = scale, beta[c] - mean * scale, mean
    repeat(rows, C)


@inner_kernel
def finish_backward(sums, pixels, gamma, eps, statistics, dgamma, dbeta, pqr):
    """From the sums of the blocks: the gradients of gamma and beta, and p, q, r along a row (3, L).

    dz = gamma s (g - sum g / m - (z - mean) s^2 sum(g (z - mean)) / m) with s = 1 / sqrt(var + eps) and m
    pixels (Ioffe and Szegedy 2015, section 3, put together).
    """
    C = len(gamma)
    for c in range(C):
        total, centred = 0.0, 0.0
        for b in range(len(sums)):
            total += sums[b, 0, c]
            centred += sums[b, 1, c]
        s = 1 / np.sqrt(statistics[1, c] + eps)
        dbeta[c], dgamma[c] = total, centred * s
        p = gamma[c] * s
        q = -p * s * s * centred / pixels
        pqr[0, c], pqr[1, c], pqr[2, c] = p, q, -p * total / pixels - q * statistics[0, c]
    repeat(pqr, C)


@inner_kernel
def merge(parts, first, last, total):
    """Columns `first` to `last` of the sum over blocks, in their order and in float64: (B, K) -> (K,)."""
    exact = np.zeros(last - first)
    for b in range(len(parts)):
        part = parts[b, first:last]
        for k in range(len(part)):
            exact[k] += part[k]
    target = total[first:last]
    for k in range(len(target)):
        target[k] = exact[k]


@inner_kernel
def repeat(rows, C):
    """The first C numbers of each row, repeated to its end."""
    for k in range(len(rows)):
        for j in range(C, rows.shape[1]):
            rows[k, j] = rows[k, j - C]

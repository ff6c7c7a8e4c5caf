"""What standard and separable convolutions with ReLU and max pooling share: sizes, pooling and its reverse.

    z[p, o] = sum_k a[p, k] weight[k, o]              p: a pixel of the convolution
    y[q, o] = max(0, z[p, o] + bias[o] for the pixels p of window q)

A row of `a` is what a pixel is computed from: a window of the image, K = KH KW C numbers, in a standard
convolution; a pixel of the depthwise convolution, K = C numbers, in a separable one. Neither `a` nor z
exists as a whole. A band of rows of y is computed at a time, so few that its part of `a` and z stays in the
processor's cache; what is written is y and one byte per element of y, the place of the maximum in its window.

Within a band the pixels are in the order of their places: first those at place 0 of their windows, in the
order of the windows, then those at place 1, and so on. Pooling then runs along whole rows of such `planes`,
and its reverse too. Windows do not overlap, and pixels that belong to none are not computed at all.

Backward computes `a` once more, which is cheaper than fetching it from memory, and puts the gradient of y
where the maxima were: g is dz, mostly zeros. Then

    dweight = a^T dz,    dbias = sum_p dz[p],    da = dz weight^T

and da goes back to the image, all while the band is in the cache.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..kernels.compiling import blocks, inner_kernel, quiet
from ..kernels.geometry import Pads, Pair, output_size
from ..kernels.memory import empty
from ..kernels.threads import num_threads

OFF = 255  # the place of a maximum that ReLU set to zero, or that is NaN: no gradient passes
_BLOCKS = 16  # pieces of a batch, each with sums of its own
_PIXELS = 256  # of the convolution in a piece, at least, unless that leaves fewer than four
_BAND = 32 * 1024  # numbers in a band's part of `a`, or of z
_PRODUCT = 1_000_000  # rows times columns times K: OpenBLAS multiplies less than that without rearranging


class Sizes(NamedTuple):
    """The sizes that the loops share."""

    C: int
    KH: int
    KW: int
    top: int  # padding of the image
    left: int
    HP: int  # height and width of the image with its padding
    WP: int
    SH: int  # height and width of a pooling window
    SW: int
    PH: int  # height and width of y
    PW: int
    pitch: int  # pixels in a row of a plane, PW or more
    band: int  # rows of y in a band


@lru_cache(maxsize=1024)
def sizes_of(
    x_shape: tuple[int, ...], kernel: Pair, pads: Pads, window: Pair, K: int, O: int, by_phases: bool
) -> Sizes:
    """The sizes for images (N, H, W, C). With `by_phases` rows of planes are as wide as the image allows."""
    N, H, W, C = x_shape
    (top, bottom), (left, right) = pads
    OH, OW = output_size((H, W), kernel, (1, 1), pads)
    PH, PW = OH // window[0], OW // window[1]
    WP = left + W + right
    pitch = -(-WP // window[1]) if by_phases else PW
    pixels = min(_BAND // max(K, O), _PRODUCT // (K * O))
    band = max(1, min(N * PH, pixels // (window[0] * window[1] * pitch)))
    return Sizes(C, *kernel, top, left, top + H + bottom, WP, *window, PH, PW, pitch, band)


@lru_cache(maxsize=1024)
def edges_of(images: int, sizes: Sizes) -> np.ndarray:
    """The edges of blocks of images: few where there is little to compute, as each has sums of its own."""
    enough = images * sizes.PH * sizes.SH * sizes.PW * sizes.SW // _PIXELS
    return blocks(images, min(_BLOCKS, max(4, enough)))


def pixels_in_band(sizes: Sizes) -> int:
    """The pixels of the convolution behind a whole band."""
    return sizes.SH * sizes.SW * sizes.band * sizes.pitch


def scratch(lengths: list[int], dtype: np.dtype) -> tuple[np.ndarray, tuple[int, ...]]:
    """A row of scratch for each thread, and where in it the parts of these lengths begin, then its end."""
    starts = np.cumsum([0, *(-(-length // 16) * 16 for length in lengths)]).tolist()
    return empty((num_threads(), starts[-1]), dtype), tuple(starts)


def channel_sums(partial: np.ndarray, channels: int) -> np.ndarray:
    """The sums over the first axis, the blocks, and over the pixels of a row: (B, ..., W C) -> (..., C)."""
    with quiet():
        total = partial.sum(axis=0, dtype=np.float64)
        return total.reshape(*total.shape[:-1], -1, channels).sum(axis=-2).astype(partial.dtype)


@inner_kernel
def pool(z, bias, sizes, y, places):
    """Bias, ReLU and pooling of a band: z (SH SW planes, rows, pitch O) -> y and places (rows, PW O)."""
    rows, L = y.shape
    length = L // sizes.PW * sizes.pitch
    for i in range(rows):
        row, place = y[i], places[i]
        if sizes.SH == 2 and sizes.SW == 2:
            z0, z1 = z[i * length :], z[(rows + i) * length :]
            z2, z3 = z[(2 * rows + i) * length :], z[(3 * rows + i) * length :]
            for j in range(L):
                b = bias[j]
                best, at = z0[j] + b, 0
                value = z1[j] + b
                larger = value > best or value != value  # a NaN wins, and stays
                best, at = value if larger else best, 1 if larger else at
                value = z2[j] + b
                larger = value > best or value != value
                best, at = value if larger else best, 2 if larger else at
                value = z3[j] + b
                larger = value > best or value != value
                best, at = value if larger else best, 3 if larger else at
                row[j] = 0 if best <= 0 else best
                place[j] = at if best > 0 else OFF
        else:
            row[:] = 0
            place[:] = OFF
            for k in range(sizes.SH * sizes.SW):
                plane = z[(k * rows + i) * length :]
                for j in range(L):
                    value, best, at = plane[j] + bias[j], row[j], place[j]
                    row[j] = value if value > best or value != value else best
                    place[j] = OFF if value != value else k if value > best else at


@inner_kernel
def unpool(g, places, sizes, dz, dbias):
    """The reverse: each g (rows, PW O) goes to the place of its maximum, dz is zero elsewhere.

    dbias (PW O) is added to.
    """
    rows, L = g.shape
    length = L // sizes.PW * sizes.pitch
    for i in range(rows):
        row, place = g[i], places[i]
        for j in range(L):
            value = row[j]
            dbias[j] += value if place[j] != OFF else 0
        for k in range(sizes.SH * sizes.SW):
            plane = dz[(k * rows + i) * length : (k * rows + i + 1) * length]
            for j in range(L):
                value = row[j]
                plane[j] = value if place[j] == k else 0
            plane[L:] = 0


@inner_kernel
def with_padding(image, sizes, scratch):
    """The image (H, W C) with its padding, (HP, WP C): itself, or a copy in `scratch`, zero at first."""
    L = sizes.WP * sizes.C
    if image.shape[0] == sizes.HP and image.shape[1] == L:
        return image
    padded = scratch[: sizes.HP * L].reshape(sizes.HP, L)
    for h in range(image.shape[0]):
        target = padded[sizes.top + h, sizes.left * sizes.C :]
        for j in range(image.shape[1]):
            target[j] = image[h, j]
    return padded


# Images of one channel. A window's row of KW numbers is too short for a loop; one tap of many windows is a
# long row, once pixels that stand at the same place of the pooling windows, a "phase", stand side by side.


def numbers_in_phases(sizes: Sizes) -> int:
    """The numbers in the phases of an image; a tap of the last pixels may look up to KW numbers further."""
    return sizes.SH * sizes.SW * -(-sizes.HP // sizes.SH) * sizes.pitch + sizes.KW


@lru_cache(maxsize=1024)
def shifts_of(sizes: Sizes) -> np.ndarray:
    """Where in the phases the row begins that a tap sees from the pixels at a place: (SH SW, KH KW), int64.

    They follow in the order of the windows: those of a row of y, then some that mean nothing where the pitch
    is more than PW, then the next row.
    """
    h = np.arange(sizes.SH)[:, None, None, None] + np.arange(sizes.KH)[:, None]
    w = np.arange(sizes.SW)[:, None, None] + np.arange(sizes.KW)
    phase = h % sizes.SH * sizes.SW + w % sizes.SW
    row = phase * -(-sizes.HP // sizes.SH) + h // sizes.SH
    return (row * sizes.pitch + w // sizes.SW).reshape(sizes.SH * sizes.SW, sizes.KH * sizes.KW)


@inner_kernel
def split(image, sizes, phases):
    """phases[((u SW + v) rows + i) pitch + j] = pixel (i SH + u, j SW + v) of an image (H, W) with its
    padding. `phases` is zero at first.
    """
    rows = -(-sizes.HP // sizes.SH)
    for h in range(image.shape[0]):
        i, u = (h + sizes.top) // sizes.SH, (h + sizes.top) % sizes.SH
        for w in range(min(sizes.SW, image.shape[1])):
            j, v = (w + sizes.left) // sizes.SW, (w + sizes.left) % sizes.SW
            source = image[h, w :: sizes.SW]
            target = phases[((u * sizes.SW + v) * rows + i) * sizes.pitch + j :]
            for k in range(len(source)):
                target[k] = source[k]

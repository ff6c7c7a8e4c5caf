"""Chains of convolution, batch norm and ReLU in training: one pass over memory per convolution.

Layer by layer, each of the three writes its result and the next one reads it, and backward reads them all
again. In a chain only the convolutions' outputs z are kept. The batch norm of a convolution can only be
applied when the last image has gone through it, so the next convolution applies it, with the ReLU, to each
number it reads. `normed_rows.py` has the formulas; this file says in which order things happen.

Known here are 3x3 depthwise convolutions of stride 1 or 2 and pointwise ones, without bias; and at the
beginning of a chain a standard convolution of images with few channels, as a product with their windows.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..kernels import conv
from ..kernels.compiling import blocks, ready
from ..kernels.geometry import corner
from ..kernels.memory import aligned, empty
from ..kernels.threads import num_threads, region
from ..nn.module import Module
from ..tensor import Op, Tensor
from ..watching import watched
from . import normed_rows
from .link import Link, find, is_group
from .normed_depthwise import DZ_RING, RING
from .normed_links import Geometry, link_backward, link_forward
from .plan import images

_BLOCKS = 32  # pieces of a batch, each with sums of its own
_ROWS = 32  # rows of images in a block, at least, unless that leaves fewer than four blocks
_PARTIAL = 2**17  # numbers in the partial gradients of a weight, at most, unless two pieces have more
_LINES = 2**16  # numbers of activations and gradients that a matrix product works on at a time
_PIXELS = 512  # and at least so many pixels, for a fast product


class Reading(NamedTuple):
    """An array (N, H, W C), and what its reader applies to it: scale and shift, then limits.

    rows: (3, W C), scale, shift and the array's mean.
    """

    z: np.ndarray
    rows: np.ndarray
    limits: np.ndarray

    @property
    def applied(self) -> tuple[np.ndarray, ...]:
        return self.z, self.rows, self.limits


class ConvNormReLU(Op):
    """y = relu(batch_norm(convolution(...))), for each link in turn, with the statistics of this batch.

    Inputs: x (N, H, W, C), then for each link weight, gamma and beta. `statistics` holds for each link the
    mean and the biased variance, (2, C).
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self.links = links
        self.statistics: list[np.ndarray] = []

    @property
    def name(self) -> str:
        return f"ConvNormReLU x {len(self.links)}"

    def forward(self, x, *parameters):
        self.save(x, *parameters)
        reading = self._entrance(x)
        self.readings, self.factors = [reading], []
        self.scratch = _scratch(self.links, x.dtype)
        with region:
            for link, (weight, gamma, beta) in zip(self.links, _triples(parameters), strict=True):
                reading = watched(link, "forward", self._forward, link, reading, weight, gamma, beta)
                if any(self.needs_input_grad):
                    self.readings.append(reading)
            return self._exit(reading)

    def backward(self, grad):
        x, *parameters = self.saved
        triples = _triples(parameters)
        gradients: list[np.ndarray] = []
        with region:
            g, sums = self._masked(grad)
            for place in reversed(range(len(self.links))):
                weight, gamma, _ = triples[place]
                wanted = place > 0 or self.needs_input_grad[0]
                g, sums, found = watched(
                    self.links[place], "backward", self._backward, place, g, sums, weight, gamma, wanted
                )
                gradients = [*found, *gradients]
        return [self._left(g, x) if self.needs_input_grad[0] else None, *gradients]

    # From the images into the chain, and out of it

    def _entrance(self, x: np.ndarray) -> Reading:
        """What the first convolution reads: the images, or for a standard convolution their windows."""
        first = self.links[0]
        if first.is_standard:
            stride = (first.stride, first.stride)
            x = conv.windows(x, first.convolution.kernel_size, stride, first.pads)
        row = x.shape[2] * x.shape[3]
        rows = aligned((3, row), x.dtype)
        rows[:] = 0
        rows[0] = 1
        return Reading(ready(x).reshape(*x.shape[:2], row), rows, _limits((-np.inf, np.inf), x.dtype))

    def _left(self, g: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The gradient of the images, from that of what the first convolution read."""
        first = self.links[0]
        if not first.is_standard:
            return g.reshape(x.shape)
        windows = g.reshape(len(x), *first.output_size, first.channels[0])
        stride = (first.stride, first.stride)
        return conv.windows_grad(windows, x.shape, first.convolution.kernel_size, stride, first.pads)

    def _exit(self, reading: Reading) -> np.ndarray:
        a = empty(reading.z.shape, reading.z.dtype)
        normed_rows.activations(*reading.applied, _edges(len(a), _BLOCKS), a.reshape(-1, a.shape[2]))
        return a.reshape(len(a), *self.links[-1].output_size, self.links[-1].channels[1])

    def _masked(self, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reading = self.readings[-1]
        edges = _edges(len(grad), _BLOCKS)
        sums = np.empty((len(edges) - 1, 2, self.links[-1].channels[1]))
        g = empty(reading.z.shape, grad.dtype)
        normed_rows.masked(ready(grad).reshape(-1, g.shape[2]), *reading.applied, edges, g, sums)
        return g, sums

    # One convolution

    def _forward(self, link, reading, weight, gamma, beta) -> Reading:
        N, (OH, OW), O = len(reading.z), link.output_size, link.channels[1]
        edges = _edges_of(link, N)
        y = empty((N, OH, OW * O), reading.z.dtype)
        moments, statistics = np.empty((len(edges) - 1, 2, O)), np.empty((2, O), y.dtype)
        rows, factors = aligned((3, OW * O), y.dtype), _factors(link, weight)
        self.factors.append(factors)
        link_forward(
            *reading.applied, factors, _numbers(link), edges, self.scratch, y, gamma, beta, link.norm.eps,
            moments, statistics, rows,
        )  # fmt: skip
        self.statistics.append(statistics)
        return Reading(y, rows, _limits(link.limits, y.dtype))

    def _backward(self, place, g, sums, weight, gamma, wanted):
        """The g and the sums of the link before, and this link's gradients of weight, gamma and beta."""
        link, below, above = self.links[place], self.readings[place], self.readings[place + 1]
        (_, OW), (C, O) = link.output_size, link.channels
        dgamma, dbeta = np.empty_like(gamma), np.empty_like(gamma)
        pqr = aligned((3, OW * O), g.dtype)
        edges = _edges_of(link, len(g))
        lower = np.empty((len(edges) - 1, 2, C))
        # Each row of g is read before it is written, but for stride 2, which writes two rows for one.
        in_place = wanted and link.stride == 1 and g.shape == below.z.shape
        separate = empty(below.z.shape if wanted and not in_place else (0, *below.z.shape[1:]), g.dtype)
        parts = empty((len(edges) - 1, *((9, C) if link.is_depthwise else (C, O))), g.dtype)
        dweight = np.empty(parts.shape[1:], g.dtype)
        link_backward(
            g, above.z, sums, gamma, link.norm.eps, self.statistics[place], dgamma, dbeta, pqr,
            *below.applied, self.factors[place], _numbers(link), edges, self.scratch, separate, in_place,
            lower, parts, dweight,
        )  # fmt: skip
        self.readings.pop()  # its memory serves the links before
        return g if in_place else separate, lower, (dweight.reshape(weight.shape), dgamma, dbeta)


def _triples(parameters: Sequence[Any]) -> list[tuple[Any, Any, Any]]:
    return list(zip(parameters[::3], parameters[1::3], parameters[2::3], strict=True))


@lru_cache
def _limits(floor_and_ceiling: tuple[float, float], dtype: np.dtype) -> np.ndarray:
    return np.array(floor_and_ceiling, dtype)


def _factors(link: Link, weight: np.ndarray) -> np.ndarray:
    """A pointwise weight as it is, (C, O); a depthwise one (3, 3, C) repeated for every pixel of a padded
    row: (9, (OW + 2) C).
    """
    if not link.is_depthwise:
        return ready(weight).reshape(link.channels)
    C, OW = weight.shape[2], link.output_size[1]
    along = aligned((9, (OW + 2) * C), weight.dtype)
    along.reshape(9, OW + 2, C)[:] = weight.reshape(9, 1, C)
    return along


# How the work is cut. Nothing of it may depend on the number of threads but the rows of scratch.


@lru_cache(maxsize=1024)
def _edges(total: int, count: int) -> np.ndarray:
    return blocks(total, count)


def _edges_of(link: Link, images: int) -> np.ndarray:
    C, O = link.channels
    weight = 9 * C if link.is_depthwise else C * O
    enough = max(4, images * link.output_size[0] // _ROWS)
    return _edges(images, min(_BLOCKS, enough, max(2, _PARTIAL // weight)))


def _lines(link: Link) -> int:
    """The rows of images that a product takes at a time: few enough for the cache, enough for BLAS."""
    (_, W), (C, O) = link.output_size, link.channels
    return max(_LINES // (W * (C + O)), -(-_PIXELS // W), 1)


@lru_cache(maxsize=1024)
def _numbers(link: Link) -> tuple[int, ...]:
    if link.is_depthwise:
        return tuple(Geometry(link.stride, *corner(link.pads), 0))
    return tuple(Geometry(0, 0, 0, _lines(link)))


def _scratch(links: Sequence[Link], dtype: np.dtype) -> np.ndarray:
    """One row for each thread, long enough for every link."""
    return empty((num_threads(), max(_scratch_size(link) for link in links)), dtype)


def _scratch_size(link: Link) -> int:
    (_, OW), (C, O) = link.output_size, link.channels
    if not link.is_depthwise:
        return _lines(link) * OW * (C + O)
    padded = link.stride * (OW + 2 // link.stride) * C
    return (RING + 2) * padded + DZ_RING * (OW + 4) * C + link.input_size[1] * C


# Where it applies


def match(layers: Sequence[Module], start: int) -> tuple[int, ChainStep] | None:
    """The chain that begins at a layer, as long as it goes."""
    count = 0
    while is_group(layers[start + count : start + count + 3], first=count == 0):
        count += 3
    return (count, ChainStep(layers[start : start + count])) if count else None


class ChainStep:
    """Runs the layers of a chain together."""

    def __init__(self, layers: Sequence[Module]) -> None:
        self.groups = [tuple(layers[i : i + 3]) for i in range(0, len(layers), 3)]

    def __call__(self, inputs: Any) -> Tensor | None:
        x = images(inputs)
        links = None if x is None else self._links(x)
        if x is None or links is None:
            return None
        parameters = [
            parameter
            for link in links
            for parameter in (link.convolution.weight, link.norm.gamma, link.norm.beta)
        ]
        op = ConvNormReLU(links)
        y = op(x, *parameters)
        for link, (mean, var) in zip(links, op.statistics, strict=True):
            link.norm.remember(mean, var, len(x) * link.output_size[0] * link.output_size[1])
        return y

    def _links(self, x: Tensor) -> list[Link] | None:
        """The links for images of this size, or None if one of the layers has to speak for itself."""
        shape, links = x.shape[1:], []
        for group in self.groups:
            link = find(group, shape)
            fits = link is not None and len(x) * link.output_size[0] * link.output_size[1] > 1
            if link is None or not fits or link.norm.gamma.dtype != x.dtype:
                return None
            shape = (*link.output_size, link.channels[1])
            links.append(link)
        return links

"""Arguments for every kernel: the sizes, strides and paddings at which loops go wrong."""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinynet.kernels
from tinynet.kernels.geometry import output_size, resolve_padding

# Image (N, H, W, C), window, stride, padding.
GEOMETRIES = [
    ((1, 5, 5, 1), (3, 3), (1, 1), "valid"),
    ((2, 6, 5, 3), (3, 3), (1, 1), "same"),
    ((2, 8, 6, 3), (3, 3), (2, 2), "same"),  # asymmetric: one more at the bottom and right
    ((2, 7, 9, 8), (3, 3), (2, 2), "same"),
    ((1, 7, 9, 3), (2, 3), (3, 2), ((0, 1), (1, 0))),
    ((1, 6, 6, 8), (5, 5), (1, 1), "same"),
    ((1, 4, 3, 33), (3, 3), (1, 1), ((2, 1), (0, 2))),
    ((2, 4, 5, 37), (1, 2), (1, 1), "valid"),
    ((3, 3, 3, 3), (3, 3), (1, 1), "valid"),  # one window in the image
    ((1, 9, 9, 1), (3, 3), (3, 3), 2),
    ((1, 8, 7, 3), (2, 2), (2, 2), "valid"),  # a column is left over
    ((2, 5, 7, 3), (1, 1), (1, 1), "valid"),
    ((2, 5, 7, 3), (1, 1), (3, 2), "valid"),  # pixels no window reads
    ((2, 1, 1, 8), (3, 3), (2, 2), "same"),
]


def pooling_geometries() -> Iterator[tuple]:
    """Those whose every window touches the image, and the common windows of pooling."""
    yield from (g for g in GEOMETRIES if g[3] != 2)
    yield (2, 7, 8, 3), (3, 3), (2, 2), "valid"  # overlapping
    yield (2, 6, 6, 5), (2, 2), (2, 2), "same"
    yield (1, 18, 18, 2), (17, 17), (1, 1), "valid"  # more taps than a byte counts


MATRICES = [(1, 1, 1), (5, 3, 4), (3, 50, 20), (40, 40, 2), (70, 4, 33), (2, 1, 7), (33, 70, 1)]  # R, K, O
ROWS = [(1, 3), (7, 1), (50, 5), (300, 70)]  # R, C
SHAPES = [(), (7,), (3, 4, 5), (140_001,)]  # the last is cut into blocks


def arguments(name: str, dtype: type) -> list[tuple]:
    """Argument tuples for the kernel `name`."""
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    return list(_CASES[name](normal))


def kernels() -> dict[str, Callable[..., Any]]:
    """Every public function from arrays to arrays of the package, by name."""
    found = {}
    for module in _modules():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__
            if own and not name.startswith("_") and not name.endswith("_definition"):
                found[name] = function
    return found


def definition(function: Callable[..., Any]) -> Callable[..., Any]:
    """The plain-Python twin that stands beside a kernel."""
    return getattr(inspect.getmodule(function), function.__name__ + "_definition")


def tested() -> set[str]:
    """The kernels that have arguments here."""
    return set(_CASES)


def _modules() -> Iterator[Any]:
    for module in pkgutil.iter_modules(tinynet.kernels.__path__):
        if module.name not in ("geometry", "compiling", "threads", "cores", "memory", "update", "blas"):
            yield importlib.import_module(f"tinynet.kernels.{module.name}")


def _convolutions(weight_shape: Callable[..., tuple], out_channels: Callable[..., int]):
    """Three case makers, for a convolution and its two gradients."""

    def each(normal):
        for i, ((N, H, W, C), kernel, stride, padding) in enumerate(GEOMETRIES):
            pads = resolve_padding(padding, (H, W), kernel, stride)
            extra = i % 3 + 1  # output channels, or the depth multiplier
            outputs = out_channels(C, extra)
            x, weight = normal(N, H, W, C), normal(*kernel, *weight_shape(C, extra))
            g = normal(N, *output_size((H, W), kernel, stride, pads), outputs)
            bias = normal(outputs) if i % 2 else None
            yield x, weight, bias, g, stride, pads

    def forward(normal):
        for x, weight, bias, _, stride, pads in each(normal):
            yield x, weight, bias, stride, pads

    def grad_input(normal):
        for x, weight, _, g, stride, pads in each(normal):
            yield g, weight, x.shape, stride, pads

    def grad_weight(normal):
        for x, weight, _, g, stride, pads in each(normal):
            yield x, g, weight.shape, stride, pads

    return forward, grad_input, grad_weight


def _pooling(normal):
    for (N, H, W, C), size, stride, padding in pooling_geometries():
        pads = resolve_padding(padding, (H, W), size, stride)
        # Halves only, so that ties are common.
        x = np.round(2 * normal(N, H, W, C)) / 2
        g = normal(N, *output_size((H, W), size, stride, pads), C)
        yield x, g, size, stride, pads


def _max_pool_grad(normal):
    from tinynet.kernels.pool import max_pool2d_definition

    for x, g, size, stride, pads in _pooling(normal):
        _, argmax = max_pool2d_definition(x, size, stride, pads)
        yield g, argmax, x.shape, size, stride, pads


def _relus(normal):
    """Three arrays of one shape, the last an output with zeros and sixes, and a limit."""
    for limit in (np.inf, 6.0):
        for shape in SHAPES:
            x = 5 * normal(*shape)
            y = np.clip(5 * normal(*shape), 0, limit)
            y.flat[0] = 3
            yield x, y, limit


def _dropouts(normal):
    for shape in SHAPES:
        x = normal(*shape)
        chance = np.abs(normal(*shape)).astype(np.float32) % 1
        chance.flat[0] = 0.75
        yield x, chance, 0.3


def _windowed(normal):
    """Images, a weight whose window is meant, stride and padding."""
    return ((x, weight, stride, pads) for x, weight, _, stride, pads in _conv[0](normal))


def _windows_grad(normal):
    for x, weight, stride, pads in _windowed(normal):
        size = output_size(x.shape[1:3], weight.shape[:2], stride, pads)
        g = normal(len(x), *size, weight[..., 0].size)
        yield g, x.shape, weight.shape[:2], stride, pads


def _losses(normal):
    for N, K in [(1, 2), (7, 3), (50, 10), (3, 200)]:
        z, t = normal(N, K), np.abs(normal(N, K))
        yield z, np.eye(K, dtype=z.dtype)[np.arange(N) % K] if K == 10 else t / t.sum(axis=1, keepdims=True)


def _warps(normal):
    """Images, and matrices that leave them as they are, or read far beyond their borders."""
    for (N, H, W, C), spread in (((1, 3, 4, 1), 0), ((2, 7, 5, 3), 1), ((3, 1, 6, 2), 3)):
        matrices = spread * normal(N, 2, 3) + np.eye(2, 3)
        matrices[:, :, 2] *= 4
        yield normal(N, H, W, C), matrices


_conv = _convolutions(lambda C, O: (C, O), lambda C, O: O)
_depthwise = _convolutions(lambda C, M: (C, M), lambda C, M: C * M)
_CASES: dict[str, Callable[..., Any]] = {
    "conv2d": _conv[0],
    "conv2d_grad_input": _conv[1],
    "conv2d_grad_weight": _conv[2],
    "windows": lambda normal: ((x, w.shape[:2], stride, pads) for x, w, stride, pads in _windowed(normal)),
    "windows_grad": _windows_grad,
    "depthwise_conv2d": _depthwise[0],
    "depthwise_conv2d_grad_input": _depthwise[1],
    "depthwise_conv2d_grad_weight": _depthwise[2],
    "matmul": lambda normal: (
        (normal(R, K), normal(K, O), normal(O) if R % 2 else None) for R, K, O in MATRICES
    ),
    "matmul_grad_a": lambda normal: ((normal(R, O), normal(K, O)) for R, K, O in MATRICES),
    "matmul_grad_b": lambda normal: ((normal(R, K), normal(R, O)) for R, K, O in MATRICES),
    "column_sum": lambda normal: ((normal(R, C),) for R, C in ROWS),
    "max_pool2d": lambda normal: (
        (x, size, stride, pads) for x, _, size, stride, pads in _pooling(normal)
    ),
    "max_pool2d_grad": _max_pool_grad,
    "avg_pool2d": lambda normal: (
        (x, size, stride, pads) for x, _, size, stride, pads in _pooling(normal)
    ),
    "avg_pool2d_grad": lambda normal: (
        (g, x.shape, size, stride, pads) for x, g, size, stride, pads in _pooling(normal)
    ),
    "moments": lambda normal: ((normal(R, C) + 3,) for R, C in ROWS),
    "scale_shift": lambda normal: ((normal(R, C), normal(C), normal(C)) for R, C in ROWS),
    "softmax_cross_entropy": _losses,
    "relu": lambda normal: ((x, limit) for x, _, limit in _relus(normal)),
    "relu_grad": _relus,
    "dropout": _dropouts,
    "warp": _warps,
    "dropout_grad": lambda normal: ((x, chance > rate, rate) for x, chance, rate in _dropouts(normal)),
    "batch_norm_grad": lambda normal: (
        (normal(R, C), normal(R, C), normal(C), normal(C), normal(C)) for R, C in ROWS
    ),
}

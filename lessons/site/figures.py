"""What the pages with moving figures need from tinynet: counts, the trained network and test images.

A page that is opened as a file may not fetch data, but may load scripts; so the data come as scripts. None of
them is kept in the project: the weights are the package's own, the images the reader's.
"""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.nn import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAvgPool2D,
    PointwiseConv2D,
    ReLU,
    SeparableConv2D,
    Sequential,
)

NETWORK = "mobilenet-28"
IMAGES = 60


def count_table(side: int = 6) -> str:
    """Multiply-adds of standard and separable convolutions as the layers count them, in Markdown."""
    lines = [
        "| $M$ | $N$ | $D_K$ | standard | separable | ratio |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for M, N, K in ((3, 1, 3), (3, 2, 3), (3, 4, 3), (3, 8, 3), (4, 8, 3), (3, 4, 5), (3, 8, 5), (4, 8, 5)):
        standard = Conv2D(M, N, K).multiply_adds((side, side, M))
        separable = SeparableConv2D(M, N, K).multiply_adds((side, side, M))
        lines.append(f"| {M} | {N} | {K} | {standard:,} | {separable:,} | {separable / standard:.3f} |")
    return "\n".join(lines)


def write_data(folder: Path) -> str:
    """Write weights.js and images.js into a folder; returns a sentence that says what the images are."""
    folder.mkdir(parents=True, exist_ok=True)
    test = images()
    weights = {"layers": encoded(folded(tn.models.build(NETWORK, pretrained=True)))}
    pixels = np.rint(test.images * 255).astype(np.uint8)
    shown = {"classes": test.class_names, "labels": test.labels.tolist(), "pixels": text(pixels)}
    for name, value in (("weights", weights), ("images", shown)):
        code = f"const {name} = {json.dumps(value)};\n"
        (folder / f"{name}.js").write_text(code, encoding="utf-8")
    if test.name == "fashion-mnist":
        return f"The images are the first {len(test)} test images of Fashion-MNIST: none was trained on."
    return (
        f"Fashion-MNIST was not found when this page was made. The images are {len(test)} garments that "
        "tinynet drew; the network was trained on real ones, and is wrong more often."
    )


def images() -> tn.data.Dataset:
    """The first test images of Fashion-MNIST, or garments where it is not to be had."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.data.FallbackWarning)  # the page says it
        return tn.data.load("auto", limit=1).test.take(IMAGES)


def folded(model: Sequential) -> list[dict[str, Any]]:
    """The layers of a network in evaluation as network.js takes them.

    A convolution, w x + b, and the batch norm behind it, (y - mean) / sqrt(var + eps) gamma + beta, are one
    convolution: with scale = gamma / sqrt(var + eps), its weight is w scale and its bias (b - mean) scale +
    beta. Pointwise and dense layers are convolutions with kernels of one pixel. All paddings are "same".
    """
    layers: list[dict[str, Any]] = []
    for layer in model.layers:
        if isinstance(layer, BatchNorm):
            scale = layer.gamma.numpy() / np.sqrt(layer.running_var.astype(np.float64) + layer.eps)
            before = layers[-1]
            before["weight"] = before["weight"] * scale
            before["bias"] = (before["bias"] - layer.running_mean) * scale + layer.beta.numpy()
        elif isinstance(layer, ReLU):
            layers[-1]["relu"] = True
        elif isinstance(layer, GlobalAvgPool2D):
            layers.append({"kind": "mean"})
        elif not isinstance(layer, Dropout):
            layers.append(_convolution(layer))
    return layers


def _convolution(layer: Any) -> dict[str, Any]:
    """A layer with weights, before the batch norm and the ReLU behind it are known."""
    windowed = isinstance(layer, Conv2D | DepthwiseConv2D) and layer.padding == "same"
    if not windowed and not isinstance(layer, PointwiseConv2D | Dense):
        raise TypeError(f"network.js has no layer like {layer!r}.")
    weight = layer.weight.numpy()
    return {
        "kind": "depthwise" if isinstance(layer, DepthwiseConv2D) else "convolution",
        "kernel": layer.kernel_size[0] if windowed else 1,
        "stride": layer.stride[0] if windowed else 1,
        "weight": weight,
        "bias": np.zeros(weight.shape[-1]) if layer.bias is None else layer.bias.numpy(),
    }


def encoded(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with arrays as text, in float32."""
    return [
        {key: text(value.astype("<f4")) if key in ("weight", "bias") else value for key, value in one.items()}
        for one in layers
    ]


def text(array: np.ndarray) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(array.tobytes()).decode("ascii")

"""MobileNet's own tables: what the paper prints (arXiv 1704.04861) beside what our network counts.

The page `docs/mobilenet.md` is this module's output, `tinynet summary mobilenet --tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..models import build
from ..models.mobilenet import BLOCKS, STEM_CHANNELS
from ..nn import (
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAvgPool2D,
    Module,
    PointwiseConv2D,
    ReLU,
    Sequential,
)

IMAGE = (224, 224, 3)
CLASSES = 1000
KINDS = {
    "1x1 convolution": PointwiseConv2D,
    "3x3 depthwise convolution": DepthwiseConv2D,
    "3x3 convolution": Conv2D,
    "dense": Dense,
}
# What the paper prints: shares in percent, multiply-adds and parameters in millions.
TABLE_2 = {
    "1x1 convolution": (94.86, 74.59),
    "3x3 depthwise convolution": (3.06, 1.06),
    "3x3 convolution": (1.19, 0.02),
    "dense": (0.18, 24.33),
}
TABLE_4 = {"Convolutions only": (4866, 29.3), "MobileNet": (569, 4.2)}
TABLE_6 = {1.0: (569, 4.2), 0.75: (325, 2.6), 0.5: (149, 1.3), 0.25: (41, 0.5)}
TABLE_7 = {224: (569, 4.2), 192: (418, 4.2), 160: (290, 4.2), 128: (186, 4.2)}
KERAS = {1.0: 4_253_864, 0.75: 2_601_976, 0.5: 1_342_536, 0.25: 475_544}

INTRODUCTION = """\
# MobileNet, counted

`tinynet summary mobilenet --tables` writes this page: what our network counts beside the tables of
Howard et al. 2017, "MobileNets: efficient convolutional neural networks for mobile vision applications"
([arXiv 1704.04861](https://arxiv.org/abs/1704.04861)). `tinynet summary mobilenet --width W --resolution R`
shows any one of these networks layer by layer.

Counted as the paper counts: a product and its addition are one multiply-add, those of convolutions and dense
layers alone. Parameters are those that are trained. Images are 224x224x3 and classes 1,000 unless a table
says otherwise.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([INTRODUCTION, _table_2(), _table_4(), _table_6(), _table_7(), _keras()])


def shares() -> dict[str, tuple[float, float]]:
    """Percent of the multiply-adds and of the weights, by kind of layer; biases and batch norm left out."""
    model = build("mobilenet")
    products = dict.fromkeys(KINDS, 0)
    weights = dict.fromkeys(KINDS, 0)
    kind_of = {layer_class: kind for kind, layer_class in KINDS.items()}
    for layer, before, _ in model.steps(IMAGE):
        kind = kind_of.get(type(layer))
        if kind is not None:
            products[kind] += layer.multiply_adds(before)
            weights[kind] += layer.weight.size  # type: ignore[attr-defined]  # each of these has one
    return {
        kind: (100 * products[kind] / sum(products.values()), 100 * weights[kind] / sum(weights.values()))
        for kind in KINDS
    }


def convolutional() -> Sequential:
    """MobileNet with a standard 3x3 convolution in place of each depthwise and pointwise pair (table 4)."""
    layers: list[Module] = []
    channels = IMAGE[-1]
    for out_channels, stride in ((STEM_CHANNELS, 2), *BLOCKS):
        layers += [
            Conv2D(channels, out_channels, kernel_size=3, stride=stride, padding="same", bias=False),
            BatchNorm(out_channels),
            ReLU(),
        ]
        channels = out_channels
    return Sequential(*layers, GlobalAvgPool2D(), Dense(channels, CLASSES))


def counts(width: float = 1.0, resolution: int = 224) -> tuple[int, int, int]:
    """(multiply-adds, trained parameters, all parameters with the running statistics) of a MobileNet."""
    model = build("mobilenet", width=width, resolution=resolution)
    trained = model.parameter_count(trainable_only=True)
    return model.multiply_adds((resolution, resolution, 3)), trained, model.parameter_count()


def _table_2() -> str:
    ours = shares()
    rows = [
        [kind, f"{paper[0]:.2f} %", f"{ours[kind][0]:.2f} %", f"{paper[1]:.2f} %", f"{ours[kind][1]:.2f} %"]
        for kind, paper in TABLE_2.items()
    ]
    header = ["kind of layer", *_columns("multiply-adds", "parameters")]
    note = (
        "The paper's shares of multiply-adds add up to 99.29 %: its 1.19 % for the first convolution is "
        "probably\n1.91 % with two digits exchanged. Its shares of the parameters are those without biases "
        "and batch norm.\n"
    )
    return _section("Table 2: by kind of layer", header, rows) + "\n" + note


def _table_4() -> str:
    standard = convolutional()
    products, trained, _ = counts()
    ours = {
        "Convolutions only": (standard.multiply_adds(IMAGE), standard.parameter_count(trainable_only=True)),
        "MobileNet": (products, trained),
    }
    rows = [[name, *_pair(paper, *ours[name])] for name, paper in TABLE_4.items()]
    dense = standard[-1].multiply_adds((BLOCKS[-1][0],))
    note = (
        f"The paper's {TABLE_4['Convolutions only'][0]:,} M leave the dense layer out: without it ours are "
        f"{(standard.multiply_adds(IMAGE) - dense) / 1e6:,.2f} M.\n"
    )
    return _section("Table 4: without separable convolutions", ["network", *_millions()], rows) + "\n" + note


def _table_6() -> str:
    rows = [[f"{width:g}", *_pair(paper, *counts(width)[:2])] for width, paper in TABLE_6.items()]
    return _section("Table 6: the width multiplier", ["width", *_millions()], rows)


def _table_7() -> str:
    rows = [[str(size), *_pair(paper, *counts(resolution=size)[:2])] for size, paper in TABLE_7.items()]
    return _section("Table 7: the resolution", ["resolution", *_millions()], rows)


def _keras() -> str:
    rows = [[f"{width:g}", f"{total:,}", f"{counts(width)[2]:,}"] for width, total in KERAS.items()]
    header = ["width", "Keras", "here"]
    note = (
        "Those of `keras.applications.MobileNet(weights=None, alpha=width)`, the running statistics of batch "
        "norm included.\n"
    )
    return _section("All parameters: Keras", header, rows) + "\n" + note


def _pair(paper: tuple[float, float], products: int, parameters: int) -> list[str]:
    return [f"{paper[0]:,} M", f"{products / 1e6:,.2f} M", f"{paper[1]} M", f"{parameters / 1e6:.3f} M"]


def _millions() -> list[str]:
    return _columns("multiply-adds", "parameters")


def _columns(*names: str) -> list[str]:
    return [f"{name}, {whose}" for name in names for whose in ("paper", "here")]


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)]
    return "\n".join([f"## {title}", "", *lines, ""])

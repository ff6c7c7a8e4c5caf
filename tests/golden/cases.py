"""What is compared: each layer, loss and optimiser with its options and inputs, in tinynet's layout.

A case names no framework's classes. Three modules run it: `ours`, `with_torch` and `with_keras`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .numbers import numbers

Arrays = dict[str, np.ndarray]

BOTH = ("torch", "keras")
TORCH, KERAS = ("torch",), ("keras",)
STEPS = 20


@dataclass(frozen=True)
class Case:
    """One call of a layer, a loss or an optimiser.

    arrays: what is differentiated, by name.  fixed: other arrays.
    by: the frameworks that can say it.  differs: those of them that mean something else by it.
    """

    kind: str
    what: str
    arrays: Arrays
    options: dict[str, Any] = field(default_factory=dict)
    fixed: Arrays = field(default_factory=dict)
    by: tuple[str, ...] = BOTH
    differs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the case in files and test reports."""
        return f"{self.kind}: {self.what}"

    def upstream(self, shape: tuple[int, ...]) -> np.ndarray:
        """The gradient that arrives from above."""
        return numbers(f"{self.name} upstream", *shape)


def case(kind: str, what: str, shapes: dict[str, tuple[int, ...]], by=BOTH, differs=(), **options) -> Case:
    """A case whose arrays are numbers of these shapes."""
    arrays = {name: numbers(f"{kind}: {what} {name}", *shape) for name, shape in shapes.items()}
    return Case(kind, what, arrays, options, by=by, differs=differs)


# Layers with a window

UNEVEN = ((0, 1), (2, 1))


def convolutions(kind: str, kernel: tuple[int, ...], channels: int, which: str = "") -> list[Case]:
    """Strides, paddings, odd sizes, even kernels, one image, no bias; `channels` of the output."""
    whole = {"x": (2, 5, 7, 3), "weight": (3, 3, *kernel), "bias": (channels,)}
    even_kernel = {"x": (1, 6, 5, 3), "weight": (4, 2, *kernel)}
    even_size = {"x": (1, 6, 8, 3), "weight": (3, 3, *kernel)}
    one, two = (1, 1), (2, 2)
    return [
        case(kind, f"{which}{what}", shapes, by, stride=stride, padding=padding)
        for what, shapes, by, stride, padding in (
            ("stride 1, valid", whole, BOTH, one, "valid"),
            ("stride 1, padding 1", whole, BOTH, one, 1),
            ("stride 1, uneven padding", whole, BOTH, one, UNEVEN),
            ("stride 1, same", whole, BOTH, one, "same"),
            ("stride 2, valid", whole, BOTH, two, "valid"),
            ("stride 2, padding 1", whole, BOTH, two, 1),
            ("stride 2, uneven padding", whole, BOTH, two, UNEVEN),
            ("stride 2, same, odd size", whole, KERAS, two, "same"),
            ("stride 2, same, even size, one image, no bias", even_size, KERAS, two, "same"),
            ("stride 1, same, even kernel, one image, no bias", even_kernel, BOTH, one, "same"),
        )
    ]


def uneven_strides(kind: str, kernel: tuple[int, ...], channels: int) -> Case:
    """Different strides down and across, which Keras does not take for depthwise convolutions."""
    shapes = {"x": (2, 7, 5, 3), "weight": (3, 2, *kernel), "bias": (channels,)}
    by = TORCH if kind == "depthwise" else BOTH
    return case(kind, "stride (2, 1), kernel (3, 2)", shapes, by, stride=(2, 1), padding="valid")


def pools(kind: str) -> list[Case]:
    """Windows with and without overlap, every padding, odd sizes, one image."""
    x = {"x": (2, 5, 7, 3)}
    cases = [
        case(kind, f"size {size}, stride {stride}, valid", x, size=size, stride=stride, padding="valid")
        for size, stride in (((2, 2), (2, 2)), ((3, 3), (1, 1)), ((2, 3), (1, 2)))
    ]
    cases += [
        case(kind, f"size 3, stride {stride}, same", x, KERAS, size=(3, 3), stride=stride, padding="same")
        for stride in ((1, 1), (2, 2))
    ]
    return [
        *cases,
        case(kind, "size 2, stride 2, same, odd size", x, KERAS, size=(2, 2), stride=(2, 2), padding="same"),
        case(kind, "size 3, stride 2, padding 1", x, TORCH, size=(3, 3), stride=(2, 2), padding=1),
        case(kind, "one image as a whole", {"x": (1, 4, 3, 2)}, size=(4, 3), stride=(4, 3), padding="valid"),
    ]


def ties() -> list[Case]:
    """Max pooling of images with few different values, where the gradient has to choose."""
    x = np.rint(numbers("ties", 2, 6, 7, 3))
    same = np.full((1, 5, 5, 2), -1.5, np.float32)
    windows = {
        "size 2": {"size": (2, 2), "stride": (2, 2), "padding": "valid"},
        "overlapping": {"size": (3, 3), "stride": (1, 1), "padding": "valid"},
        "padding 1": {"size": (3, 3), "stride": (2, 2), "padding": 1},
        "padding same": {"size": (3, 3), "stride": (2, 2), "padding": "same"},
    }
    by = {"padding 1": TORCH, "padding same": KERAS}
    return [
        Case("max_pool", f"ties, {image}, {what}", {"x": array}, window, by=by.get(what, BOTH))
        for image, array in (("few values", x), ("one negative value", same))
        for what, window in windows.items()
    ]


# Normalisation and activations


def batch_norms() -> list[Case]:
    """Both modes, rows and images, one image, other eps and momentum, values far from zero."""
    cases = []
    for mode in ("training", "evaluation"):
        for what, shape in (("rows", (6, 3)), ("images", (2, 3, 5, 4)), ("one image", (1, 3, 3, 2))):
            for momentum, eps in ((0.1, 1e-5), (0.25, 1e-3)):
                name = f"{mode}, {what}, momentum {momentum}, eps {eps}"
                gamma, beta, mean, var = (
                    numbers(f"{name} {key}", shape[-1]) for key in ("gamma", "beta", "mean", "var")
                )
                x = numbers(f"{name} x", *shape) + np.float32(0.5)
                cases.append(
                    Case(
                        "batch_norm",
                        name,
                        {"x": x, "gamma": gamma, "beta": beta},
                        {"training": mode == "training", "momentum": momentum, "eps": eps},
                        {"running_mean": mean, "running_var": np.abs(var) + np.float32(0.25)},
                    )
                )
    return cases


KINKS = np.array([[0.0, -0.0, 6.0, 1e-6, -1e-6, 5.9999995, 6.0000005, 7, -7, 3]], np.float32)


def activations() -> list[Case]:
    """Each on ordinary numbers, at its kinks, and where an exponential would overflow."""
    extreme = np.array([[-1000, -100, -20, 0, 20, 100, 1000], [0, 0, 0, 0, 0, 0, 0]], np.float32)
    cases = [case("sigmoid", "numbers", {"x": (4, 5)}), case("tanh", "numbers", {"x": (4, 5)})]
    for kind in ("relu", "relu6"):
        values = numbers(kind, 4, 6, 3) * 4
        cases += [Case(kind, "numbers", {"x": values}), Case(kind, "at the kinks", {"x": KINKS})]
    cases += [Case(kind, "extremes", {"x": extreme}) for kind in ("sigmoid", "tanh", "softmax")]
    cases += [
        case("softmax", "rows", {"x": (3, 5)}),
        case("softmax", "one row of images", {"x": (1, 2, 3, 4)}),
        case("dropout", "evaluation", {"x": (4, 6)}, rate=0.4, training=False),
        case("dropout", "training", {"x": (6, 8)}, rate=0.4, training=True),
        Case("maximum", "ties", {name: np.rint(numbers(name, 24)) for name in ("a", "b")}, differs=KERAS),
    ]
    return cases


# Losses


def losses() -> list[Case]:
    """Integer labels, rows of probabilities, label smoothing, one example, certainty of the wrong class."""
    logits = numbers("logits", 5, 4) * 3
    labels = np.array([2, 0, 3, 1, 0])
    rows = np.abs(numbers("rows", 5, 4)) + np.float32(0.1)
    rows = np.rint(rows / rows.sum(1, keepdims=True) * 256)
    rows[:, 0] += 256 - rows.sum(1)  # sums of exactly one, in any precision
    extreme = np.array([[200, -200, 0, 1], [0, 0, 0, 500]], np.float32)
    whole = {"logits": logits}
    cross, binary = "cross_entropy", "binary_cross_entropy"
    yes = (numbers("yes", 6) > 0).astype(np.float32)
    shares = (np.rint(np.abs(numbers("shares", 3, 4)) * 128) / 256).astype(np.float32)
    single = numbers("single", 6) * 3
    return [
        Case(cross, "labels", whole, fixed={"labels": labels}),
        Case(cross, "one example", {"logits": logits[:1]}, fixed={"labels": labels[:1]}),
        Case(cross, "certain and wrong", {"logits": extreme}, fixed={"labels": np.array([1, 0])}),
        Case(cross, "rows", whole, fixed={"labels": (rows / 256).astype(np.float32)}),
        Case(cross, "label smoothing", whole, {"label_smoothing": 0.125},
             {"labels": np.eye(4, dtype=np.float32)[labels]}),
        Case(binary, "labels", {"logits": single}, fixed={"labels": yes}),
        Case(binary, "a column", {"logits": single[:, None]}, fixed={"labels": yes[:, None]}),
        Case(binary, "shares", {"logits": numbers("logits", 3, 4)}, fixed={"labels": shares}),
        Case(binary, "certain and wrong", {"logits": np.array([80, -80, 300], np.float32)},
             fixed={"labels": np.array([0, 1, 1], np.float32)}),
        Case(binary, "label smoothing", {"logits": single}, {"label_smoothing": 0.125}, {"labels": yes},
             by=KERAS),
    ]  # fmt: skip


# Optimisers


def optimiser(what: str, rule: str, by=BOTH, differs=(), **options) -> Case:
    """Twenty steps of a rule with gradients that are given, from 0.001 to 20 in size."""
    sizes = np.array([1, 10, 0.1, 0.001, 1, 3], np.float32)
    return Case(
        "optimiser",
        f"{rule}, {what}",
        {"start": numbers("start", 6), "gradients": numbers("gradients", STEPS, 6) * sizes},
        {"rule": rule, **options},
        by=by,
        differs=differs,
    )


ALMOST_NOTHING = 1e-30  # an epsilon that cannot be seen, wherever the formula has it


def optimisers() -> list[Case]:
    """Every rule with its defaults, with each option, and with an epsilon large enough to see."""
    # Eighths: Keras rounds some of its options to float32 whatever it computes in, and these survive it.
    lr, momentum, alpha, betas, decay = 0.125, 0.875, 0.875, (0.75, 0.9375), 0.25
    eps, visible = ALMOST_NOTHING, 0.125
    return [
        optimiser("plain", "SGD", lr=lr),
        optimiser("momentum", "SGD", lr=lr, momentum=momentum),
        optimiser("nesterov", "SGD", lr=lr, momentum=momentum, nesterov=True),
        optimiser("weight decay", "SGD", differs=KERAS, lr=lr, momentum=momentum, weight_decay=decay),
        optimiser("nesterov and weight decay", "SGD", TORCH, lr=lr, momentum=momentum, nesterov=True,
                  weight_decay=decay),
        optimiser("another lr halfway", "SGD", differs=KERAS, lr=lr, momentum=momentum, lr_halfway=lr / 8),
        optimiser("defaults", "RMSprop", differs=KERAS),
        optimiser("no epsilon", "RMSprop", lr=lr, alpha=alpha, eps=eps),
        optimiser("momentum", "RMSprop", lr=lr, alpha=alpha, eps=eps, momentum=momentum),
        optimiser("weight decay", "RMSprop", TORCH, lr=lr, momentum=momentum, weight_decay=decay),
        optimiser("a visible epsilon", "RMSprop", differs=KERAS, lr=lr, alpha=alpha, eps=visible),
        optimiser("defaults", "Adam", differs=KERAS),
        optimiser("no epsilon", "Adam", lr=lr, betas=betas, eps=eps),
        optimiser("a visible epsilon", "Adam", differs=KERAS, lr=lr, betas=betas, eps=visible),
        optimiser("weight decay", "Adam", differs=KERAS, lr=lr, betas=betas, eps=eps, weight_decay=decay),
        optimiser("defaults", "AdamW", differs=KERAS),
        optimiser("no epsilon", "AdamW", lr=lr, betas=betas, eps=eps, weight_decay=decay),
    ]  # fmt: skip


CASES: list[Case] = [
    *convolutions("conv", (3, 4), 4),
    uneven_strides("conv", (3, 4), 4),
    case("conv", "1x1, stride 2", {"x": (2, 5, 7, 3), "weight": (1, 1, 3, 4)}, stride=(2, 2),
         padding="valid"),
    *convolutions("depthwise", (3,), 3),
    *convolutions("depthwise", (3, 2), 6, "two filters a channel, "),
    uneven_strides("depthwise", (3,), 3),
    case("pointwise", "bias", {"x": (2, 3, 5, 4), "weight": (4, 3), "bias": (3,)}),
    case("pointwise", "one image, no bias", {"x": (1, 3, 2, 5), "weight": (5, 3)}),
    case("separable", "stride 1, same",
         {"x": (2, 5, 7, 3), "depthwise": (3, 3, 3), "pointwise": (3, 4), "bias": (4,)},
         stride=(1, 1), padding="same"),
    case("separable", "one image, stride 2, valid",
         {"x": (1, 6, 7, 3), "depthwise": (3, 3, 3), "pointwise": (3, 4)},
         stride=(2, 2), padding="valid"),
    case("dense", "bias", {"x": (4, 6), "weight": (6, 5), "bias": (5,)}),
    case("dense", "one row, no bias", {"x": (1, 7), "weight": (7, 2)}),
    case("flatten", "images", {"x": (2, 3, 5, 4)}, differs=TORCH),
    *pools("max_pool"),
    *ties(),
    *pools("avg_pool"),
    case("avg_pool", "padding counted", {"x": (2, 5, 7, 3)}, TORCH, TORCH, size=(3, 3), stride=(2, 2),
         padding=1, counted=True),
    case("global_average", "odd size", {"x": (2, 3, 5, 4)}),
    case("global_average", "one image", {"x": (1, 4, 4, 3)}),
    *batch_norms(),
    *activations(),
    *losses(),
    *optimisers(),
]  # fmt: skip

"""MobileNet of width 0.25 as a list of layers and arrays, for every framework to build its own way.

Images of 36x36 pixels: the strided layers then meet 36, 18, 9, 5 and 3 pixels, for which "same" padding is
uneven twice and even three times.
"""

from __future__ import annotations

import math

import numpy as np

from .numbers import numbers

WIDTH, RESOLUTION, CLASSES, BATCH = 0.25, 36, 10, 4
MOMENTUM, EPS = 0.1, 1e-5
DRAW = 0  # another one gives other weights; `test_rounding_decides_no_relu_of_mobilenet` says which will do
OF_NORM = ("gamma", "beta", "running_mean", "running_var")

# Howard et al. 2017, arXiv 1704.04861, table 1: output channels and stride of the thirteen blocks.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip

Layer = tuple[str, int, int, int]
"""Kind ("conv", "depthwise" or "pointwise"), channels in and out, stride."""


def convolutions() -> list[Layer]:
    """The 27 convolutions, each followed by batch norm and ReLU."""
    channels = int(32 * WIDTH)
    layers: list[Layer] = [("conv", 3, channels, 2)]
    for out_channels, stride in BLOCKS:
        wider = int(out_channels * WIDTH)
        layers += [("depthwise", channels, channels, stride), ("pointwise", channels, wider, 1)]
        channels = wider
    return layers


def pads(size: int, stride: int) -> tuple[int, int]:
    """Keras's "same" for a window of 3: (before, after), the odd pixel after."""
    total = max((math.ceil(size / stride) - 1) * stride + 3 - size, 0)
    return total // 2, total - total // 2


def arrays() -> dict[str, np.ndarray]:
    """All weights and statistics: "3.weight" of the fourth convolution, "3.gamma" of its batch norm, ..."""
    found = {}
    for place, (kind, wide, wider, _) in enumerate(convolutions()):
        shape = {"conv": (3, 3, wide, wider), "depthwise": (3, 3, wide), "pointwise": (wide, wider)}[kind]
        fan_in = {"conv": 9 * wide, "depthwise": 9, "pointwise": wide}[kind]
        drawn = {
            name: numbers(f"mobilenet {DRAW} {place} {name}", *own)
            for name, own in {"weight": shape, **dict.fromkeys(OF_NORM, (wider,))}.items()
        }
        # The numbers have variance 4/3; He's rule asks for 2 / fan_in. Gamma and beta leave every fiftieth
        # value below zero, and few so close to it that float32's rounding could decide on a ReLU.
        drawn["weight"] *= np.float32(math.sqrt(1.5 / fan_in))
        drawn["gamma"] = 0.5 + drawn["gamma"] / 16
        drawn["beta"] = 1 + drawn["beta"] / 16
        drawn["running_mean"] /= 4
        drawn["running_var"] = 1 + drawn["running_var"] / 4
        found.update((f"{place}.{name}", array) for name, array in drawn.items())
    features = convolutions()[-1][2]
    found["dense.weight"] = numbers(f"mobilenet {DRAW} dense.weight", features, CLASSES) / 16
    found["dense.bias"] = numbers(f"mobilenet {DRAW} dense.bias", CLASSES) / 4
    return found


def images() -> np.ndarray:
    """One batch, (N, H, W, 3)."""
    return numbers(f"mobilenet {DRAW} images", BATCH, RESOLUTION, RESOLUTION, 3)


LABELS = np.array([3, 0, 9, 3])

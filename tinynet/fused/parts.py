"""What the convolutions of a chain tell a profile about themselves: their arithmetic and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..watching import Part

if TYPE_CHECKING:
    import numpy as np

    from .link import Link


def work_of(link: Link, what: str, read: np.ndarray, wanted: bool) -> Part:
    """The part that runs a convolution with the norms and activations around it, forward or backward.

    read: what it reads, activations or gradients (N, H, W C).  wanted: whether backward goes on to the
    gradient of its input. Each array counts once: forward reads one and writes one; backward reads the
    gradient and both activations, and writes a gradient.
    """
    (H, W), (OH, OW), (C, out_channels) = link.input_size, link.output_size, link.channels
    images = len(read)
    inputs = images * C * (OH * OW if link.is_standard else H * W)  # a standard one reads its windows
    outputs = images * OH * OW * out_channels
    flops = 2 * outputs * (9 if link.is_depthwise else C)
    kind = "depthwise" if link.is_depthwise else "windows" if link.is_standard else "pointwise"
    name = f"{kind}, norm, ReLU"
    if what == "forward":
        return Part(name, flops, (inputs + outputs) * read.itemsize)
    traffic = 2 * outputs + (2 if wanted else 1) * inputs
    return Part(name, (2 if wanted else 1) * flops, traffic * read.itemsize)

"""Draws docs/images/fast-path.png: what each loop of a convolution, batch norm and ReLU reads and writes.

Run it as `python docs/draw_fast_path.py`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

INK, QUIET, READ, WRITE = "#22272e", "#8b949e", "#9ecae8", "#f2a65a"
ARRAYS = ["z before", "a before", "z", "y", "a", "g of a", "g of y", "g of z", "g before"]
ALONE = [  # the loop, the arrays it reads, the array it writes
    ("convolution", ["a before"], "z"),
    ("mean and variance", ["z"], None),
    ("scale and shift", ["z"], "y"),
    ("ReLU", ["y"], "a"),
    ("ReLU, backward", ["g of a", "a"], "g of y"),
    ("sums of batch norm", ["g of y", "z"], None),
    ("batch norm, backward", ["g of y", "z"], "g of z"),
    ("convolution, for its input", ["g of z"], "g before"),
    ("convolution, for its weight", ["g of z", "a before"], None),
]
TOGETHER = [
    ("forward", ["z before"], "z"),
    ("backward", ["g of y", "z", "z before"], "g before"),
]


def draw(axes, title: str, loops: list[tuple[str, list[str], str | None]]) -> None:
    """One table: a row for each loop, a column for each array."""
    for row, (name, reads, writes) in enumerate(loops):
        axes.text(-0.25, row + 0.5, name, ha="right", va="center", color=INK, fontsize=9)
        for column, array in enumerate(ARRAYS):
            kind = "read" if array in reads else "write" if array == writes else None
            colour = {"read": READ, "write": WRITE, None: "#f4f5f7"}[kind]
            axes.add_patch(Rectangle((column + 0.04, row + 0.08), 0.92, 0.84, color=colour, linewidth=0))
            if kind:
                axes.text(column + 0.5, row + 0.5, kind, ha="center", va="center", color=INK, fontsize=8)
    for column, array in enumerate(ARRAYS):
        axes.text(column + 0.5, -0.15, array, ha="center", va="bottom", color=QUIET, fontsize=8)
    reads = sum(len(found) for _, found, _ in loops)
    writes = sum(written is not None for _, _, written in loops)
    axes.text(-3.1, -0.75, f"{title}: {reads} reads, {writes} writes", fontsize=11, color=INK, weight="bold")
    axes.set(xlim=(-3.1, len(ARRAYS)), ylim=(len(loops), -1.1))
    axes.axis("off")


def main() -> None:
    """Draw both tables into one picture."""
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(9.6, 5.4), height_ratios=[len(ALONE) + 1.1, len(TOGETHER) + 1.1], layout="constrained"
    )
    draw(above, "One convolution with batch norm and ReLU, layer by layer", ALONE)
    draw(below, "The same as a link of a chain", TOGETHER)
    figure.savefig(Path(__file__).parent / "images" / "fast-path.png", dpi=130)


if __name__ == "__main__":
    main()

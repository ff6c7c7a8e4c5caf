"""A sheet that shows what augmentations do: one row for each, the original beside several draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from . import style
from .pictures import show_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data.augment import Augment

DRAWS = 6  # of each augmentation
SIDE = 1.3  # inches of an image
NAMES = 1.8  # inches for the words at the left


def augmentations(
    images: np.ndarray,
    rows: Mapping[str, Augment],
    seed: int = 0,
    *,
    title: str = "Augmentations",
    subtitle: str = "",
) -> Figure:
    """A row per augmentation, under its name: an image as it is and as `DRAWS` draws made it.

    images: (N, H, W, C), float32 in 0..1; the rows take them in turn. seed: of the draws.
    """
    if not len(images) or not rows:
        raise InputError(
            f"augmentations expects images and augmentations, got {len(images)} and {len(rows)}."
        )
    rng = np.random.default_rng(seed)
    columns = DRAWS + 1
    width = NAMES + columns * SIDE
    figure = style.new_figure(width, (SIDE + 0.08) * len(rows) + 0.25, title, subtitle)
    names, *pictures = figure.subplots(len(rows), columns + 1, squeeze=False, width_ratios=_ratios()).T
    for row, (name, augment) in enumerate(rows.items()):
        original = images[row % len(images)]
        drawn = augment(np.repeat(original[None], DRAWS, axis=0), rng)
        names[row].axis("off")
        names[row].text(1, 0.5, name, size=style.TEXT, color=style.INK, ha="right", va="center")
        for axes, image in zip([each[row] for each in pictures], [original, *drawn], strict=True):
            show_image(axes, image)
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set(color=style.RULE)
    pictures[0][0].set_title("original", size=style.SMALL, color=style.GREY)
    pictures[1][0].set_title("draws", size=style.SMALL, color=style.GREY)
    return figure


def _ratios() -> list[float]:
    return [NAMES, *[SIDE] * (DRAWS + 1)]

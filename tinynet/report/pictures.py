"""Pictures of images with what the network said of them: the sheet of a run, single predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from . import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
SAMPLE_ROWS = 2
MISTAKE_ROWS = 2
LONGEST_CAPTION = 13  # characters of a class name over a small image
MOST_BARS = 10
LONGEST_NAME = 26  # characters of a class name beside its bar
FEWEST_BARS = 5  # room kept, so that two classes do not make two slabs


def predictions(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str = "Predictions",
    subtitle: str = "",
    warning: str = "",
) -> Figure:
    """A sheet: images spread evenly over the data set, then the mistakes the network was surest of.

    images: (N, H, W, C), bytes or floats in 0..1. labels: (N,). probabilities: (N, K).
    """
    if not len(images):
        raise InputError("predictions expects at least one image, got none.")
    labels = np.asarray(labels)
    predicted = probabilities.argmax(axis=1)
    sample = np.unique(np.linspace(0, len(labels) - 1, COLUMNS * SAMPLE_ROWS).astype(int))
    worst = worst_mistakes(labels, probabilities)[: COLUMNS * MISTAKE_ROWS]
    blocks = [("A sample, with the predicted class and its probability", sample)]
    if len(worst):
        count = int(np.sum(predicted != labels))
        heading = f"The surest of {count:,} mistakes" if count > 1 else "The only mistake"
        blocks.append((heading, worst))
    rows = [-(-len(indices) // COLUMNS) for _, indices in blocks]
    figure = style.new_figure(11.2, 1.72 * sum(rows) + 0.3 * len(blocks), title, subtitle, warning)
    parts = figure.subfigures(len(blocks), 1, height_ratios=rows, squeeze=False)
    for part, (heading, indices), row_count in zip(parts[:, 0], blocks, rows, strict=True):
        part.suptitle(heading, x=0.15 / 11.2, ha="left", size=style.TEXT + 1, color=style.INK)
        for axes in part.subplots(row_count, COLUMNS).flat:
            axes.axis("off")
        for axes, index in zip(part.axes, indices, strict=False):
            show_image(axes, images[index])
            chance = probabilities[index, predicted[index]]
            _caption(axes, class_names[predicted[index]], class_names[labels[index]], chance)
    return figure


def worst_mistakes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Indices of the wrongly classified images, those the network was surest of first."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    return wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")]


def _caption(axes, predicted: str, true: str, chance: float) -> None:
    """What the network said; a mistake in vermilion, with the truth below and a frame around."""
    right = predicted == true
    color = style.INK if right else style.VERMILION
    text = f"{style.shortened(predicted, LONGEST_CAPTION)} {percent(chance)}"
    axes.set_title(text, size=8, color=color, pad=3, weight="normal" if right else "bold")
    if not right:
        axes.text(
            0.5,
            -0.04,
            f"is: {style.shortened(true, LONGEST_CAPTION)}",
            size=8,
            color=style.INK,
            ha="center",
            va="top",
            transform=axes.transAxes,
        )
        axes.axis("on")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=style.VERMILION, linewidth=2)


def prediction(
    image: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str = "Prediction",
    subtitle: str = "",
    warning: str = "",
) -> Figure:
    """One image as the network saw it, beside its class probabilities, the likeliest first.

    image: (H, W, C), bytes or floats in 0..1. probabilities: (K,).
    """
    order = np.argsort(-probabilities, kind="stable")[:MOST_BARS]
    height = max(2.6, 0.34 * len(order) + 0.5)
    figure = style.new_figure(8.4, height, title, subtitle, warning, gap=0.13)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.55))
    show_image(left, image)
    left.axis("off")
    size = " x ".join(str(length) for length in image.shape[:2])
    left.set_title(f"as the network saw it, {size}", size=style.SMALL, color=style.GREY)
    places = np.arange(len(order))
    colors = [style.BLUE] + ["#b8c4cc"] * (len(order) - 1)
    right.barh(places, probabilities[order], color=colors, height=0.68)
    right.set_yticks(places, [style.shortened(class_names[index], LONGEST_NAME) for index in order])
    for place, chance in enumerate(probabilities[order]):
        right.text(
            chance + 0.015,
            place,
            percent(chance),
            va="center",
            size=style.SMALL,
            color=style.INK,
            weight="bold" if place == 0 else "normal",
        )
    right.set_ylim(max(len(order), FEWEST_BARS) - 0.5, -0.5)
    right.set_xlim(0, 1.16)
    style.plain_axes(right)
    right.set_xticks([])
    right.spines["bottom"].set_visible(False)
    right.tick_params(axis="y", length=0, labelsize=style.TEXT)
    return figure


def show_image(axes, image: np.ndarray) -> None:
    """An image of 1 or 3 channels, each of its pixels a square."""
    array = np.asarray(image)
    if array.dtype != np.uint8:
        array = np.clip(array, 0, 1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    white = 255 if array.dtype == np.uint8 else 1
    axes.imshow(array, cmap="gray", vmin=0, vmax=white, interpolation="nearest")


def percent(chance: float) -> str:
    """A probability for humans; what is not certain is not called 100 %."""
    if chance > 0.995:
        return "> 99 %" if chance < 1 else "100 %"
    return f"{100 * chance:.0f} %" if chance >= 0.01 else "< 1 %"

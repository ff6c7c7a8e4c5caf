"""Plots of numbers: the learning curves of a run and the confusion matrix of its predictions.

Pictures of images are in `pictures.py`; what all of them share is in `style.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from . import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES_WITH_NUMBERS = 25
LONGEST_NAME = 24  # characters of a class name beside the matrix: it must not take the matrix's place


def curves(
    history: Sequence[Mapping],
    *,
    title: str = "Learning curves",
    subtitle: str = "",
    warning: str = "",
    validation: str = "validation",
) -> Figure:
    """Loss and accuracy of every epoch, for the training images and for those named `validation`.

    history: one mapping per epoch with epoch, loss, accuracy, val_loss and val_accuracy; None (not
        measured) leaves a gap. Training values are means over the epoch, taken while the network
        was learning.
    """
    if not history:
        raise InputError("curves expects a history with at least one epoch, got an empty one.")
    figure = style.new_figure(10, 3.9, title, subtitle, warning)
    panels = figure.subplots(1, 2)
    for axes, key, heading in zip(panels, ("loss", "accuracy"), ("Loss", "Accuracy"), strict=True):
        _draw_measure(axes, history, key, validation)
        axes.set_title(heading, loc="left", size=style.TEXT + 1, color=style.INK, pad=10)
    panels[1].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g} %")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[0].legend(handles, labels, frameon=False, fontsize=style.SMALL, labelcolor=style.INK)
    return figure


def _draw_measure(axes, history: Sequence[Mapping], key: str, validation: str) -> None:
    """One panel: the two lines, each with its last value at its end."""
    from matplotlib.ticker import MaxNLocator

    style.plain_axes(axes)
    axes.grid(axis="y", color=style.RULE, linewidth=0.8)
    epochs = [record["epoch"] for record in history]
    marker = "o" if len(epochs) <= 30 else None
    ends = []
    series = (("training", key, style.BLUE, "-"), (validation, f"val_{key}", style.VERMILION, "--"))
    for name, column, color, dashes in series:
        values = np.array([_or_nan(record.get(column)) for record in history])
        if not np.isfinite(values).any():
            continue
        axes.plot(epochs, values, dashes, color=color, marker=marker, ms=4, linewidth=2, label=name)
        last = np.flatnonzero(np.isfinite(values))[-1]
        ends.append((epochs[last], values[last], color))
    _label_ends(axes, ends, key)
    largest = max((value for _, value, _ in ends), default=1.0)
    _widen(axes, 0.05 if key == "accuracy" else 0.2 * largest)
    axes.set_xlabel("epoch", size=style.TEXT, color=style.INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    margin = max(0.4, 0.03 * len(epochs))
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)


def _widen(axes, least: float) -> None:
    """Show at least a span of `least`, so that a difference of nothing does not fill the panel."""
    bottom, top = axes.get_ylim()
    if top - bottom < least:
        middle = (bottom + top) / 2
        axes.set_ylim(middle - least / 2, middle + least / 2)


def _label_ends(axes, ends: list[tuple[float, float, str]], key: str) -> None:
    """The last values in figures, to the right of the lines, the higher one above the lower one."""
    order = sorted(range(len(ends)), key=lambda index: ends[index][1])
    for rank, index in enumerate(order):
        epoch, value, color = ends[index]
        text = f"{value:.4f}" if key == "loss" else f"{100 * value:.2f} %"
        axes.annotate(
            text,
            (epoch, value),
            (8, 7 if rank else -7),
            textcoords="offset points",
            annotation_clip=False,
            size=style.SMALL,
            color=color,
            weight="bold",
            va="center",
            ha="left",
        )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def confusion(
    matrix: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str = "Confusion matrix",
    subtitle: str = "",
    warning: str = "",
) -> Figure:
    """How many images of each true class (rows) went to each predicted class (columns).

    matrix: (K, K) counts. Each cell shows its count and, where it is not tiny, its share of the
    row; the colour is that share. The share on the diagonal is the class's recall.
    """
    matrix = np.asarray(matrix)
    classes = len(class_names)
    if matrix.shape != (classes, classes):
        raise InputError(
            f"confusion expects a matrix of shape {(classes, classes)} for {classes} class names, "
            f"got {matrix.shape}."
        )
    side = float(np.clip(0.62 * classes, 3.2, 14))
    figure = style.new_figure(max(side + 2.2, 6.2), side + 1.2, title, subtitle, warning)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if classes <= MOST_CLASSES_WITH_NUMBERS:
        _write_counts(axes, matrix, share)
        _rule_off(axes, classes)
    _name_classes(axes, class_names)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, aspect=25)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    bar.ax.tick_params(labelsize=style.SMALL, color=style.GREY, labelcolor=style.GREY)
    bar.outline.set_visible(False)
    bar.set_label("share of the true class", size=style.SMALL, color=style.GREY)
    return figure


def _write_counts(axes, matrix: np.ndarray, share: np.ndarray) -> None:
    """The count in every cell that has one, over its percentage from one per cent on."""
    size = style.SMALL + max(0, 5 - len(matrix))
    for row, column in zip(*np.nonzero(matrix), strict=True):
        part = share[row, column]
        color = "white" if part > 0.6 else style.INK  # the better contrast on either side
        shown = round(100 * part) >= 1
        place = {"ha": "center", "va": "center", "color": color}
        weight = "bold" if row == column else "normal"
        count = f"{matrix[row, column]:,}"
        axes.text(column, row - (0.1 if shown else 0), count, size=size, weight=weight, **place)
        if shown:
            axes.text(column, row + 0.24, f"{100 * part:.0f} %", size=size - 2.5, alpha=0.8, **place)


def _rule_off(axes, classes: int) -> None:
    """White lines between the cells."""
    axes.set_xticks(np.arange(1, classes) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, classes) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)


def _name_classes(axes, class_names: Sequence[str]) -> None:
    """Class names along both sides; every few only when there are many."""
    every = int(np.ceil(len(class_names) / 60))
    places = range(0, len(class_names), every)
    names = [style.shortened(class_names[place], LONGEST_NAME) for place in places]
    axes.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    axes.tick_params(which="major", length=0, labelsize=style.SMALL, labelcolor=style.INK)
    axes.set_xlabel("predicted class", size=style.TEXT, color=style.INK)
    axes.set_ylabel("true class", size=style.TEXT, color=style.INK)
    for spine in axes.spines.values():
        spine.set_visible(False)

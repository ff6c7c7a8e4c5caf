"""What a comparison with another framework found, as a table and as pictures, from its record alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Record = Mapping[str, Any]


def table(record: Record) -> str:
    """One line per layer: shape, differences, and milliseconds of tinynet / of the other side.

    The largest difference stands beside its share of the largest magnitude; "added up" is that share when
    each side goes on with its own numbers. A "!" marks what exceeds its limit.
    """
    heads = ["layer", "output", "activation", "relative", "gradient", "relative", "added up", "gradient"]
    rows = [[*heads, "forward ms", "backward ms"]]
    for row in record["rows"]:
        shape = "x".join(map(str, row["output"]))
        cells = [*_difference(row, "activation"), *_difference(row, "gradient")]
        cells += [_number(row["chained"][kind]) for kind in ("activation", "gradient")]
        cells += [_pair(row["milliseconds"][phase]) for phase in ("forward", "backward")]
        rows.append([row["layer"], shape, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _difference(row: Record, kind: str) -> list[str]:
    found, limit = row[kind], row["limit"][kind]
    if found is None:
        return ["–", "–"]
    over = limit is not None and not found["relative"] <= limit
    return [_number(found["absolute"]), _number(found["relative"]) + ("!" if over else " ")]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}" if value else "0"


def _pair(milliseconds: Sequence[float | None]) -> str:
    return " / ".join("–" if value is None else f"{value:.2f}" for value in milliseconds)


def layers_figure(record: Record, *, subtitle: str) -> Figure:
    """Above the difference of every layer, below the time of every layer on both sides."""
    rows = [row for row in record["rows"] if "loss" not in row]
    width = float(np.clip(2.5 + 0.21 * len(rows), 12, 16))
    figure = style.new_figure(width, 7.2, f"tinynet beside {record['framework']}, layer by layer", subtitle)
    above, below = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(rows))
    for axes in (above, below):
        style.plain_axes(axes)
        axes.grid(axis="y", color=style.RULE, linewidth=0.8)
        axes.set_xlim(-0.8, len(rows) - 0.2)
    _draw_differences(above, rows, places)
    _draw_times(below, rows, places, record["framework"])
    below.set_xticks(places, [row["layer"] for row in rows], rotation=90)
    below.tick_params(axis="x", labelsize=style.SMALL - 1.5 * (len(rows) > 40), length=0)
    return figure


def _draw_differences(axes: Any, rows: Sequence[Record], places: np.ndarray) -> None:
    """Relative differences on a logarithmic axis; those of nothing lie on its floor."""
    series = {
        ("activation", True): [row["activation"]["relative"] for row in rows],
        ("gradient", True): [_relative(row["gradient"]) for row in rows],
        ("activation", False): [row["chained"]["activation"] for row in rows],
        ("gradient", False): [row["chained"]["gradient"] for row in rows],
    }
    limits = {kind: [row["limit"][kind] for row in rows] for kind in ("activation", "gradient")}
    known = [value for values in [*series.values(), *limits.values()] for value in values if value]
    floor = min(known, default=1e-7) / 4
    _logarithmic(axes)
    colors = {"activation": style.BLUE, "gradient": style.VERMILION}
    for (kind, alone), values in series.items():
        if all(value is None for value in values):
            continue
        shift = 0.0 if not alone else -0.13 if kind == "activation" else 0.13  # so that none hides another
        words = "the layer alone" if alone else "added up"
        axes.plot(
            places + shift,
            _on_floor(values, floor),
            linestyle="none" if alone else "-",
            linewidth=1,
            alpha=1 if alone else 0.7,
            marker="o",
            ms=5 if alone else 3.5,
            color=colors[kind],
            markerfacecolor=colors[kind] if alone else "white",
            label=f"{kind}, {words}",
            zorder=3 if alone else 2,
        )
    for kind, values in limits.items():
        if any(value is not None for value in values):
            look = {"color": colors[kind], "ms": 11, "label": None if kind == "gradient" else "limits alone"}
            axes.plot(places, _on_floor(values, floor), "_", **look)
    axes.set_ylim(floor / 1.3, None)
    axes.set_yticks([tick for tick in axes.get_yticks() if tick > 2 * floor])  # room for "none"
    axes.annotate("none", (0, floor), (-6, 0), xycoords=("axes fraction", "data"), size=style.SMALL,
                  textcoords="offset points", ha="right", va="center", color=style.GREY)  # fmt: skip
    _title(axes, "Largest difference, by the largest magnitude")


def _on_floor(values: Sequence[float | None], floor: float) -> list[float]:
    """For a logarithmic axis: what is zero lies on its floor, what is not there is not drawn."""
    return [np.nan if value is None else max(value, floor) for value in values]


def _draw_times(axes: Any, rows: Sequence[Record], places: np.ndarray, framework: str) -> None:
    """Forward and, on top of it, backward; tinynet's bar to the left of the other's."""
    for side, (name, color) in enumerate((("tinynet", style.BLUE), (framework, style.VERMILION))):
        forward, backward = (
            np.array([row["milliseconds"][phase][side] or 0.0 for row in rows])
            for phase in ("forward", "backward")
        )
        at = places + (side - 0.5) * 0.38
        axes.bar(at, forward, 0.36, color=color, label=f"{name}, forward")
        if backward.any():
            axes.bar(at, backward, 0.36, bottom=forward, color=color, alpha=0.45, label=f"{name}, backward")
    _title(axes, "Milliseconds")


def _logarithmic(axes: Any) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-"))
    axes.minorticks_off()


def _title(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", size=style.TEXT + 1, color=style.INK, pad=26)
    place = {"loc": "lower left", "bbox_to_anchor": (-0.008, 0.995), "borderaxespad": 0}
    look = {"frameon": False, "fontsize": style.SMALL, "labelcolor": style.INK}
    axes.legend(ncols=5, columnspacing=1.2, handlelength=1.4, **place, **look)


def _relative(found: Record | None) -> float | None:
    return None if found is None else found["relative"]


def training_figure(record: Record, *, subtitle: str) -> Figure:
    """The two losses, and how far losses and weights are apart, beside the framework's own distance."""
    theirs, other = record["framework"], record["other_way"]
    figure = style.new_figure(14, 4.3, f"Training in tinynet and in {theirs}", subtitle)
    panels = figure.subplots(1, 3)
    steps = np.arange(1, record["steps"] + 1)
    for axes in panels:
        style.plain_axes(axes)
        axes.grid(axis="y", color=style.RULE, linewidth=0.8)
        axes.set_xlabel("step", size=style.TEXT, color=style.INK)
    looks = zip((style.BLUE, style.VERMILION), ("-", (0, (4, 3))), strict=True)
    for (name, values), (color, dashes) in zip(record["losses"].items(), looks, strict=True):
        panels[0].plot(steps, values, linestyle=dashes, color=color, linewidth=1.5, label=name)
    panels[0].set_title("Loss, float32", loc="left", size=style.TEXT + 1, color=style.INK, pad=10)
    for axes, kind, title in (
        (panels[1], "loss", "Relative difference of the losses"),
        (panels[2], "weights", "Distance of the weights, by their length"),
    ):
        _draw_distances(axes, steps, record, kind, theirs, other)
        axes.set_title(title, loc="left", size=style.TEXT + 1, color=style.INK, pad=10)
    limit = record["limits"]["float64_loss"]
    panels[1].axhline(limit, color=style.INK, linewidth=1)
    panels[1].annotate("limit in float64", (steps[-1], limit), (0, 3), textcoords="offset points",
                       size=style.SMALL, color=style.INK, ha="right")  # fmt: skip
    handles, labels = panels[2].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=4, frameon=False,
                  fontsize=style.SMALL, labelcolor=style.INK)  # fmt: skip
    panels[0].legend(frameon=False, fontsize=style.SMALL, labelcolor=style.INK)
    return figure


def _draw_distances(axes: Any, steps: np.ndarray, record: Record, kind: str, theirs: str, other: str) -> None:
    """Four curves: float32 and float64, tinynet from the framework and the framework from itself."""
    _logarithmic(axes)
    heights = [record["limits"]["float64_loss"]]
    for precision, color in (("float32", style.VERMILION), ("float64", style.BLUE)):
        for name, dashes, words in (
            ("tinynet", "-", f"tinynet and {theirs}"),
            ("itself", (0, (1, 1.2)), f"{theirs} and {other}"),
        ):
            values = np.array(record[precision][name][kind])
            shown = np.where(values > 0, values, np.nan)  # a logarithm has no place for "the same"
            look = {"linestyle": dashes, "color": color, "linewidth": 1.4, "marker": ".", "ms": 2.5}
            axes.plot(steps, shown, label=f"{words}, {precision}", **look)
            heights += [value for value in values if 0 < value < np.inf]
    axes.set_ylim(min(heights) / 3, max(heights) * 3)


def training_sentences(record: Record) -> str:
    """How far the two trainings got, for a terminal."""
    theirs, steps, limit = record["framework"], record["steps"], record["limits"]["float64_loss"]
    lines = []
    for precision in ("float32", "float64"):
        ours, itself = (record[precision][name] for name in ("tinynet", "itself"))
        lines.append(
            f"{precision}, after {steps} steps: weights {_number(ours['weights'][-1])} apart, "
            f"{theirs} from itself ({record['other_way']}) {_number(itself['weights'][-1])}; "
            f"in the last tenth of the steps {record['ratios'][precision]:.2f} times as far"
        )
    within = record["within"]
    lines.append(
        f"float64 losses within {limit:g} of {theirs}'s for {within['tinynet']} of {steps} steps; "
        f"{theirs}'s own in two ways for {within['itself']}"
    )
    return "\n".join(lines)

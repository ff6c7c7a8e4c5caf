"""The pictures of the benchmarks, in the style of all pictures of tinynet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet.report import style

from .cases import INFERENCE, TRAINING
from .comparison import LABELS, Record, best, ratio
from .tables import RIVALS, digits, machine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, as in `style`.
COLORS = {"tinynet": style.VERMILION, "pytorch": style.BLUE, "keras": "#56B4E9", "onnxruntime": "#9a9a9a"}
BAR, GAP = 0.22, 0.22  # inches: a bar, and the space between two groups
LONGEST = 8.0  # multiples of tinynet's time: a longer bar is cut, its figure is not


def comparison(record: Record) -> Figure:
    """Time of a step as a multiple of tinynet's: a group of bars for each case, training above inference."""
    tasks = [task for task in (TRAINING, INFERENCE) if _cases(record, task)]
    heights = [sum(BAR * len(_peers(case)) + GAP for case in _cases(record, task)) for task in tasks]
    figure = style.new_figure(
        10.5,
        sum(heights) + 0.6 * len(tasks),
        "Time of a step, as a multiple of tinynet's",
        f"Shorter is faster. {machine(record)}, median of {record['rounds']} rounds",
    )
    panels = figure.subplots(len(tasks), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, task in zip(panels, tasks, strict=True):
        _draw_task(axes, record, task)
    _legend(figure, record)
    return figure


def _cases(record: Record, task: str) -> list[Record]:
    return [case for case in record["cases"] if case["task"] == task]


def _peers(case: Record) -> list[str]:
    return [peer for peer in ("tinynet", *RIVALS[case["task"]]) if best(case, peer)]


def _draw_task(axes: Axes, record: Record, task: str) -> None:
    """One panel, its cases from top to bottom."""
    style.plain_axes(axes)
    place, ticks, longest = 0.0, {}, 1.0
    for case in _cases(record, task):
        begin = place
        for peer in _peers(case):
            longest = max(longest, _draw_bar(axes, case, peer, place))
            place += BAR
        ticks[case["label"]] = (begin + place - BAR) / 2
        place += GAP
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.set_ylim(place - GAP - BAR / 2, -BAR / 2 - 0.04)
    axes.set_xlim(0, 1.18 * longest)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.8)
    axes.set_title(task.capitalize(), loc="left", size=style.TEXT + 1, color=style.INK, pad=8)


def _draw_bar(axes: Axes, case: Record, peer: str, place: float) -> float:
    """A bar with its factor, its milliseconds, and a mark where it was to end; how far all this reaches."""
    figures, factor = best(case, peer), ratio(case, peer)
    assert figures is not None and factor is not None
    length, floor = min(factor, LONGEST), case["floors"].get(peer, 0)
    if floor:
        axes.plot([floor, floor], [place - BAR / 2, place + BAR / 2], color=style.INK, linewidth=1.6)
    axes.barh(place, length, 0.86 * BAR, color=COLORS[peer])
    times = "" if peer == "tinynet" else f"{factor:.2f} ×   " if factor < 10 else f"{factor:.0f} ×   "
    axes.annotate(
        f"{'» ' if factor > LONGEST else ''}{times}{digits(figures['median'])} ms",
        (max(length, floor), place),
        (5, 0),
        textcoords="offset points",
        va="center",
        size=style.SMALL,
        color=style.INK,
        weight="bold" if peer == "tinynet" else "normal",
    )
    return max(length, floor)


def _legend(figure: Figure, record: Record) -> None:
    """The colours, and the mark of what was promised, at the top right."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = [peer for peer in COLORS if any(peer in case["peers"] for case in record["cases"])]
    handles: list[Any] = [Patch(color=COLORS[peer], label=LABELS[peer]) for peer in shown]
    mark = {"marker": "|", "markersize": 11, "markeredgewidth": 1.6, "linestyle": "", "color": style.INK}
    handles.append(Line2D([], [], label="floor", **mark))
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.99, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.0,
        columnspacing=1.2,
    )


def scaling(record: Record) -> Figure:
    """Time of a training step over batch and over the area of the images, on logarithmic axes."""
    from matplotlib.ticker import LogLocator

    figure = style.new_figure(
        10.5, 4.3, "Time of a training step", f"{record['network']}. {machine(record)}; both axes logarithmic"
    )
    left, right = figure.subplots(1, 2)
    batches, sides = record["batch"], record["side"]
    counts = [point["batch"] for point in batches["points"]]
    lengths = [point["side"] for point in sides["points"]]
    areas = [length**2 for length in lengths]
    _draw_series(left, batches, counts, f"batch, images of {batches['side']}x{batches['side']} pixels")
    _draw_series(right, sides, areas, f"area of the images in pixels, batch {sides['batch']}")
    left.set_ylabel("milliseconds", size=style.TEXT, color=style.INK)
    left.set_xticks(counts, map(str, counts))
    right.set_xticks(areas, [f"{length}²" for length in lengths])
    for axes in (left, right):
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return figure


def _draw_series(axes: Axes, series: Record, sizes: list[int], label: str) -> None:
    """Each peer's points with the fitted exponent, and a line of linear growth to compare with."""
    style.plain_axes(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(axis="y", color=style.RULE, linewidth=0.8)
    for peer, fit in series["fits"].items():
        times = [point["ms"][peer] for point in series["points"]]
        name = f"{LABELS[peer]}: fixed {digits(fit['fixed'])} ms, exponent {fit['exponent']:.2f}"
        axes.plot(sizes, times, marker="o", ms=5, linewidth=2, color=COLORS[peer], label=name)
    end = series["points"][-1]["ms"]["tinynet"]
    linear = [end * size / sizes[-1] for size in sizes]
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, 2 * top)  # room for the legend
    axes.plot(sizes, linear, "--", color=style.GREY, linewidth=1.2, label="linear growth", zorder=0)
    axes.set_xlabel(label, size=style.TEXT, color=style.INK)
    axes.legend(loc="upper left", frameon=False, fontsize=style.SMALL, labelcolor=style.INK)

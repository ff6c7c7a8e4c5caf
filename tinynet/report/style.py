"""How every picture of tinynet looks: colours, type sizes, heading, in one place so they match.

Figures are made as objects, without pyplot: no window, no global state, nothing to close, and a
user's own Matplotlib session is left alone. Matplotlib is imported when the first picture is drawn.
"""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by readers with any kind of colour blindness.
BLUE = "#0072B2"
VERMILION = "#D55E00"
INK = "#1a1a1a"
GREY = "#6b6b6b"
RULE = "#d9d9d9"

TITLE, TEXT, SMALL = 13, 10, 9  # points
DOTS_PER_INCH = 110
HEADING = 0.85  # inches kept free at the top
CHARACTER = 0.076  # inches that one of TEXT takes, on the average


def new_figure(
    width: float,
    height: float,
    title: str,
    subtitle: str = "",
    warning: str = "",
    gap: float | None = None,
) -> Figure:
    """An empty figure of `width` by `height` inches plus the heading.

    title, subtitle: what is shown, and in which circumstances; there is room for two lines of the latter.
    warning: what a reader must not miss, such as synthetic data; set in a box of its own.
    gap: inches kept free on both sides of every plot; None for a little.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    total = height + HEADING
    layout = ConstrainedLayoutEngine(rect=(0.005, 0.005, 0.99, height / total), w_pad=gap)
    figure = Figure(figsize=(width, total), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")
    left = 0.15 / width
    figure.text(left, 1 - 0.17 / total, title, size=TITLE, weight="bold", color=INK, va="top")
    lines = textwrap.fill(subtitle, int((width - 0.3) / CHARACTER))
    figure.text(left, 1 - 0.45 / total, lines, size=TEXT, color=GREY, va="top")
    if warning:
        figure.text(
            1 - left,
            1 - 0.2 / total,
            warning,
            size=TEXT,
            weight="bold",
            color="white",
            ha="right",
            va="top",
            bbox={"boxstyle": "round,pad=0.35", "color": VERMILION},
        )
    return figure


def shortened(name: str, most: int) -> str:
    """A name of at most `most` characters: of a longer one the beginning and the end, as many begin alike."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def plain_axes(axes) -> None:
    """Take away what is not data: the box, dark ticks, heavy grid."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=GREY, labelcolor=INK, labelsize=SMALL, length=3)
    axes.set_axisbelow(True)


def to_png(figure: Figure) -> bytes:
    """The picture as the content of a PNG file. A dollar sign in a name is a dollar sign, no formula."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()

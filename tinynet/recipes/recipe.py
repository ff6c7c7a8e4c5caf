"""What a recipe consists of, and the figures by which it is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Measure(NamedTuple):
    """A figure: what it is called, how it is written, and whether more of it is better."""

    words: str
    form: str
    more_is_better: bool = False
    scale: float = 1

    def text(self, value: float) -> str:
        """The value as it is written, shares in percent."""
        if math.isinf(value):
            return "never"
        return self.form.format(self.scale * value)

    def reached(self, value: float, limit: float) -> bool:
        """Whether `value` is as good as `limit`."""
        return value >= limit if self.more_is_better else value <= limit

    def goal(self, limit: float) -> str:
        """The limit in words: "test accuracy of 90.00 % or more"."""
        return f"{self.words} {self.text(limit)} or {'more' if self.more_is_better else 'less'}"


MEASURES = {
    "training_accuracy": Measure("training accuracy", "{:.2f} %", more_is_better=True, scale=100),
    "training_loss": Measure("training loss", "{:.4f}"),
    "test_accuracy": Measure("test accuracy", "{:.2f} %", more_is_better=True, scale=100),
    "test_loss": Measure("test loss", "{:.4f}"),
    "flipped_accuracy": Measure(
        "test accuracy with mirror images", "{:.2f} %", more_is_better=True, scale=100
    ),
    "parameters": Measure("trained parameters", "{:,.0f}"),
    "minutes": Measure("minutes of training", "{:.1f}"),
    "seconds": Measure("seconds of training", "{:.1f}"),
}
Figures = Mapping[str, float]  # by the names of MEASURES


@dataclass(frozen=True)
class Recipe:
    """One published system and how it is trained here.

    settings    those of `tinynet train` that differ from its defaults (`commands/settings.py`). "data" is
                "fashion-mnist" or the name of a folder of photographs below $TINYNET_DATA
    source      what the published figures are of
    published   its figures
    required    what has to be reached here, by the median of the seeds
    aimed       what is hoped for
    seeds       one training for each
    flips       measure with mirror images as well
    prediction  say what the trained network makes of one image
    target      a test accuracy at which training ends: the recipe is about the time until then
    photographs what kind of folder `--data` may name; "" for a recipe about one data set alone
    full_size   number of training images of the published data set, where another may stand in for it
    """

    name: str
    sentence: str
    settings: Mapping[str, Any]
    source: str
    published: Figures = field(default_factory=dict)
    required: Figures = field(default_factory=dict)
    aimed: Figures = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    flips: bool = False
    prediction: bool = False
    target: float | None = None
    photographs: str = ""
    full_size: int | None = None

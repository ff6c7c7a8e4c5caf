"""Published figures beside ours: the comparison that the command prints, and the table in the README."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from ..report.sections import with_section
from . import records
from .catalogue import RECIPES
from .recipe import MEASURES, Figures, Recipe
from .records import TOP, Record, figures, images_per_second, medians

HEADER = "| command | published | here | has to be reached | training |\n|---|---|---|---|---|\n"


def comparison(recipe: Recipe, kept: Sequence[Record]) -> str:
    """A line for each figure that was published, is required or hoped for, then the time it took."""
    ours = medians(recipe, kept)
    names = [name for name in MEASURES if name in {**recipe.published, **recipe.required, **recipe.aimed}]
    rows = [("", "published", "here", "")]
    for name in names:
        measure = MEASURES[name]
        published = measure.text(recipe.published[name]) if name in recipe.published else ""
        rows.append((measure.words, published, measure.text(ours[name]), _verdict(recipe, name, ours[name])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{words:<{widths[0]}}  {published:>{widths[1]}}  {here:>{widths[2]}}  {verdict}".rstrip()
        for words, published, here, verdict in rows
    ]
    return "\n".join([*lines, "", *_notes(recipe, kept)])


def lines(recipe: Recipe, kept: Sequence[Record]) -> list[str]:
    """What was published, what came out here, and what has to be reached, one line each."""
    texts = [("published", _listed(recipe.published)), ("required", _goals(recipe))]
    for group in _by_data_set(recipe, kept):
        here = f"{_listed(_ours(recipe, group))}; {_time(group)}" if group else "not measured yet"
        texts.append(("here", here))
    return [f"{title:<9}  {text}" for title, text in texts if text]


def _verdict(recipe: Recipe, name: str, value: float) -> str:
    """Whether the required and the hoped-for figure are reached, in words."""
    measure, parts = MEASURES[name], []
    for kind, limits in (("required", recipe.required), ("aim", recipe.aimed)):
        if name in limits:
            how = "reached" if measure.reached(value, limits[name]) else "NOT reached"
            bound = f"{measure.text(limits[name])} or {'more' if measure.more_is_better else 'less'}"
            parts.append(f"{kind}: {bound}, {how}")
    return "; ".join(parts)


def _notes(recipe: Recipe, kept: Sequence[Record]) -> list[str]:
    """What the figures are medians of, how long it took, on what."""
    notes = [_seeds(recipe, kept), _time(kept) + "."]
    if recipe.full_size:
        notes.append(_estimate(recipe, kept) + ".")
    return notes


def _seeds(recipe: Recipe, kept: Sequence[Record]) -> str:
    if len(kept) == 1:
        return f"Seed {kept[0]['seed']}."
    name = next(iter(recipe.required or recipe.published))
    each = ", ".join(MEASURES[name].text(figures(recipe, record)[name]) for record in kept)
    seeds = ", ".join(str(record["seed"]) for record in kept)
    return f"Medians over the seeds {seeds} ({MEASURES[name].words} {each})."


def _time(kept: Sequence[Record]) -> str:
    epochs = len(kept[0]["history"])
    seconds = sorted(record["training_seconds"] for record in kept)[len(kept) // 2]
    lasted = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
    rate = images_per_second(kept[0])
    return (
        f"{epochs} epoch{'s' * (epochs != 1)} in {lasted} ({rate:,.0f} images/s), "
        f"{kept[0]['parameters']:,} trained parameters"
    )


def _estimate(recipe: Recipe, kept: Sequence[Record]) -> str:
    """How long the published training would take here."""
    epochs, images = recipe.settings["epochs"], recipe.full_size or 0
    hours = epochs * images / images_per_second(kept[0]) / 3600
    return f"{epochs} epochs of {images:,} images would take {hours:.1f} hours"


# The README


def write(top: Path = TOP) -> Path:
    """Put the table between the two marks of the README; return the file."""
    readme = top / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_section(text, "results", markdown(top)), encoding="utf-8")
    return readme


def markdown(top: Path = TOP) -> str:
    """The table of all recipes with the records of `results/`, and how they were taken."""
    kept = records.load_all(top)
    rows = "".join(_row(recipe, group) for recipe in RECIPES.values() for group in _by_data_set(recipe, kept))
    return HEADER + rows + "\n" + _machine(kept)


def _by_data_set(recipe: Recipe, kept: Sequence[Record]) -> list[list[Record]]:
    """The recipe's records, those of each data set apart; one empty list if there are none."""
    own = [record for record in kept if record["recipe"] == recipe.name]
    return [list(group) for _, group in groupby(own, key=lambda record: record["data"]["name"])] or [[]]


def _row(recipe: Recipe, kept: Sequence[Record]) -> str:
    command = records.command(recipe, kept[0]) if kept else f"tinynet reproduce {recipe.name}"
    command = f"`{command}`<br>{recipe.sentence}"
    if kept and recipe.photographs:
        data = kept[0]["data"]
        command += f"<br>Here: {data['name']}, {data['training_images']:,} training images."
    cells = [command, _listed(recipe.published) or "–", "not measured yet", _goals(recipe), "–"]
    if kept:
        cells[2] = _listed(_ours(recipe, kept))
        cells[2] += "" if len(kept) == 1 else f"<br>{_seeds(recipe, kept)}"
        cells[3] = _goals(recipe, medians(recipe, kept))
        cells[4] = _time(kept) + (f"; {_estimate(recipe, kept)}" if recipe.full_size else "")
    return "| " + " | ".join(cells) + " |\n"


def _ours(recipe: Recipe, kept: Sequence[Record]) -> Figures:
    """Our figures, but for those that are told with the time of training."""
    ours = medians(recipe, kept)
    return {name: ours[name] for name in MEASURES if name in ours and name not in ("parameters", "minutes")}


def _listed(values: Figures) -> str:
    return ", ".join(f"{MEASURES[name].words} {MEASURES[name].text(value)}" for name, value in values.items())


def _goals(recipe: Recipe, ours: Figures | None = None) -> str:
    """What has to be reached and what is hoped for, and which of it `ours` do not reach."""
    goals, aims = (
        [_goal(name, limit, ours) for name, limit in limits.items()]
        for limits in (recipe.required, recipe.aimed)
    )
    return ", ".join(goals) + (f" (aim: {', '.join(aims)})" if aims else "") or "that it runs"


def _goal(name: str, limit: float, ours: Figures | None) -> str:
    measure = MEASURES[name]
    missed = ours is not None and not measure.reached(ours[name], limit)
    return measure.goal(limit) + (": **not reached**" if missed else "")


def _machine(kept: Sequence[Record]) -> str:
    """Where the records were taken; of several machines, each with its own words."""
    places = sorted({_place(record) for record in kept})
    taken = f" Taken with {'; and '.join(places)}." if places else ""
    return (
        "The test images choose nothing but the end of the sprint: weights are those of the last epoch, or "
        "their moving average. Times are of training, without the test images."
        f"{taken} The records, with every epoch, are in [results](results).\n"
    )


def _place(record: Record) -> str:
    machine, versions = record["machine"], record["versions"]
    return (
        f"{machine['threads']} cores of {machine['processor']}, Python {versions['python']}, "
        f"NumPy {versions['numpy']}, Numba {versions['numba']}"
    )

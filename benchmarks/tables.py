"""The tables of a comparison, for a terminal and in Markdown, from its record alone."""

from __future__ import annotations

from typing import Any

from .cases import INFERENCE, TRAINING
from .comparison import LABELS, Record, best, holds, ratio, verdict

Table = list[list[str]]  # the header and the rows; the first column is text, the others are figures
BUSY = 0.5  # processes at work, on average
RIVALS = {TRAINING: ("pytorch", "keras"), INFERENCE: ("pytorch", "keras", "onnxruntime")}


def times(record: Record, task: str) -> Table:
    """Milliseconds of a step: median, and in brackets the fastest and the slowest round."""
    peers = _measured(record, task)
    table = [["ms a step", *(LABELS[peer] for peer in peers), "tinynet, images/s"]]
    for case in _cases(record, task):
        ours = best(case, "tinynet")
        cells = [_time(best(case, peer)) for peer in peers]
        table.append([case["label"], *cells, f"{1000 * case['batch'] / ours['median']:,.0f}"])
    return table


def ratios(record: Record, task: str) -> Table:
    """How many times tinynet's time each rival took, and the ratio that was promised."""
    peers = [peer for peer in _measured(record, task) if peer != "tinynet"]
    table = [["time / tinynet's", *(f"{LABELS[peer]}, floor" for peer in peers)]]
    for case in _cases(record, task):
        table.append([case["label"], *(_ratio(case, peer) for peer in peers)])
    return table


def beginnings(record: Record, task: str) -> Table:
    """Seconds from the start of a process to the end of its first step, and the first step alone.

    In the last column, if it was measured, tinynet's with nothing compiled yet.
    """
    table = _of_each(record, task, "s to the first step", _start)
    cold = [best(case, "tinynet").get("cold") for case in _cases(record, task)]
    if any(cold):
        cells = ["tinynet, first run ever", *("-" if one is None else f"{one / 1000:.1f}" for one in cold)]
        table = [[*row, cell] for row, cell in zip(table, cells, strict=True)]
    return table


def memory(record: Record, task: str) -> Table:
    """MB at the peak, and in brackets how much of it came after the network was built."""
    return _of_each(record, task, "peak memory, MB", _peak)


def heading(record: Record) -> str:
    """The machine, the versions and the way of measuring; and the other work there was, if any."""
    return (
        f"{machine(record)}, {record['taken'][:10]}. {versions(record)}. Median of {record['rounds']} rounds "
        f"of {record['seconds']:g} s each, in brackets the fastest and the slowest round."
        + (f" {busy(record)}" if busy(record) else "")
    )


def busy(record: Record) -> str:
    """A sentence if the machine had other work when the run began: its load average of the minute before."""
    load = record.get("load")
    if load is None or load < BUSY:
        return ""
    return f"The machine did other work before the run: load average {load:.1f}."


def machine(record: Record) -> str:
    """The processor and how much of it was used."""
    return f"{record['processor']}, {record['threads']} thread{'s' if record['threads'] > 1 else ''}"


def versions(record: Record) -> str:
    """Of Python, of tinynet and what it is built on, and of its rivals."""
    return ", ".join(_version(name, version) for name, version in record["versions"].items())


def verdict_sentence(record: Record) -> str:
    """How many of the promised ratios hold."""
    held, asked = verdict(record["cases"])
    return f"{held} of {asked} floors hold." if asked else "No floor was put to the test."


def plain(table: Table) -> str:
    """For a terminal: text to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in table
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def markdown(table: Table) -> str:
    """For a document."""
    rule = ["---"] + ["---:"] * (len(table[0]) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [table[0], rule, *table[1:]])


def _cases(record: Record, task: str) -> list[Record]:
    return [case for case in record["cases"] if case["task"] == task]


def _measured(record: Record, task: str) -> list[str]:
    """The peers that have figures, tinynet first."""
    cases = _cases(record, task)
    return [peer for peer in ("tinynet", *RIVALS[task]) if any(peer in case["peers"] for case in cases)]


def _of_each(record: Record, task: str, title: str, cell) -> Table:
    peers = _measured(record, task)
    rows = [[case["label"], *(cell(best(case, peer)) for peer in peers)] for case in _cases(record, task)]
    return [[title, *(LABELS[peer] for peer in peers)], *rows]


def _time(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return "-"
    numbers = [digits(figures[name]) for name in ("median", "min", "max")]
    variant = f" {figures['variant']}" if figures["variant"] in ("NCHW", "NHWC") else ""
    return f"{numbers[0]} ({numbers[1]}-{numbers[2]}){variant}"


def digits(value: float) -> str:
    """Three significant digits, never an exponent."""
    decimals = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f}"


def _ratio(case: Record, peer: str) -> str:
    reached = ratio(case, peer)
    if reached is None:
        return "-"
    answer = holds(case, peer)
    if answer is None:
        return f"{reached:.2f}"
    floor = case["floors"][peer]
    rounded_up = not answer and round(reached, 2) >= floor
    return f"{reached:.{3 if rounded_up else 2}f}, {floor:.1f} {'holds' if answer else 'missed'}"


def _start(figures: dict[str, Any] | None) -> str:
    return "-" if figures is None else f"{figures['start'] / 1000:.1f} ({digits(figures['first'] / 1000)})"


def _peak(figures: dict[str, Any] | None) -> str:
    return "-" if figures is None else f"{figures['peak']:.0f} (+{figures['peak'] - figures['resting']:.0f})"


def _version(name: str, version: str) -> str:
    return version if name in LABELS.values() else f"{name} {version}"


def of_task(record: Record, task: str) -> list[Table]:
    """All tables of training or of inference; none if nothing was measured."""
    if not _cases(record, task):
        return []
    found = [times(record, task), ratios(record, task), beginnings(record, task), memory(record, task)]
    return [table for table in found if len(table[0]) > 1]


def show(record: Record) -> str:
    """Everything, for a terminal."""
    parts = [heading(record)]
    for task in (TRAINING, INFERENCE):
        found = of_task(record, task)
        parts += [task.capitalize()] * bool(found) + [plain(table) for table in found]
    return "\n\n".join([*parts, "\n".join([verdict_sentence(record), *record["left_out"]])])

"""The docstrings of the package are plain text; here they become reStructuredText, for the API reference.

What the text means by its form: an empty line ends a paragraph, an indented paragraph or one with columns
is shown as it stands, `words` between backticks are code, a line that begins with `name:` describes an
argument.
"""

from __future__ import annotations

import re
import textwrap

COLUMNS = re.compile(r"[^\s.:] {2,}\S")
ARGUMENT = re.compile(r"[\w*`][\w*`, ]*: ")
BULLET = re.compile(r"(- |\d+\. )")


def to_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring as those of a reStructuredText."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).rstrip())
    return "\n\n".join(_block(block) for block in blocks if block.strip()).split("\n") + [""]


def _block(block: str) -> str:
    rows = block.split("\n")
    if all(row.startswith("    ") for row in rows) or any(COLUMNS.search(row.strip()) for row in rows):
        return "::\n\n" + textwrap.indent(textwrap.dedent(block), "    ")
    items: list[str] = []
    for row in rows:
        new = not row.startswith(" ") and (ARGUMENT.match(row) or BULLET.match(row))
        if new or not items:
            items.append(row.strip())
        else:
            items[-1] += " " + row.strip()
    if all(BULLET.match(item) for item in items):
        return "\n".join("- " + _inline(BULLET.sub("", item, count=1)) for item in items)
    return "\n".join(f"| {_inline(item)}" for item in items) if len(items) > 1 else _inline(items[0])


def _inline(text: str) -> str:
    """Backticks become literals; outside of them, what reStructuredText would understand is escaped."""
    pieces = []
    for index, part in enumerate(re.split(r"`([^`]+)`", text)):
        pieces.append(re.sub(r"([\\*_|`])", r"\\\1", part) if index % 2 == 0 else f"\\ ``{part.strip()}``\\ ")
    return "".join(pieces)

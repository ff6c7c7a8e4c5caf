"""Generated parts of documents: a text between two marks, so that no figure is typed by hand."""

from __future__ import annotations

from ..errors import InputError


def with_section(text: str, name: str, content: str, place: str = "README.md") -> str:
    """`text` with `content` between its marks `<!-- name -->` and `<!-- end of name -->`.

    Raises InputError if the document, called `place` in the message, lacks them.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, mark, after = rest.partition(end)
    if not found or not mark:
        raise InputError(f"{place} has no {begin} ... {end}: put the two marks where it goes.")
    return f"{before}{begin}\n{content}{end}{after}"

"""Pages of the source with an anchor at each line, and links to them from the API reference."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


class SourcePage(SphinxDirective):
    """`.. source-page:: tinynet/tensor.py` shows a file of the project, with numbered lines."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """The file as one block of code, whose lines are anchors: #L-1."""
        code = (ROOT / self.arguments[0]).read_text(encoding="utf-8")
        block = nodes.literal_block(code, code, language="python", linenos=True)
        block["highlight_args"] = {"lineanchors": "L", "anchorlinenos": True}
        return [block]


def address(path: Path, line: int = 0) -> str | None:
    """The page of a file, relative to a page one folder deep; None for a file that has no page."""
    if not path.is_relative_to(ROOT / "tinynet"):
        return None
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    return f"../source/{name}.html" + (f"#L-{line}" if line else "")


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Where an object of the API reference is defined, for `sphinx.ext.linkcode`."""
    thing: Any = sys.modules.get(info["module"])
    for name in info["fullname"].split("."):
        thing = getattr(thing, name, None)
    thing = inspect.unwrap(getattr(thing, "py_func", getattr(thing, "fget", None) or thing))
    try:
        return address(Path(inspect.getsourcefile(thing) or "").resolve(), inspect.getsourcelines(thing)[1])
    except (TypeError, OSError):  # a plain value has no source
        return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("source-page", SourcePage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

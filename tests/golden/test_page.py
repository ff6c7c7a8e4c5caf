"""docs/differences.md and `test_differences.py` say the same: a test for each line, a line for each test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from .conftest import ROOT

PAGE = ROOT / "docs" / "differences.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAMED = re.compile(r"`(test_\w+)`")


def rows() -> list[str]:
    """The rows of the page's tables of differences, without their heads."""
    lines = TEXT.partition("## How close")[0].splitlines()
    return [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("| ") and not below.startswith("|---")
    ]


def existing() -> set[str]:
    tree = ast.parse(Path(__file__).with_name("test_differences.py").read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_line_names_a_test_that_exists():
    assert len(rows()) >= 25
    for row in rows():
        names = NAMED.findall(row)
        assert names and set(names) <= existing(), row


def test_every_test_has_a_line():
    assert existing() == set(NAMED.findall("".join(rows())))


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert targets
    for target in targets:
        assert (PAGE.parent / target).exists(), target

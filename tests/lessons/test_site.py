"""The site: docstrings and links become what Sphinx understands. `.ci/run` builds it as a whole."""

from __future__ import annotations

import pytest

from lessons.__main__ import main
from lessons.site import docstrings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One line\nand its rest.", "One line and its rest."),
        ("a * b | c_ and \\d", "a \\* b \\| c\\_ and \\\\d"),
        ("`x` of 2", "\\ ``x``\\  of 2"),
        ("x: an array.\n    of numbers\ny: another.", "| x: an array. of numbers\n| y: another."),
        ("- one\n- two", "- one\n- two"),
        ("Formula\n\n    y = a * b", "Formula\n\n::\n\n    y = a * b"),
        ('"auto"  this\n"garments"  that', '::\n\n    "auto"  this\n    "garments"  that'),
    ],
)
def test_a_docstring_becomes_restructured_text(text, expected):
    assert "\n".join(docstrings.to_rst(text.split("\n"))).rstrip("\n") == expected


def test_a_folder_that_is_no_site_is_not_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lessons.site.build.TOOLS", ())
    (tmp_path / "letter.txt").write_text("keep me", encoding="utf-8")
    assert main(["build", "--out", str(tmp_path)]) == 2
    assert "is not empty and no site" in capsys.readouterr().err
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "keep me"


def test_missing_tools_are_named_with_what_installs_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lessons.site.build.TOOLS", ("json", "no_such_tool"))
    assert main(["build", "--out", str(tmp_path / "site")]) == 2
    error = capsys.readouterr().err
    assert "no_such_tool" in error and "json" not in error and '".[lessons]"' in error


def test_the_map_is_printed(capsys):
    assert main(["map"]) == 0
    assert capsys.readouterr().out.startswith("# Map of the source")

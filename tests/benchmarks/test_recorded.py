"""The recorded tables: the README holds those of the records, between marks."""

import json
import re

import pytest

from benchmarks import __main__ as command
from benchmarks import recorded
from tinynet.errors import InputError
from tinynet.report.sections import with_section

from . import records

TEXT = "before\n<!-- scores -->\nold\n<!-- end of scores -->\nafter\n"


def test_a_section_is_put_between_its_marks():
    new = with_section(TEXT, "scores", "new\n")
    assert new == "before\n<!-- scores -->\nnew\n<!-- end of scores -->\nafter\n"
    assert with_section(new, "scores", "old\n") == TEXT


@pytest.mark.parametrize("text", ["nothing", "<!-- scores -->", "<!-- end of scores --> <!-- scores -->"])
def test_a_document_without_the_marks_is_refused(text):
    with pytest.raises(InputError, match="PAGE.md has no <!-- scores -->"):
        with_section(text, "scores", "new", "PAGE.md")


def test_the_readme_holds_the_recorded_figures(capsys):
    assert recorded.main(["--check"]) == 0, capsys.readouterr().out


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", recorded.README.read_text(encoding="utf-8")):
        assert (recorded.README.parent / target).exists(), target


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A README and records of its own."""
    sections = "".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in recorded.SECTIONS)
    (tmp_path / "README.md").write_text(sections)
    monkeypatch.setattr(recorded, "README", tmp_path / "README.md")
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    return tmp_path


def test_a_record_gets_its_tables_and_the_others_stay(folder):
    (folder / "comparison.json").write_text(json.dumps(records.comparison()))
    assert recorded.main(["--check"]) == 1
    assert recorded.main([]) == 0 and recorded.main(["--check"]) == 0
    text = (folder / "README.md").read_text()
    assert "| net-train, batch 4 | 2.25, 2.0 holds | 2.50, 3.0 missed |" in text
    assert "**1 of 2 floors hold.**" in text and "recorded/comparison.png" in text
    assert "<!-- scaling -->\n<!-- end of scaling -->" in text


def test_a_run_with_record_is_kept_and_shown(folder, monkeypatch, capsys):
    monkeypatch.setattr(command, "RIVALS", ())
    monkeypatch.setattr(command, "compare", lambda *arguments: records.comparison())
    assert command.main(["--record", "--out", str(folder / "elsewhere")]) == 0
    assert json.loads((folder / "comparison.json").read_text()) == records.comparison()
    assert (folder / "comparison.png").exists() and not (folder / "elsewhere").exists()
    assert recorded.main(["--check"]) == 0


def test_a_changed_figure_is_noticed(folder, capsys):
    (folder / "comparison.json").write_text(json.dumps(records.comparison()))
    recorded.main([])
    readme = folder / "README.md"
    readme.write_text(readme.read_text().replace("2.25,", "3.25,"))
    assert recorded.main(["--check"]) == 1
    assert "other figures" in capsys.readouterr().out


def test_unknown_arguments_get_a_sentence(capsys):
    assert recorded.main(["--force"]) == 2
    assert "--force" in capsys.readouterr().err

"""The README: what it tells people to run, runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tinynet.cli import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^tinynet [^#\n]*", "".join(BLOCKS), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_understood(command):
    build_parser().parse_args(shlex.split(command)[1:])


def test_the_readme_shows_commands():
    assert len(COMMANDS) >= 6


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    assert "Epoch 2/2" in capsys.readouterr().out
    assert names["probabilities"].shape[1] == 2
    names["tn"].load("model.npz", names["model"])


@pytest.mark.parametrize(
    "document", ["README.md", "docs/design.md", "docs/comparing.md", "docs/differences.md"]
)
def test_links_to_files_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), target

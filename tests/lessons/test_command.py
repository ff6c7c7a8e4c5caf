"""`tinynet check` and `python -m lessons check`: what they print, and their exit codes."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from lessons import shelf
from lessons.__main__ import main as lessons_main
from tinynet.cli import main as tinynet_main

SOLUTION = shelf.FOLDER / "solutions" / "01_scalar.py"


@pytest.fixture(params=[lessons_main, tinynet_main], ids=["python -m lessons", "tinynet"])
def check(request, capsys):
    def call(*arguments):
        capsys.readouterr()
        code = request.param(["check", *map(str, arguments)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


@pytest.fixture
def mine(tmp_path):
    """The solution with one text exchanged for another."""

    def write(old="", new=""):
        code = SOLUTION.read_text(encoding="utf-8")
        assert old in code
        path = tmp_path / "mine.py"
        path.write_text(code.replace(old, new), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["1", "01", "scalar", "01_scalar", "01_scalar.py"])
def test_the_starter_is_not_attempted(check, name):
    code, output, error = check(name)
    assert (code, error) == (1, "")
    assert output.count("not attempted") == 3 and output.endswith("0 of 3 right.\n")


def test_all_right_is_exit_code_0(check, mine):
    code, output, _ = check("01", "--file", mine())
    assert code == 0 and output.endswith("3 of 3 right.\n")


def test_a_wrong_answer_comes_with_number_and_hint(check, mine):
    code, output, _ = check("01", "--file", mine("2 * error", "error"))
    assert code == 1 and "2 of 3 right." in output
    assert "gradient(2, 3, -5, 0), value 1: got 3, expected 6." in output
    assert "The derivative of e^2 is 2 e, not e." in output


def test_a_lesson_that_is_not_there(check):
    code, output, error = check("77")
    assert (code, output) == (2, "") and "There is no lesson '77': choose one of 01_scalar" in error


def test_a_file_that_is_not_there(check, tmp_path):
    code, _, error = check("01", "--file", tmp_path / "none.py")
    assert code == 2 and "There is no file" in error


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("def gradient(", "def gradient((", "mine.py, line 8, is not Python: "),
        (
            "from collections",
            "import nowhere\nfrom collections",
            "mine.py, line 5, cannot be imported: Module",
        ),
        ("from collections", "exit(0)\nfrom collections", "mine.py, line 5, cannot be imported: SystemExit"),
        (
            "def nudged(",
            "def nudge(",
            "mine.py has no nudged: copy the line that begins it from the starter.",
        ),
    ],
)
def test_a_file_that_cannot_be_checked(check, mine, old, new, sentence):
    code, _, error = check("01", "--file", mine(old, new))
    assert code == 2 and sentence in error and "Traceback" not in error


def test_a_file_that_is_no_text(check, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(b"\xff\x00")
    assert check("01", "--file", path)[0] == 2
    assert check("01", "--file", shutil.copy(SOLUTION, tmp_path / "mine.txt"))[0] == 2


def test_without_the_lessons_the_command_says_where_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinynet.commands.check.CLONE", tmp_path)
    assert tinynet_main(["check", "01"]) == 2
    assert "The lessons are not here" in capsys.readouterr().err


def test_the_command_finds_the_lessons_from_any_folder(tmp_path):
    command = [sys.executable, "-m", "tinynet", "check", "01", "--file", str(SOLUTION)]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(shelf.FOLDER.parent)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr

"""Every lesson runs as a script, in fast mode, without a display; and the helper that lessons share."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lessons import shelf


def run(*command, cwd, **variables):
    environment = {**os.environ, "PYTHONPATH": str(shelf.FOLDER.parent), "TINYNET_FAST": "1", **variables}
    environment.pop("DISPLAY", None)
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


@pytest.mark.parametrize("lesson", shelf.lessons(), ids=lambda path: path.stem)
def test_a_lesson_runs_as_a_script(lesson, tmp_path):
    result = run(str(lesson), cwd=tmp_path, TINYNET_LESSON_FIGURES=str(tmp_path / "figures"))
    assert result.returncode == 0, result.stderr
    assert result.stdout


HELPED = """
import sys
sys.path.insert(0, {folder!r})
from matplotlib import pyplot
from _show import data, fast, figure, source
import tinynet as tn
print(fast())
train, test = data(60000)
print(len(train), len(test), train.name)
source(tn.gradcheck)
drawing, axes = pyplot.subplots()
figure(drawing, "empty")
print(pyplot.get_fignums())
"""


@pytest.fixture(scope="module")
def helped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("helped")
    code = HELPED.format(folder=str(shelf.FOLDER))
    result = run("-c", code, cwd=folder, TINYNET_LESSON_FIGURES=str(folder / "figures"))
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_fast_mode_draws_few_garments_and_says_so(helped):
    lines = helped[1].splitlines()
    assert lines[0] == "True"
    assert "1,000 training and 500 test images, garments that tinynet drew" in lines


def test_source_is_quoted_with_its_place(helped):
    assert "# tinynet/gradcheck.py, line " in helped[1] and "\ndef gradcheck(" in helped[1]


def test_a_figure_is_saved_and_closed(helped):
    folder, output = helped
    assert (folder / "figures" / "empty.png").read_bytes().startswith(b"\x89PNG")
    assert output.rstrip().endswith("[]")

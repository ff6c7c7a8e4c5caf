"""A recipe of a second's training, a place that looks like a clone of the project, and the command."""

import dataclasses

import pytest

from tests.cli.conftest import SIZE, write_photographs
from tinynet.cli import main
from tinynet.recipes import RECIPES, Recipe, records

TINY = Recipe(
    name="tiny",
    sentence="Noise with stripes.",
    settings={
        "model": "compact-cnn",
        "data": "shapes",
        "epochs": 2,
        "batch_size": 8,
        "schedule": "constant",
        "resolution": SIZE,
        "average": 0.5,
    },
    source="nobody",
    published={"training_accuracy": 0.3, "test_loss": 0.5},
    required={"test_accuracy": 0.01, "test_loss": 0.01},
    aimed={"flipped_accuracy": 0.02},
    seeds=(0, 1, 2),
    flips=True,
    prediction=True,
    photographs="photographs of shapes",
    full_size=1_000,
)


@pytest.fixture
def recipe(monkeypatch):
    """Puts a recipe made of TINY with some changes among the others, and returns it."""

    def register(**changes):
        changed = dataclasses.replace(TINY, **changes)
        monkeypatch.setitem(RECIPES, changed.name, changed)
        return changed

    return register


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder for TINYNET_DATA."""
    folder = tmp_path_factory.mktemp("data")
    write_photographs(folder / "shapes")
    return folder


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A place that looks like a clone of the project and takes its records; the working folder is another."""
    top, work = tmp_path / "clone", tmp_path / "work"
    (top / ".git").mkdir(parents=True)
    (top / "setup.cfg").touch()
    (top / "README.md").write_text("before\n<!-- results -->\n<!-- end of results -->\nafter\n")
    monkeypatch.setattr(records, "TOP", top)
    work.mkdir()
    monkeypatch.chdir(work)
    return top


@pytest.fixture
def reproduce(capsys, clone, data, monkeypatch):
    """Runs `tinynet reproduce`: (exit code, standard output, standard error)."""
    monkeypatch.setenv("TINYNET_DATA", str(data))

    def call(*arguments):
        capsys.readouterr()
        code = main(["reproduce", *map(str, arguments)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call

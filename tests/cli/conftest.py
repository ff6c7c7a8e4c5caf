"""A folder of tiny photographs, and a run trained on it once for all tests that only read it."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tinynet.cli import main

SIZE = 18
TRAINING = ["--resolution", str(SIZE), "--batch-size", "8", "--schedule", "constant", "--epochs", "1"]


def write_photographs(folder, classes=("circle", "square", "stripe"), count=6, seed=0):
    """train/ and test/ with a folder per class: noise that is bright where its class says."""
    rng = np.random.default_rng(seed)
    for part in ("train", "test"):
        for index, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 100, (SIZE, SIZE, 3), dtype=np.uint8)
                pixels[6 * index : 6 * index + 6] += 120
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, photographs):
    """Only to be read; `run` gives a copy to work on."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    code = main(["train", "compact-cnn", "--data", str(photographs), "--out", str(path), *TRAINING])
    assert code == 0
    return path


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def tinynet(capsys):
    """Runs a command in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call

"""Folders on the command line: bad files skipped or refused, decoded images kept, parts used."""

import json
import shutil

import pytest

from tinynet.data import folders

from .conftest import TRAINING, write_photographs


@pytest.fixture
def spoilt(photographs, tmp_path):
    """The photographs with a damaged file among those to test on and two of one name to train on."""
    folder = shutil.copytree(photographs, tmp_path / "photographs")
    (folder / "test" / "circle" / "3.png").write_bytes(b"damaged")
    shutil.copy(folder / "train" / "square" / "1.png", folder / "train" / "square" / "1.jpg")
    return folder


def begin(tinynet, data, out, *more):
    return tinynet("train", "compact-cnn", "--data", data, "--out", out, *TRAINING, *more)


def test_bad_files_end_a_training_before_it_begins(tinynet, spoilt, tmp_path):
    code, _, error = begin(tinynet, spoilt, tmp_path / "run")
    assert code == 2 and error.count("\n") == 1
    assert "1.png has the name of 1.jpg beside it" in error and "--skip-bad" in error
    assert not (tmp_path / "run" / "run.json").exists()


def test_bad_files_are_skipped_named_and_counted_also_when_a_run_goes_on(tinynet, spoilt, tmp_path):
    run = tmp_path / "run"
    for command in (
        ("train", "compact-cnn", "--data", spoilt, "--out", run, *TRAINING, "--skip-bad"),
        ("train", "--resume", run, "--epochs", 2),
        ("evaluate", run, "--skip-bad"),
        ("export", run, tmp_path / "half.npz", "--skip-bad"),
    ):
        code, _, error = tinynet(*command)
        assert code == 0, error
        in_training = "warning: Skipped 1 of 19 files in" in error and "1.png has the name of" in error
        assert in_training == (command[0] == "train")
        assert "warning: Skipped 1 of 18 files in" in error and "3.png is not a JPEG" in error
    for record in (run / "run.json", tmp_path / "half.json"):
        assert json.loads(record.read_text())["test"]["images"] == 17


def test_evaluation_says_how_to_go_past_a_bad_file(tinynet, spoilt, run):
    code, _, error = tinynet("evaluate", run, "--data", spoilt)
    assert code == 2 and "--skip-bad" in error


def test_a_sheet_of_augmentations_goes_past_bad_files(tinynet, spoilt, tmp_path):
    for part in (spoilt / "train").iterdir():
        for number in range(1, 6):
            (part / f"{number}.png").unlink(missing_ok=True)
    (spoilt / "train" / "stripe" / "1.png").write_bytes(b"damaged")
    sheet = ("augment", spoilt, "--out", tmp_path / "sheet.png", "--augment", "flip")
    code, _, error = tinynet(*sheet)
    assert code == 2 and "1.png is not a JPEG" in error and "--skip-bad" in error
    code, said, error = tinynet(*sheet, "--skip-bad")
    assert code == 0 and "Saved" in said
    assert error.startswith("tinynet: warning: Skipped 1 of ") and "1.png is not a JPEG" in error


def test_decoded_photographs_are_kept(tinynet, photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert begin(tinynet, photographs, tmp_path / "run", "--cache")[0] == 0
    assert len(list((tmp_path / "cache" / "tinynet" / "images").glob("*.images"))) == 2

    def refuse(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(folders, "load_pixels", refuse)
    assert tinynet("train", "--resume", tmp_path / "run", "--epochs", 2)[0] == 0
    assert tinynet("evaluate", tmp_path / "run", "--cache")[0] == 0


def test_a_training_from_files_equals_one_from_memory(tinynet, photographs, tmp_path, monkeypatch):
    results = []
    for room in (1 << 30, 0):
        monkeypatch.setattr(folders, "room_for_images", lambda room=room: room)
        run = tmp_path / f"run{room}"
        assert begin(tinynet, photographs, run, "--augment", "flip")[0] == 0
        results.append(json.loads((run / "run.json").read_text())["test"])
        assert tinynet("evaluate", run)[0] == 0
    assert results[0] == results[1]


def test_validation_images_of_the_folder_are_measured_after_each_epoch(tinynet, photographs, tmp_path):
    folder = write_photographs(tmp_path / "parts", seed=1)
    shutil.copytree(photographs / "test", folder / "validation")
    run = tmp_path / "run"
    code, said, error = begin(tinynet, folder, run)
    assert code == 0, error
    assert "18 training images" in said and "18 held out, 18 test images" in said
    assert json.loads((run / "run.json").read_text())["validation_measured_on"] == "validation"
    code, _, error = begin(tinynet, folder, tmp_path / "other", "--validation-split", 0.5)
    assert code == 2 and "holds validation images of its own" in error

"""The history and the files it goes to."""

import json
import os

import pytest

from tinynet.errors import CheckpointError
from tinynet.train import History
from tinynet.train.files import replacing, write_json

RECORD = {
    "epoch": 1,
    "loss": 0.5,
    "accuracy": 0.75,
    "val_loss": None,
    "val_accuracy": None,
    "seconds": 1.5,
}


def test_a_saved_history_is_a_plain_json_list(tmp_path):
    History([RECORD]).save(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text()) == [RECORD]


def test_a_history_comes_back(tmp_path):
    History([RECORD]).save(tmp_path / "history.json")
    history = History.load(tmp_path / "history.json")
    assert history == [RECORD] and history.column("accuracy") == [0.75]


def test_the_table_has_a_line_per_epoch():
    lines = str(History([RECORD])).splitlines()
    assert len(lines) == 2 and "val_accuracy" in lines[0] and "0.7500" in lines[1]


@pytest.mark.parametrize("content", ["{}x", "[1, 2]", '[{"epoch": 1}]', "3"])
def test_a_file_that_is_no_history_is_refused(tmp_path, content):
    (tmp_path / "history.json").write_text(content)
    with pytest.raises(CheckpointError, match="is not a history"):
        History.load(tmp_path / "history.json")


def test_a_missing_history_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="is not there"):
        History.load(tmp_path / "history.json")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"new, but")
        raise RuntimeError("the disk is full")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_json_files_never_hold_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file.json", float("nan"))
    assert not (tmp_path / "file.json").exists()

"""Bad input: exit code 2, one sentence on stderr, no traceback, and nothing saved is lost."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from .conftest import TRAINING, write_photographs


@pytest.fixture
def refused(tinynet):
    """Runs a command that must be refused, and returns its sentence."""

    def call(*arguments):
        code, _, error = tinynet(*arguments)
        assert code == 2 and "Traceback" not in error
        *before, sentence = error.splitlines()
        assert before == [] and sentence.startswith("tinynet: error: ")
        return sentence

    return call


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["train", "separable-cmm"], ["'separable-cmm'", "Did you mean 'separable-cnn'"]),
        (["summary", "resnet"], ["'resnet'", "mobilenet"]),
        (["train", "--width", "2"], ["--width does not apply to separable-cnn", "classes"]),
        (["summary", "simple-cnn", "--width", "2"], ["--width does not apply to simple-cnn"]),
        (["summary", "separable-cnn-binary", "--classes", "5"], ["--classes does not apply"]),
        (["summary", "mobilenet", "--resolution", "3"], ["resolution", "got 3"]),
        (["summary", "compact-cnn", "--resolution", "17"], ["compact-cnn --resolution 17 cannot be built"]),
        (["train", "mobilenet-28", "--resolution", "32"], ["--resolution does not apply to mobilenet-28"]),
        (["summary", "mobilenet", "--width", "0"], ["--width", "above 0", "'0'"]),
        (["train", "--epochs", "0"], ["--epochs", "1 or more", "'0'"]),
        (["train", "--epochs", "ten"], ["--epochs", "'ten'"]),
        (["train", "--batch-size", "-1"], ["--batch-size", "'-1'"]),
        (["train", "--limit", "0"], ["--limit", "'0'"]),
        (["train", "--seed", "-1"], ["--seed", "0 or more", "'-1'"]),
        (["train", "--lr", "nan"], ["--lr", "above 0", "'nan'"]),
        (["train", "--lr", "inf"], ["--lr", "above 0", "'inf'"]),
        (["train", "--validation-split", "1"], ["--validation-split", "between 0 and 1", "'1'"]),
        (["train", "--optimizer", "adamm"], ["--optimizer", "'adamm'", "sgd"]),
        (["train", "--threads", "0"], ["--threads", "'0'"]),
        (["train", "--threads", "100000"], ["threads is 100000"]),
        (["train", "--frobnicate"], ["--frobnicate"]),
        (["train", "--epoch", "1"], ["--epoch"]),  # no abbreviations: they would change meaning later
        (["fly"], ["'fly'", "train"]),
        ([], ["COMMAND"]),
        (["predict", "somewhere"], ["IMAGE"]),
        (["train", "--data", "nowhere"], ["'nowhere'", "no such folder"]),
        (["train", "separable-cnn-binary", "--data", "garments", "--limit", "10"], ["two classes"]),
        (
            ["train", "--data", "garments", "--limit", "10", "--resolution", "64"],
            ["--resolution 64", "28x28"],
        ),
        (["train", "--resume", "nowhere"], ["no run folder nowhere"]),
        (["evaluate", "nowhere"], ["nowhere is not there"]),
        (["predict", "nowhere", "image.png"], ["nowhere is not there"]),
    ],
)
def test_wrong_arguments(refused, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    sentence = refused(*arguments)
    for part in parts:
        assert part in sentence
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["compact-cnn", "--resolution", 5], "compact-cnn --resolution 5 cannot be built: size expects"),
        (["mobilenet", "--resolution", 8], "mobilenet --resolution 8 cannot be built: resolution expects"),
        (["mobilenet", "--width", 0.01], "mobilenet --width 0.01 cannot be built: width expects 0.03125"),
        (["mobilenet", "--stem-stride", 3], "mobilenet --stem-stride 3 cannot be built: stem_stride"),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_photographs_are_read(refused, tmp_path, flags, sentence):
    folder = write_photographs(tmp_path / "photographs")
    (folder / "train" / "circle" / "0.png").write_bytes(b"would be refused, too")
    assert sentence in refused("train", *flags, "--data", folder)


def test_threads_of_the_environment_are_checked(refused, monkeypatch, photographs):
    monkeypatch.setenv("TINYNET_NUM_THREADS", "many")
    monkeypatch.setattr("tinynet.kernels.threads._chosen", None)
    assert "TINYNET_NUM_THREADS" in refused("train", "--data", photographs)


@pytest.mark.parametrize("place", ["file/run", "file"])
def test_a_run_folder_that_cannot_be_written_to(refused, photographs, tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    sentence = refused("train", "--data", photographs, "--out", tmp_path / place)
    assert "cannot be written to" in sentence and "--out" in sentence
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_picture_folder_that_cannot_be_written_to(refused, finished, photographs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    image = photographs / "test" / "circle" / "0.png"
    sentence = refused("predict", finished, image, "--out", tmp_path / "file" / "pictures")
    assert str(tmp_path / "file") in sentence


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_that_holds_a_run_is_not_overwritten(refused, photographs, run):
    before = contents(run)
    sentence = refused("train", "--data", photographs, "--out", run, *TRAINING)
    assert "already holds a run" in sentence and "--resume" in sentence
    assert contents(run) == before


def test_a_failed_start_can_be_tried_again_with_the_same_folder(tinynet, refused, photographs, tmp_path):
    out = ["--out", tmp_path / "run"]
    refused("train", "separable-cnn-binary", "--data", photographs, *out, *TRAINING)
    assert tinynet("train", "compact-cnn", "--data", photographs, *out, *TRAINING)[0] == 0


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["simple-cnn"], "MODEL simple-cnn"),
        (["--lr", "0.5"], "--lr 0.5"),
        (["--batch-size", "9"], "--batch-size 9"),
        (["--seed", "5"], "--seed 5"),
        (["--data", "garments"], "--data garments"),
        (["--out", "elsewhere"], "--out elsewhere"),
    ],
)
def test_resume_with_another_configuration(refused, run, flags, part):
    before = contents(run)
    sentence = refused("train", "--resume", run, "--epochs", "2", *flags)
    assert part in sentence and "cannot be combined with --resume" in sentence
    assert contents(run) == before


def test_resume_when_the_data_have_changed(tinynet, refused, tmp_path):
    folder = write_photographs(tmp_path / "photographs")
    run = tmp_path / "run"
    assert tinynet("train", "compact-cnn", "--data", folder, "--out", run, *TRAINING)[0] == 0
    (folder / "train" / "circle" / "0.png").unlink()
    sentence = refused("train", "--resume", run, "--epochs", "2")
    assert "training_images was 18 and is 17" in sentence
    assert sentence in refused("train", "--resume", run, "--epochs", "2", "--data", folder)


def test_resume_and_evaluate_when_the_data_have_moved(tinynet, refused, photographs, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(photographs, old)
    run = tmp_path / "run"
    assert tinynet("train", "compact-cnn", "--data", old, "--out", run, *TRAINING)[0] == 0
    old.rename(new)
    for command in (["train", "--resume", run, "--epochs", "2"], ["evaluate", run]):
        assert f"{old}, which is not there any more: say with --data where" in refused(*command)
    assert tinynet("evaluate", run, "--data", new)[0] == 0
    code, _, error = tinynet("train", "--resume", run, "--epochs", "2", "--data", new)
    assert code == 0, error
    assert json.loads((run / "run.json").read_text())["configuration"]["data"] == str(new)
    assert tinynet("evaluate", run)[0] == 0


def test_resume_of_a_run_that_is_complete(refused, run):
    assert "--epochs 11" in refused("train", "--resume", run)


def test_resume_without_a_checkpoint(refused, run):
    (run / "checkpoint.npz").unlink()
    assert "checkpoint.npz is not there" in refused("train", "--resume", run, "--epochs", "2")


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
@pytest.mark.parametrize("command", ["resume", "evaluate", "predict"])
def test_a_damaged_file_of_a_run(refused, run, photographs, damage, command):
    path = run / ("checkpoint.npz" if command == "resume" else "model.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes({"truncated": content[:5000], "changed": content, "empty": b""}[damage])
    before = contents(run)
    arguments = {
        "resume": ["train", "--resume", run, "--epochs", "2"],
        "evaluate": ["evaluate", run],
        "predict": ["predict", run, photographs / "test" / "circle" / "0.png"],
    }[command]
    assert "damaged or cut short" in refused(*arguments)
    assert contents(run) == before


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_run_json(refused, run, content):
    (run / "run.json").write_text(content)
    assert "run.json is damaged" in refused("train", "--resume", run, "--epochs", "2")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("configuration",), None),
        (("data",), [3]),
        (("configuration", "options"), "x"),
        (("configuration", "epochs"), "ten"),
        (("configuration", "batch_size"), 2.5),
        (("configuration", "batch_size"), True),
        (("configuration", "limit"), {}),
        (("configuration", "optimizer"), []),
        (("configuration", "schedule"), "x"),
        (("configuration", "data"), 3),
        (("configuration", "augment"), 7),
    ],
)
def test_an_entry_of_run_json_that_cannot_be(refused, run, place, value):
    record = json.loads((run / "run.json").read_text())
    entry = record if len(place) == 1 else record[place[0]]
    entry[place[-1]] = value
    (run / "run.json").write_text(json.dumps(record))
    sentence = refused("train", "--resume", run, "--epochs", "2")
    assert "run.json is damaged: " in sentence and place[-1] in sentence and repr(value) in sentence


@pytest.mark.parametrize(
    ("metadata", "part"),
    [
        (3, "its metadata expect names and values, got 3"),
        ({"class_names": 3}, "its class_names expect names, got 3"),
        ({"class_names": ["a", None, "c"]}, "its class_names expect names, got ['a', None, 'c']"),
        ({"seed": "x"}, "its seed expects a whole number, got 'x'"),
    ],
)
def test_metadata_of_a_model_that_cannot_be(refused, run, metadata, part):
    with np.load(run / "model.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    header = {**json.loads(str(arrays.pop("tinynet"))), "metadata": metadata}
    np.savez(run / "model.npz", tinynet=np.array(json.dumps(header)), **arrays)
    assert f"model.npz is damaged: {part}" in refused("evaluate", run)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("steps", {"value": "x"}, "steps expects a whole number of 0 or more, got 'x'"),
        ("history", {"list": [{"value": 3}]}, "is not a history: expected a list of epochs"),
        ("history", {"list": [{"dict": [["epoch", {"value": 1}]]}]}, "is not a history"),
    ],
)
def test_an_entry_of_a_checkpoint_that_cannot_be(refused, run, name, value, part):
    with np.load(run / "checkpoint.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    header = json.loads(str(arrays.pop("tinynet")))
    header["state"]["dict"] = [[key, value if key == name else kept] for key, kept in header["state"]["dict"]]
    np.savez(run / "checkpoint.npz", tinynet=np.array(json.dumps(header)), **arrays)
    sentence = refused("train", "--resume", run, "--epochs", "2")
    assert "checkpoint.npz" in sentence and part in sentence


def test_a_run_of_another_program(refused, run):
    (run / "run.json").write_text(json.dumps({"configuration": {"model": "mine"}}))
    assert "was not begun by `tinynet train`" in refused("train", "--resume", run)


def test_an_image_that_is_none(refused, finished, tmp_path):
    (tmp_path / "notes.png").write_text("no image")
    assert "notes.png" in refused("predict", finished, tmp_path / "notes.png")


def test_an_image_that_is_not_there_before_any_picture_is_written(refused, run, photographs):
    image = photographs / "test" / "circle" / "0.png"
    assert "missing.png" in refused("predict", run, image, "missing.png")
    assert not (run / "predicted").exists()


def test_data_with_other_classes(refused, finished, tmp_path):
    folder = write_photographs(tmp_path / "photographs", classes=("cat", "dog"))
    sentence = refused("evaluate", finished, "--data", folder)
    assert "cat, dog" in sentence and "circle, square, stripe" in sentence


def test_a_model_file_alone_does_not_know_its_data(refused, finished, tmp_path):
    shutil.copy(finished / "model.npz", tmp_path)
    assert "give --data" in refused("evaluate", tmp_path / "model.npz")


def test_a_loss_that_is_not_finite_keeps_what_was_saved(tinynet, photographs, tmp_path):
    run = tmp_path / "run"
    code, _, error = tinynet(
        "train", "compact-cnn", "--data", photographs, "--lr", "1e30", "--out", run, *TRAINING
    )
    assert code == 2 and "Traceback" not in error and len(error.splitlines()) == 1
    assert "Epoch 1, step 2: the loss is" in error and "first layer whose output is not finite" in error
    with np.load(run / "model.npz") as saved:
        assert all(np.isfinite(saved[name]).all() for name in saved.files if name != "tinynet")
    assert json.loads((run / "run.json").read_text())["status"] == "failed"


def test_a_full_disk_is_a_sentence(refused, photographs, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    sentence = refused("train", "compact-cnn", "--data", photographs, "--out", tmp_path / "run", *TRAINING)
    assert "No space left on device" in sentence


def test_a_photograph_that_is_damaged(refused, tmp_path):
    folder = write_photographs(tmp_path / "photographs")
    path = folder / "train" / "circle" / "3.png"
    path.write_bytes(path.read_bytes()[:200])
    assert str(path) in refused("train", "--data", folder, "--out", tmp_path / "run", *TRAINING)


def test_ctrl_c_before_the_first_step(tinynet, monkeypatch, photographs, tmp_path):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinynet.data.sources.load_parts", interrupted)
    code, _, error = tinynet("train", "--data", photographs, "--out", tmp_path / "run")
    assert code == 130 and error == "tinynet: interrupted.\n"


def test_wide_images_are_brought_to_the_network(tinynet, finished, tmp_path):
    Image.new("RGB", (300, 20), "red").save(tmp_path / "wide.png")
    assert tinynet("predict", finished, tmp_path / "wide.png", "--out", tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--average", "1"], "argument --average: expects a number between 0 and 1, got '1'"),
        (["--label-smoothing", "1"], "argument --label-smoothing: expects a number between 0 and 1"),
        (["--weight-decay", "-1"], "argument --weight-decay: expects a number of 0 or more, got '-1'"),
        (["--weight-decay", "0.1"], "--weight-decay does not apply to adam, "),
        (["--weight-decay", "0.1", "--optimizer", "rmsprop"], "add --optimizer adamw or sgd"),
    ],
)
def test_training_options_out_of_range(refused, photographs, tmp_path, flags, sentence):
    path = tmp_path / "run"
    assert sentence in refused("train", "--data", photographs, "--out", path, *flags)
    assert not path.exists()


def test_resume_without_the_average_of_the_run(refused, run):
    assert "--average 0.9 cannot be combined" in refused("train", "--resume", run, "--average", "0.9")

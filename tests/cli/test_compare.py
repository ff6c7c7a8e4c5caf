"""tinynet compare: what it writes, its exit codes, and what it refuses."""

import json

import pytest

from tinynet.interop import frameworks, roundings

needs_torch = pytest.mark.skipif(bool(frameworks.missing("torch")), reason=str(frameworks.missing("torch")))
FLAGS = ("--model", "compact-cnn", "--resolution", "18", "--batch-size", "4")


@needs_torch
def test_compare_writes_table_json_and_picture(tinynet, photographs, tmp_path):
    out = tmp_path / "out"
    code, output, error = tinynet(
        "compare", "torch", *FLAGS, "--data", photographs, "--out", out, "--steps", 2, "--warm-up", 5
    )
    assert code == 0 and error == "" and "0 Conv2D" in output and "Within all limits." in output
    assert sorted(path.name for path in out.iterdir()) == [
        "comparison.json", "comparison.png", "training.png",
    ]  # fmt: skip
    record = json.loads((out / "comparison.json").read_text())
    assert record["network"]["model"] == "compact-cnn" and record["training"]["steps"] == 2
    assert record["training"]["warm_up"] == 5


@needs_torch
def test_the_exit_code_is_1_where_a_limit_is_passed(tinynet, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(roundings, "apart", lambda count: 1e-3)
    code, output, _ = tinynet("compare", "torch", *FLAGS, "--data", photographs, "--out", tmp_path / "out")
    assert code == 1 and "The two part at " in output and "!" in output


@needs_torch
@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--batch-size", "1000"], "--steps times --batch-size is 1,000 images"),
        (["--warm-up", "0"], "--warm-up is for training: give --steps N as well"),
        (["--lr", "0.1"], "--lr is for training: give --steps N as well"),
        (["--width", "2"], "--width does not apply to compact-cnn"),
    ],
)
def test_wrong_options_are_refused_before_a_folder_is_made(tinynet, photographs, tmp_path, flags, sentence):
    out = tmp_path / "out"
    code, _, error = tinynet("compare", "torch", *FLAGS, "--data", photographs, "--out", out, *flags)
    assert code == 2 and sentence in error and not out.exists()


def test_onnx_runtime_does_not_train(tinynet, tmp_path):
    code, _, error = tinynet("compare", "onnx", "--steps", "3", "--out", tmp_path / "out")
    assert code == 2 and "ONNX Runtime does not train" in error and not list(tmp_path.iterdir())


@pytest.mark.parametrize("framework", ["torch", "keras", "onnx"])
def test_a_missing_framework_is_said_with_what_to_install(tinynet, tmp_path, monkeypatch, framework):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)
    code, _, error = tinynet("compare", framework, "--out", tmp_path / "out")
    assert code == 2 and "is not installed" in error and "pip install" in error
    assert not list(tmp_path.iterdir())


def test_an_unknown_framework_is_refused(tinynet):
    code, _, error = tinynet("compare", "jax")
    assert code == 2 and "'jax'" in error and "torch" in error

"""tinynet convert: weights to the formats of other frameworks, and back to what evaluate and predict take."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.interop import save_weights


@pytest.fixture
def exported(tinynet, run, tmp_path):
    file = tmp_path / "w.safetensors"
    code, output, error = tinynet("convert", run, file)
    assert code == 0 and error == "" and output.startswith(f"{file}: ") and "parameters" in output
    return file


NETWORK = ["--model", "compact-cnn", "--classes", "3", "--in-channels", "3", "--resolution", "18"]


def test_weights_go_out_and_come_back(tinynet, run, exported, tmp_path):
    code, _, error = tinynet("convert", exported, tmp_path / "back.npz", *NETWORK)
    assert code == 0 and error == ""
    back, model = tn.load(tmp_path / "back.npz"), tn.load(run)
    assert back.config == model.config
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name], array)


def test_names_of_classes_survive_where_the_format_has_them(tinynet, run, tmp_path):
    from tinynet.train.checkpoint import read_metadata

    assert tinynet("convert", run, tmp_path / "copy.npz")[0] == 0
    assert read_metadata(tmp_path / "copy.npz") == read_metadata(run)


@pytest.mark.parametrize(
    ("source", "target", "options", "sentence"),
    [
        ("w.safetensors", "out.npz", [], "does not say what network it is of: give --model NAME"),
        ("w.safetensors", "out.onnx", NETWORK, "ends in .npz, .safetensors"),
        ("w.safetensors", "no/out.npz", NETWORK, "there is no folder"),
        ("w.safetensors", "out.npz", [*NETWORK, "--width", "2"], "--width does not apply to compact-cnn"),
        ("w.safetensors", "out.npz", ["--model", "simple-cnn"], "not fit this network: unknown: 9.weight"),
        ("run", "out.safetensors", NETWORK, "--model does not apply to"),
        ("none.npz", "out.safetensors", [], "is not there"),
        ("none.safetensors", "out.npz", NETWORK, "is not there"),
        ("short.safetensors", "out.npz", NETWORK, "damaged or cut short"),
        ("w.jpg", "out.npz", NETWORK, "ends in .npz, .safetensors"),
    ],
)
def test_what_cannot_be_converted_is_a_sentence_and_leaves_nothing(
    tinynet, exported, tmp_path, monkeypatch, source, target, options, sentence
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.safetensors").write_bytes(exported.read_bytes()[:1000])
    before = sorted(tmp_path.rglob("*"))
    code, output, error = tinynet("convert", source, target, *options)
    assert code == 2 and output == "" and sentence in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_model_that_is_not_of_the_zoo_is_a_sentence(tinynet, tmp_path):
    model = nn.Sequential(nn.Dense(2, 2))
    save_weights(model, tmp_path / "own.npz")
    code, _, error = tinynet("convert", tmp_path / "own.npz", tmp_path / "out.safetensors")
    assert code == 2 and "a network that is not in the zoo" in error

"""Saved models: what comes back, what is refused, and that nothing in a file is ever run."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from tinynet import models, nn
from tinynet.errors import CheckpointError, InputError, MissingDataError
from tinynet.train import checkpoint

from .problem import network


def states_equal(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


@pytest.fixture
def saved(tmp_path):
    model = models.build("compact-cnn", classes=3)
    path = tmp_path / "model.npz"
    checkpoint.save(path, model, class_names=["a", "b", "c"])
    return path, model


def test_a_network_of_the_zoo_is_rebuilt_with_its_options(saved):
    path, model = saved
    loaded = checkpoint.load(path)
    assert loaded.config == model.config and states_equal(loaded, model)


def test_a_loaded_model_is_in_evaluation_mode(saved):
    assert not checkpoint.load(saved[0]).training


def test_metadata_comes_back(saved):
    assert checkpoint.read_metadata(saved[0]) == {"class_names": ["a", "b", "c"]}


def test_metadata_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(InputError, match="metadata expects values that JSON can hold"):
        checkpoint.save(tmp_path / "model.npz", network(), when=object())
    assert os.listdir(tmp_path) == []


def test_float64_comes_back_as_float64(tmp_path):
    model = models.build("compact-cnn").astype(np.float64)
    checkpoint.save(tmp_path / "model.npz", model)
    loaded = checkpoint.load(tmp_path / "model.npz")
    assert states_equal(loaded, model) and loaded.parameters()[0].dtype == np.float64


def test_running_statistics_are_saved(tmp_path):
    model = network()
    model[2].running_mean[...] = 7
    checkpoint.save(tmp_path / "model.npz", model)
    assert (checkpoint.load(tmp_path / "model.npz", network())[2].running_mean == 7).all()


def test_a_network_of_your_own_has_to_be_passed(tmp_path):
    checkpoint.save(tmp_path / "model.npz", network())
    with pytest.raises(CheckpointError, match="pass it, as in load"):
        checkpoint.load(tmp_path / "model.npz")


def test_missing_and_unknown_names_are_all_listed(tmp_path):
    checkpoint.save(tmp_path / "model.npz", nn.Sequential(nn.Flatten(), nn.Dense(4, 2)))
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(tmp_path / "model.npz", nn.Sequential(nn.Dense(4, 2)))
    for name in ("layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"):
        assert name in str(caught.value)


def test_a_model_that_does_not_fit_is_left_as_it_was(tmp_path):
    checkpoint.save(tmp_path / "model.npz", nn.Sequential(nn.Dense(4, 2)))
    model = nn.Sequential(nn.Dense(4, 3))
    before = model.state_dict()
    with pytest.raises(CheckpointError, match=r"expected \(4, 3\), got \(4, 2\)"):
        checkpoint.load(tmp_path / "model.npz", model)
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere.npz is not there"):
        checkpoint.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_truncated_file_is_refused(saved, kept):
    path, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        checkpoint.load(path)


def test_a_changed_byte_in_the_weights_is_noticed(saved):
    path, _ = saved
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(100), b"no zip", bytes(5000)])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match="is not a model of tinynet"):
        checkpoint.load(tmp_path / "model.npz")


def test_arrays_that_somebody_else_saved_are_refused(tmp_path):
    np.savez(tmp_path / "model.npz", weights=np.zeros(3))
    with pytest.raises(CheckpointError, match="is not a model of tinynet"):
        checkpoint.load(tmp_path / "model.npz")


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("kind", ["pickle", "array", "archive"])
def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.npz"
    array = np.array([Bomb()], dtype=object)
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "array":
        with open(path, "wb") as file:
            np.save(file, array, allow_pickle=True)
    else:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tinynet.npy", buffer.getvalue())
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    assert not (tmp_path / "exploded").exists()


def test_a_later_format_is_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    with pytest.raises(CheckpointError, match="has format 1"):
        checkpoint.load(saved[0])


def test_a_network_this_version_does_not_have_is_named(tmp_path):
    model = nn.Sequential(nn.Dense(2, 2))
    model.config = {"model": "hovercraft", "options": {}}
    checkpoint.save(tmp_path / "model.npz", model)
    with pytest.raises(CheckpointError, match="hovercraft"):
        checkpoint.load(tmp_path / "model.npz")


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    path, model = saved
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, model)
    assert path.read_bytes() == before and os.listdir(path.parent) == ["model.npz"]


def test_a_training_state_of_nested_values_and_arrays_comes_back(tmp_path):
    state = {
        "arrays": {"m": np.arange(3.0), "n": [np.ones((2, 2), np.float32)]},
        "big": 2**127 + 1,
        "numpy": np.float64(0.1),
        "none": None,
        "keys": {0: "zero"},
    }
    checkpoint.save_state(tmp_path / "checkpoint.npz", network(), state)
    loaded = checkpoint.load_state(tmp_path / "checkpoint.npz", network())
    np.testing.assert_array_equal(loaded["arrays"]["m"], np.arange(3.0))
    assert loaded["arrays"]["n"][0].dtype == np.float32
    assert loaded["big"] == 2**127 + 1 and loaded["numpy"] == 0.1 and loaded["none"] is None
    assert loaded["keys"] == {0: "zero"}


def test_a_model_file_is_not_a_training_state(tmp_path):
    checkpoint.save(tmp_path / "model.npz", network())
    with pytest.raises(CheckpointError, match="no training state"):
        checkpoint.load_state(tmp_path / "model.npz", network())


@pytest.mark.parametrize("state", [None, {"array": "state/9"}, {"dict": 3}, {"a": 1, "b": 2}])
def test_a_training_state_that_makes_no_sense_is_refused(tmp_path, state):
    model = network()
    header = {"kind": "checkpoint", **checkpoint._recipe(model), "state": state}
    checkpoint._write(tmp_path / "checkpoint.npz", header, checkpoint._weights(model))
    with pytest.raises(CheckpointError, match="no training state that can be read"):
        checkpoint.load_state(tmp_path / "checkpoint.npz", network())

"""Half precision, and the trained weights of the package: with stand-ins for the ones that are shipped."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import tinynet as tn
from tinynet import models, nn
from tinynet.cli import main
from tinynet.errors import InputError
from tinynet.interop import frameworks
from tinynet.models import pretrained
from tinynet.train import checkpoint

from .conftest import TRAINING


@pytest.fixture(scope="module")
def small(tmp_path_factory, photographs):
    """A run of the network whose weights are shipped, on other pictures."""
    path = tmp_path_factory.mktemp("runs") / "small"
    flags = TRAINING[TRAINING.index("--batch-size") :]  # it takes images of 28 pixels alone
    data = ["--data", str(photographs), "--out", str(path), "--width", "0.25"]
    assert main(["train", "mobilenet-28", *data, *flags]) == 0
    return path


@pytest.fixture
def shipped(tinynet, small, tmp_path, monkeypatch):
    """The weights of that run as those of the package; and an empty working folder."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "weights" / "mobilenet-28.npz"
    code, output, error = tinynet("export", small, file)
    assert code == 0 and error == "" and "rounded" in output
    return file


def test_export_writes_half_precision_and_what_was_measured(tinynet, small, shipped):
    record = json.loads(shipped.with_suffix(".json").read_text())
    content = shipped.read_bytes()
    assert record["bytes"] == len(content) < 0.7 * (small / "model.npz").stat().st_size
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["network"]["options"] == {"width": 0.25, "classes": 3, "in_channels": 3}
    output = tinynet("evaluate", small, "--flips")[1]
    assert f"{100 * record['flipped']['accuracy']:.2f} %" in output and record["test"]["images"] == 18
    with np.load(shipped) as arrays:
        assert {arrays[name].dtype.str for name in arrays.files if name != "tinynet"} == {"<f2"}
    rounded, own = tn.load(shipped).state_dict(), tn.load(small).state_dict()
    for name, array in own.items():
        assert rounded[name].dtype == np.float32
        np.testing.assert_array_equal(rounded[name], array.astype(np.float16).astype(np.float32))


def test_the_seed_of_the_run_is_kept_so_that_the_same_images_are_held_out(small, shipped):
    metadata = checkpoint.read_metadata(shipped)
    assert metadata["seed"] == 0 and metadata["class_names"] == ["circle", "square", "stripe"]
    assert metadata["data"] == checkpoint.read_metadata(small)["data"]


def test_a_network_is_built_with_its_trained_weights(small, shipped):
    model = models.build("mobilenet-28", pretrained=True)
    assert not model.training and model.config == tn.load(small).config and model.input_shape == (28, 28, 3)
    again = models.build("mobilenet-28", pretrained=True, width=0.25, classes=np.int64(3)).state_dict()
    assert all(np.array_equal(again[name], array) for name, array in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "chosen", "sentence"),
    [
        ("mobilenet-28", {"width": 0.5}, r"for width=0\.25, classes=3, in_channels=3, got width=0\.5"),
        ("mobilenet-28", {"classes": 10}, "got classes=10"),
        ("mobilenet-28", {"widht": 1}, "no option of mobilenet-28 called 'widht'"),
        ("compact-cnn", {}, "weights of compact-cnn in the package; there are of mobilenet-28: train"),
        ("mobilenot", {}, "no model called 'mobilenot'"),
    ],
)
def test_other_trained_weights_than_there_are_are_refused(shipped, name, chosen, sentence):
    with pytest.raises(InputError, match=sentence):
        models.build(name, pretrained=True, **chosen)


def test_predict_takes_a_name_in_place_of_a_run(tinynet, shipped, tmp_path):
    Image.new("RGB", (28, 28), "red").save("red.png")
    code, output, error = tinynet("predict", "mobilenet-28", "red.png")
    assert code == 0 and error == "" and "stripe" in output
    assert (tmp_path / "predicted" / "red.png").exists()
    code, _, error = tinynet("predict", "compact-cnn", "red.png")
    assert code == 2 and "no trained weights of compact-cnn" in error


def test_a_folder_of_that_name_goes_before(tinynet, finished, shipped, photographs):
    shutil.copytree(finished, "mobilenet-28")
    output = tinynet("evaluate", "mobilenet-28")[1]
    assert "18 test images" in output and tn.load("mobilenet-28").config["model"] == "compact-cnn"


def test_evaluate_takes_a_name_and_data(tinynet, shipped, photographs):
    code, output, _ = tinynet("evaluate", "mobilenet-28", "--data", photographs)
    record = json.loads(shipped.with_suffix(".json").read_text())
    assert code == 0 and f"Accuracy {100 * record['test']['accuracy']:.2f} %" in output


def test_export_refuses_another_ending_and_values_that_do_not_fit(tinynet, small, tmp_path):
    code, _, error = tinynet("export", small, tmp_path / "weights.h5")
    assert code == 2 and "ends in .npz" in error and not list(tmp_path.iterdir())
    model = nn.Sequential(nn.Dense(2, 2))
    with model[0].weight._writing() as weight:
        weight[0, 0] = 1e5
    with pytest.raises(InputError, match=r"layers\.0\.weight holds 100000, and half precision ends at 65504"):
        checkpoint.save(tmp_path / "model.npz", model, half=True)
    assert not list(tmp_path.iterdir())


needs_onnx = pytest.mark.skipif(
    bool(frameworks.missing("onnx") or frameworks.missing("onnxruntime")),
    reason="onnx and onnxruntime are not installed: pip install onnx onnxruntime",
)


@needs_onnx
def test_export_writes_an_onnx_file_and_how_near_its_outputs_are(tinynet, small, tmp_path):
    file = tmp_path / "model.onnx"
    code, output, error = tinynet("export", small, file)
    assert code == 0 and error == "" and "ONNX opset 17: images (N, 28, 28, 3)" in output
    assert "on 18 test images" in output and "another class for 0" in output
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record["onnx"]["opset"] == 17 and 0 <= record["onnx"]["difference"] < 1e-4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.onnx"]


@needs_onnx
def test_an_onnx_file_with_other_outputs_is_not_written(tinynet, small, tmp_path, monkeypatch):
    from tinynet.interop import onnx

    monkeypatch.setattr(onnx, "open_session", lambda written: lambda images: np.ones((len(images), 3)))
    code, _, error = tinynet("export", small, tmp_path / "model.onnx")
    assert code == 2 and "ONNX Runtime's outputs differ" in error and not list(tmp_path.iterdir())


def test_export_to_a_folder_that_is_not_there_is_refused(tinynet, finished, tmp_path):
    code, _, error = tinynet("export", finished, tmp_path / "nowhere" / "model.onnx")
    assert code == 2 and "no folder" in error and "nowhere: make it first" in error
    assert not list(tmp_path.iterdir())


def test_export_without_onnx_runtime_says_what_to_install(tinynet, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)
    code, _, error = tinynet("export", finished, tmp_path / "model.onnx")
    assert code == 2 and "is not installed: pip install onnx" in error and not list(tmp_path.iterdir())

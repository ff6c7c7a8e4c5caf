"""ONNX files: the same outputs in ONNX Runtime, in both layouts; and what cannot be written is refused."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import interop, models, nn
from tinynet.errors import ConversionError, InputError
from tinynet.interop import frameworks

INSTALLED = not (frameworks.missing("onnx") or frameworks.missing("onnxruntime"))
needs_onnx = pytest.mark.skipif(
    not INSTALLED, reason="onnx and onnxruntime are not installed: pip install onnx onnxruntime"
)
EPS = np.finfo(np.float32).eps


def drawn(model, seed=0):
    """The network with random values everywhere, statistics included, in evaluation mode."""
    rng = np.random.default_rng(seed)
    state = model.state_dict()
    for name, array in state.items():
        low, high = (0.5, 2.0) if name.endswith(("gamma", "running_var")) else (-0.3, 0.3)
        state[name] = rng.uniform(low, high, array.shape).astype(np.float32)
    model.load_state_dict(state)
    return model.eval()


def outputs(model, shape, channels_first=False):
    """Ours and ONNX Runtime's for three random images, both as we lay them out; and the graph."""
    from tinynet.interop.onnx import onnx_model, open_session

    images = np.random.default_rng(1).random((3, *shape), dtype=np.float32)
    with tn.no_grad():
        ours = drawn(model)(tn.Tensor(images)).numpy()
    written = onnx_model(model, shape, channels_first=channels_first)
    turn = channels_first and len(shape) == 3
    theirs = open_session(written)(np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if turn else images)
    return ours, theirs.transpose(0, 2, 3, 1) if turn and theirs.ndim == 4 else theirs, written


def sequential(*layers):
    return lambda: nn.Sequential(*layers)


NETWORKS = {
    "strided": (sequential(nn.Conv2D(2, 4, 3, stride=2, padding="same"), nn.BatchNorm(4)), (9, 8, 2)),
    "uneven": (sequential(nn.Conv2D(2, 3, (2, 3), stride=(2, 1), padding=((0, 1), (2, 1)))), (6, 7, 2)),
    "depthwise": (sequential(nn.DepthwiseConv2D(2, 3, bias=False), nn.BatchNorm(2)), (6, 7, 2)),
    "multiplied": (sequential(nn.DepthwiseConv2D(2, 3, depth_multiplier=3), nn.BatchNorm(6)), (6, 7, 2)),
    "separable": (sequential(nn.SeparableConv2D(2, 5, 3, padding="same"), nn.ReLU6()), (6, 7, 2)),
    "nested": (sequential(nn.Sequential(nn.PointwiseConv2D(2, 3), nn.Sequential(nn.Sigmoid()))), (4, 3, 2)),
    "norm alone": (sequential(nn.BatchNorm(2), nn.Tanh()), (4, 3, 2)),
    "norm after relu": (sequential(nn.Conv2D(2, 4, 3), nn.ReLU(), nn.BatchNorm(4)), (5, 5, 2)),
    "norm after dropout": (sequential(nn.Conv2D(2, 4, 3), nn.Dropout(0.5), nn.BatchNorm(4)), (5, 5, 2)),
    "norm twice": (sequential(nn.Conv2D(2, 4, 3), nn.BatchNorm(4), nn.BatchNorm(4)), (5, 5, 2)),
    "maximum": (sequential(nn.MaxPool2D(3, stride=2, padding="same")), (8, 7, 2)),
    "average": (sequential(nn.AvgPool2D(3, stride=2, padding=((1, 0), (1, 1)))), (8, 7, 2)),
    "global": (sequential(nn.GlobalAvgPool2D(), nn.Dense(2, 3), nn.Softmax()), (8, 7, 2)),
    "flatten, dense": (sequential(nn.Flatten(), nn.ReLU(), nn.Dropout(0.1), nn.Dense(24, 3)), (4, 3, 2)),
    "flatten, norm": (sequential(nn.Flatten(), nn.BatchNorm(24), nn.Dense(24, 3)), (4, 3, 2)),
    "flatten, softmax": (sequential(nn.Flatten(), nn.Softmax()), (4, 3, 2)),
    "flatten alone": (sequential(nn.Flatten()), (4, 3, 2)),
    "rows": (sequential(nn.Flatten(), nn.BatchNorm(5), nn.Dense(5, 4, bias=False)), (5,)),
    "softmax of channels": (sequential(nn.Softmax()), (4, 3, 2)),
    "nothing": (sequential(), (4, 3, 2)),
}
ZOO = {name: {} for name in models.names() if name not in ("simple-cnn", "mobilenet")}


@needs_onnx
@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_layer_gives_the_same_in_onnx_runtime(name, channels_first):
    build, shape = NETWORKS[name]
    ours, theirs, _ = outputs(build(), shape, channels_first)
    assert theirs.shape == ours.shape and theirs.dtype == np.float32
    # Sums of at most 27 products, in another order and with folded factors: measured 1.3 units of rounding.
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=4 * EPS * max(1, np.abs(ours).max()))


@needs_onnx
@pytest.mark.parametrize(
    ("name", "options"), [*ZOO.items(), ("mobilenet", {"width": 0.25, "resolution": 64, "classes": 10})]
)
def test_a_network_of_the_zoo_gives_the_same_in_onnx_runtime(name, options):
    model = models.build(name, **options)
    ours, theirs, _ = outputs(model, model.input_shape)
    # Rounding grows from layer to layer: 28 of them bring 10 units.
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=40 * EPS * np.abs(ours).max())


@needs_onnx
def test_batch_norm_is_folded_and_only_the_entrance_transposes():
    model = models.build("mobilenet-28", width=0.25)
    _, _, written = outputs(model, model.input_shape)
    kinds = [node.op_type for node in written.graph.node]
    assert kinds.count("Conv") == 17 and "BatchNormalization" not in kinds
    assert kinds[0] == "Transpose" and kinds.count("Transpose") == 1


@needs_onnx
def test_the_dense_layer_takes_the_channels_first_and_no_image_is_turned_back():
    model = models.build("compact-cnn")
    _, _, written = outputs(model, model.input_shape)
    assert [node.op_type for node in written.graph.node].count("Transpose") == 1


@needs_onnx
def test_the_batch_is_free_and_the_file_says_opset_and_names(tmp_path):
    import onnx

    model = models.build("compact-cnn").eval()
    path = tmp_path / "model.onnx"
    assert interop.to_onnx(model, path) is None
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    written = onnx.load(path)
    assert written.opset_import[0].version == 17 and written.producer_name == "tinynet"
    sizes = [axis.dim_param or axis.dim_value for axis in written.graph.input[0].type.tensor_type.shape.dim]
    assert written.graph.input[0].name == "images" and sizes == ["N", 28, 28, 1]
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    for count in (1, 7):
        images = np.zeros((count, 28, 28, 1), np.float32)
        assert session.run(["output"], {"images": images})[0].shape == (count, 10)


@needs_onnx
def test_a_float64_network_is_written_in_float32():
    from tinynet.interop.onnx import onnx_model

    model = nn.Sequential(nn.Conv2D(1, 2, 3), nn.BatchNorm(2)).astype(np.float64)
    assert {array.data_type for array in onnx_model(model, (4, 4, 1)).graph.initializer} == {1}  # float32


class Own(nn.ReLU):
    """A user's layer, which may compute anything."""


@needs_onnx
def test_all_layers_without_an_operator_are_named_and_nothing_is_written(tmp_path):
    model = nn.Sequential(Own(), nn.ReLU(), nn.Tanh())
    model[2].forward = lambda x: x
    with pytest.raises(ConversionError, match=r"operator for Own\(\); Tanh\(\); there are for Conv2D"):
        interop.to_onnx(model, tmp_path / "model.onnx", (4, 4, 1))
    assert not list(tmp_path.iterdir())


@needs_onnx
@pytest.mark.parametrize(
    ("model", "shape", "sentence"),
    [
        (nn.Sequential(nn.ReLU()), None, "needs the shape of an image: pass input_shape"),
        (nn.ReLU(), (4, 4, 1), "expects a Sequential, got ReLU"),
        (nn.Sequential(nn.ReLU(), nn.Dense(3, 2)), (4,), r"Layer 1 of Sequential: Dense expects rows of 3"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, model, shape, sentence):
    with pytest.raises(InputError, match=sentence):
        interop.to_onnx(model, tmp_path / "model.onnx", shape)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named_before_anything_else(tmp_path):
    with pytest.raises(InputError, match="no folder .*nowhere: make it first"):
        interop.to_onnx(models.build("compact-cnn"), tmp_path / "nowhere" / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="onnx is not installed: pip install onnx"):
        interop.to_onnx(models.build("compact-cnn"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())

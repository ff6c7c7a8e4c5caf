"""Files of weights: what is written is read, here and there; what does not fit or lies is refused."""

import pickle
import warnings
import zipfile

import numpy as np
import pytest

from tinynet import nn
from tinynet.errors import CheckpointError, ConversionError, InputError, MissingDataError
from tinynet.interop import frameworks, load_weights, safetensors, save_weights

from .networks import SHAPES, everything, mobile, randomised

SHAPE = SHAPES["odd"]


def needs(name):
    return pytest.mark.skipif(frameworks.missing(name) is not None, reason=str(frameworks.missing(name)))


ENDINGS = [
    ".npz",
    ".safetensors",
    pytest.param(".pt", marks=needs("torch")),
    pytest.param(".pth", marks=needs("torch")),
    pytest.param(".weights.h5", marks=[needs("keras"), pytest.mark.filterwarnings("ignore")]),
    pytest.param(".keras", marks=[needs("keras"), pytest.mark.filterwarnings("ignore")]),
]


def network(seed=0):
    return randomised(mobile(), seed, np.float32)


def assert_equal(one, other):
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, other.state_dict()[name], err_msg=name)


@pytest.mark.parametrize("ending", ENDINGS)
def test_weights_come_back_from_every_format(tmp_path, ending):
    model, other = network(1), network(2)
    save_weights(model, tmp_path / f"w{ending}", SHAPE)
    other.eval()
    other[0].training = True
    load_weights(other, tmp_path / f"w{ending}", SHAPE)
    assert_equal(model, other)
    assert other[0].training and not other[1].training  # modes are not weights
    assert [path.name for path in tmp_path.iterdir()] == [f"w{ending}"]


def test_a_safetensors_file_has_the_names_and_layouts_of_pytorch(tmp_path):
    model = randomised(everything())
    save_weights(model, tmp_path / "w.safetensors", SHAPE)
    arrays, metadata = safetensors.read(tmp_path / "w.safetensors")
    assert metadata == {"format": "pt"}
    np.testing.assert_array_equal(arrays["0.weight"], model[0].weight.data.transpose(3, 2, 0, 1))
    again = randomised(everything(), seed=1)
    load_weights(again, tmp_path / "w.safetensors", SHAPE)
    assert_equal(model, again)


@needs("torch")
def test_pytorch_loads_our_safetensors_file(tmp_path):
    import torch

    from tinynet.interop import to_torch

    model = network(1)
    save_weights(model, tmp_path / "w.safetensors", SHAPE)
    arrays, _ = safetensors.read(tmp_path / "w.safetensors")
    module = to_torch(network(2), SHAPE)
    module.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    for name, tensor in to_torch(model, SHAPE).state_dict().items():
        assert torch.equal(tensor, module.state_dict()[name])


def renamed(arrays, names):
    return {new: arrays[old] for new, old in names.items()}


def test_other_names_are_matched_in_order_numbers_by_value(tmp_path):
    model = randomised(nn.Sequential(*(nn.Dense(2, 2) for _ in range(12))), 1, np.float32)
    save_weights(model, tmp_path / "w.safetensors")
    arrays, _ = safetensors.read(tmp_path / "w.safetensors")
    names = {
        "head.0." + name[3:] if name.startswith("11.") else "stem." + name: name for name in arrays
    }
    safetensors.write(tmp_path / "w.safetensors", renamed(arrays, names), {})
    other = randomised(nn.Sequential(*(nn.Dense(2, 2) for _ in range(12))), 2, np.float32)
    load_weights(other, tmp_path / "w.safetensors", order=("stem", "head"))
    assert_equal(model, other)
    with pytest.raises(InputError, match="order names tail; names in the file begin with head, stem"):
        load_weights(other, tmp_path / "w.safetensors", order=["tail"])


def test_all_that_does_not_fit_is_listed_and_nothing_is_changed(tmp_path):
    model = network(1)
    save_weights(model, tmp_path / "w.safetensors", SHAPE)
    arrays, _ = safetensors.read(tmp_path / "w.safetensors")
    del arrays["1.bias"]
    arrays["0.weight"] = arrays["0.weight"][:, :2]
    arrays["7.scale"] = np.zeros(3, np.float32)
    arrays["6.weight_g"] = np.zeros(3, np.float32)
    safetensors.write(tmp_path / "w.safetensors", arrays, {})
    other = network(2)
    with pytest.raises(ConversionError) as refused:
        load_weights(other, tmp_path / "w.safetensors", SHAPE)
    sentence = str(refused.value)
    for part in (
        "missing: 1.bias (for layers.1.beta)",
        "6.weight_g",
        "7.scale",
        "0.weight (expected (4, 3, 3, 3), got (4, 2",
    ):
        assert part in sentence
    assert_equal(other, network(2))


@needs("torch")
def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Malice:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    import torch

    (tmp_path / "old.pt").write_bytes(pickle.dumps(Malice()))
    torch.save({"0.weight": Malice()}, tmp_path / "new.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    for name in ("new.pt", "module.pt"):
        with pytest.raises(CheckpointError, match="is refused: it is not only arrays, and reading"):
            load_weights(network(), tmp_path / name, SHAPE)
    with warnings.catch_warnings(record=True) as said:  # one sentence is enough
        warnings.simplefilter("always")
        with pytest.raises(CheckpointError, match=r"old\.pt is (refused|no state_dict)"):
            load_weights(network(), tmp_path / "old.pt", SHAPE)
    assert not said
    assert not (tmp_path / "ran").exists()


@needs("torch")
def test_other_things_than_a_state_dict_are_refused_and_training_states_are_understood(tmp_path):
    import torch

    from tinynet.interop import to_torch

    for value in ([1, 2], {"epoch": 3}):
        torch.save(value, tmp_path / "w.pt")
        with pytest.raises(CheckpointError, match="holds something else than arrays by name"):
            load_weights(network(), tmp_path / "w.pt", SHAPE)
    model, other = network(1), network(2)
    state = {f"module.{name}": tensor for name, tensor in to_torch(model, SHAPE).state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "w.pt")
    load_weights(other, tmp_path / "w.pt", SHAPE)
    assert_equal(model, other)


@pytest.mark.parametrize("ending", [*ENDINGS])
def test_truncated_files_and_other_files_are_refused(tmp_path, ending):
    path = tmp_path / f"w{ending}"
    save_weights(network(), path, SHAPE)
    content = path.read_bytes()
    model = network(1)
    for damaged in (b"", b"garbage" * 9, content[:100], content[: len(content) // 2], content[:-30]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged or cut short"):
            load_weights(model, path, SHAPE)
    assert_equal(model, network(1))


@needs("keras")
@pytest.mark.filterwarnings("ignore")
def test_a_classifier_written_as_a_convolution_becomes_a_dense_layer(tmp_path):
    import keras
    from keras import layers

    from tinynet.interop import from_keras

    theirs = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(keepdims=True),
            layers.Conv2D(5, 1),
            layers.Flatten(),
        ]
    )
    theirs.save_weights(tmp_path / "w.weights.h5")
    model = nn.Sequential(nn.Conv2D(3, 4, kernel_size=3), nn.GlobalAvgPool2D(), nn.Dense(4, 5))
    load_weights(model, tmp_path / "w.weights.h5", (8, 8, 3))
    assert_equal(model, from_keras(theirs))


@needs("keras")
@pytest.mark.filterwarnings("ignore")
def test_keras_arrays_that_do_not_fit_are_all_listed(tmp_path):
    save_weights(network(), tmp_path / "w.weights.h5", SHAPE)
    layers = nn.Conv2D(3, 5, kernel_size=3), nn.GlobalAvgPool2D(), nn.Dense(5, 3), nn.Dense(3, 2)
    other = nn.Sequential(*layers)
    with pytest.raises(ConversionError) as refused:
        load_weights(other, tmp_path / "w.weights.h5", SHAPE)
    for part in (
        "missing: conv2d/1 (for layers.0.bias)",
        "conv2d/0 (expected (3, 3, 3, 5), got (3, 3, 3, 4))",
        "(for layers.3.weight)",
        "unknown: ",
        "conv2d_1",
        "depthwise_conv2d",
    ):
        assert part in str(refused.value)


@needs("h5py")
def test_an_hdf5_file_that_reaches_into_another_is_refused(tmp_path):
    import h5py

    (tmp_path / "secret").write_bytes(bytes(4 * 3 * 3 * 3 * 4))
    for attack in ("external", "link"):
        with h5py.File(tmp_path / "w.weights.h5", "w") as file:
            variables = file.create_group("layers/conv2d/vars")
            if attack == "external":
                place = [(str(tmp_path / "secret"), 0, 4 * 3 * 3 * 3 * 4)]
                variables.create_dataset("0", (3, 3, 3, 4), np.float32, external=place)
            else:
                variables["0"] = h5py.ExternalLink("secret.h5", "/w")
        with pytest.raises(CheckpointError, match="is refused: 0 in it points into another file"):
            load_weights(network(), tmp_path / "w.weights.h5", SHAPE)


@needs("h5py")
def test_an_archive_without_weights_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(CheckpointError, match="is no file of Keras's weights"):
        load_weights(network(), tmp_path / "w.keras", SHAPE)


def test_endings_missing_files_and_folders_are_sentences(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.npz, \.safetensors, .* got weights\.onnx"):
        save_weights(network(), "weights.onnx")
    with pytest.raises(MissingDataError, match="is not there"):
        load_weights(network(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="there is no folder"):
        save_weights(network(), tmp_path / "nowhere" / "w.safetensors", SHAPE)
    (tmp_path / "w.pt").write_bytes(b"")
    with pytest.raises(InputError, match="order is for safetensors files"):
        load_weights(network(), tmp_path / "w.pt", order=("a",))
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]

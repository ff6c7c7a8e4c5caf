"""The safetensors format: what is written is read, by the format's own library too; what lies is refused."""

import importlib.util
import json

import numpy as np
import pytest

from tinynet.errors import CheckpointError, InputError, MissingDataError
from tinynet.interop import safetensors

ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array(2.5),
    "empty": np.zeros((0, 4), np.float16),
    "count": np.array([1, -1]),
}
OWN = pytest.mark.skipif(
    importlib.util.find_spec("safetensors") is None, reason="not installed: pip install safetensors"
)


def packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_what_is_written_is_read(tmp_path):
    safetensors.write(tmp_path / "w.safetensors", ARRAYS, {"format": "pt"})
    arrays, metadata = safetensors.read(tmp_path / "w.safetensors")
    assert metadata == {"format": "pt"} and set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


@OWN
def test_the_library_of_the_format_reads_ours_and_we_read_its(tmp_path):
    from safetensors.numpy import load_file, save_file

    safetensors.write(tmp_path / "ours", ARRAYS, {"format": "pt"})
    save_file(ARRAYS, tmp_path / "its")
    for arrays in (load_file(tmp_path / "ours"), safetensors.read(tmp_path / "its")[0]):
        assert set(arrays) == set(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(arrays[name], array)


def test_bfloat16_is_read_as_float32(tmp_path):
    values = np.array([1.0, -0.15625], np.float32)
    upper = (values.view("<u4") >> 16).astype("<u2").tobytes()
    (tmp_path / "w").write_bytes(packed({"w": entry("BF16", (2,), (0, 4))}, upper))
    array = safetensors.read(tmp_path / "w")[0]["w"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, values)


def test_every_truncation_is_refused(tmp_path):
    file = tmp_path / "w.safetensors"
    safetensors.write(file, ARRAYS, {})
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="no safetensors file, or it is damaged or cut short"):
            safetensors.read(file)
    file.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="1 bytes belong to no array"):
        safetensors.read(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "header is said to have 0 bytes, the file has 0"),
        ((2**62).to_bytes(8, "little") + b"{}", "said to have 4611686018427387904 bytes, the file has 10"),
        (packed(b"[" * 100_000), "header is no JSON"),
        (packed(b"\xff\xfe"), "header is no JSON"),
        (packed([1]), "header is no JSON object"),
        (packed(b'{"w": 1, "w": 2}'), "a name comes twice"),
        (packed({"w": 3}), "w has no dtype, shape and data_offsets"),
        (packed({"w": entry("F4")}, bytes(8)), "w is of dtype 'F4'; there are F64"),
        (packed({"w": entry(["F32"])}, bytes(8)), "w is of dtype"),
        (packed({"w": entry(shape=(-2,))}, bytes(8)), "w has a shape or place that is none"),
        (packed({"w": entry(shape=(True, 2))}, bytes(8)), "w has a shape or place that is none"),
        (packed({"w": entry(shape=(2**40, 2**40))}, bytes(8)), "takes 4835703278458516698824704 bytes"),
        (packed({"w": entry(shape=(0, *(2,) * 40), offsets=(0, 0))}), "w has a shape or place that is none"),
        (packed({"w": entry(), "v": entry()}, bytes(8)), "at bytes 0 to 8 of 8, after 8"),
        (packed({"w": entry(), "v": entry(offsets=(12, 20))}, bytes(20)), "at bytes 12 to 20 of 20"),
        (packed({"w": entry(offsets=(8, 16))}, bytes(8)), "at bytes 8 to 16 of 8"),
        (packed({"__metadata__": {"a": 1}}), "metadata are not texts"),
    ],
)
def test_hostile_headers_are_refused(tmp_path, content, sentence):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(CheckpointError, match=sentence):
        safetensors.read(tmp_path / "w")


def test_a_missing_file_and_other_dtypes_are_sentences(tmp_path):
    with pytest.raises(MissingDataError, match="is not there"):
        safetensors.read(tmp_path / "none")
    with pytest.raises(InputError, match="w is of complex128, which safetensors files cannot hold"):
        safetensors.write(tmp_path / "w", {"w": np.zeros(2, complex)}, {})
    assert not list(tmp_path.iterdir())

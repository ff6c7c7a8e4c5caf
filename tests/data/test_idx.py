"""IDX files are read exactly, and what is wrong with one is said with its name."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from tinynet.data import read_idx
from tinynet.errors import DataError, InputError, MissingDataError

from .conftest import idx_bytes


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
RAW = idx_bytes(ARRAY)


def read(folder, content: bytes) -> np.ndarray:
    (folder / "images").write_bytes(content)
    return read_idx(folder / "images")


@pytest.mark.parametrize("content", [RAW, packed(RAW)], ids=["plain", "gzipped"])
def test_an_array_comes_back_plain_or_gzipped(tmp_path, content):
    array = read(tmp_path, content)
    assert array.dtype == np.uint8 and np.array_equal(array, ARRAY)
    array[:] = 0  # it belongs to the caller


def test_labels_have_one_dimension(tmp_path):
    (tmp_path / "labels").write_bytes(idx_bytes(np.arange(5, dtype=np.uint8)))
    assert read_idx(str(tmp_path / "labels")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an IDX file"),
        (b"<html>not found</html>", "is not an IDX file.*begins with b'<htm'"),
        (b"\0\0\x0d\x03" + RAW[4:], "holds IDX type 0x0d; expected unsigned bytes"),
        (b"\0\0\x08\x01" + RAW[4:], r"is too long: its header announces \(2,\)"),
        (RAW[:10], "ends within its header, after 10 bytes"),
        (RAW[:-1], r"is truncated: its header announces \(2, 3, 4\), which is 24 bytes, and 23"),
        (RAW + b"!", "is too long: .* 24 bytes, and 25 follow"),
        (RAW[:4] + b"\xff" * 12 + RAW[16:], r"is truncated: .* \(4294967295, 4294967295"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"!", "announces an array that cannot be"),
    ],
    ids=["empty", "html", "type", "rank", "header", "short", "long", "huge", "deep"],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, content, sentence):
    with pytest.raises(DataError, match=f"images {sentence}"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (packed(RAW)[:-6], "is truncated: its gzip stream ends early"),
        (packed(RAW)[:-8] + b"\0" * 8, "is not a sound gzip file .*CRC"),
        (packed(RAW)[:10] + b"\xff" * 30, "is not a sound gzip file"),
    ],
    ids=["truncated", "wrong CRC", "broken stream"],
)
def test_a_damaged_gzip_file_is_refused_by_name(tmp_path, content, sentence):
    with pytest.raises(DataError, match=f"images {sentence}"):
        read(tmp_path, content)


def test_a_missing_file_or_a_folder_is_named(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(MissingDataError, match=f"{path} is not there, or is not a file"):
            read_idx(path)


def test_what_is_no_path_is_refused():
    with pytest.raises(InputError, match="path expects a path, got 3"):
        read_idx(3)

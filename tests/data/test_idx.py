"""IDX files are read exactly, and what is wrong with one is said with its name."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tinynet.data.idx import parse_idx
from tinynet.errors import DataError

from .conftest import idx_bytes


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
RAW = idx_bytes(ARRAY)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_an_array_comes_back_plain_or_gzipped(name):
    content = packed(RAW) if name.endswith(".gz") else RAW
    assert np.array_equal(parse_idx(content, Path(name), ndim=3), ARRAY)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an IDX file"),
        (b"<html>not found</html>", "is not an IDX file.*begins with b'<htm'"),
        (b"\0\0\x0d\x03" + RAW[4:], "holds IDX type 0x0d; expected unsigned bytes"),
        (b"\0\0\x08\x01" + RAW[4:], "has 1 dimensions, expected 3"),
        (RAW[:10], "ends within its header, after 10 bytes"),
        (RAW[:-1], r"is truncated: its header announces \(2, 3, 4\), which is 24 bytes, and 23"),
        (RAW + b"!", "is too long: .* 24 bytes, and 25 follow"),
        (RAW[:4] + b"\xff" * 12 + RAW[16:], r"is truncated: .* \(4294967295, 4294967295"),
    ],
    ids=["empty", "html", "type", "rank", "header", "short", "long", "huge"],
)
def test_a_damaged_file_is_refused_by_name(content, sentence):
    with pytest.raises(DataError, match=f"^some/images {sentence}"):
        parse_idx(content, Path("some/images"), ndim=3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (packed(RAW)[:-6], "is truncated: its gzip stream ends early"),
        (RAW, "is not a sound gzip file"),
        (packed(RAW)[:-8] + b"\0" * 8, "is not a sound gzip file .*CRC"),
        (packed(RAW)[:10] + b"\xff" * 30, "is not a sound gzip file"),
    ],
    ids=["truncated", "not gzip", "wrong CRC", "broken stream"],
)
def test_a_damaged_gzip_file_is_refused_by_name(content, sentence):
    with pytest.raises(DataError, match=f"^some/images.gz {sentence}"):
        parse_idx(content, Path("some/images.gz"), ndim=3)

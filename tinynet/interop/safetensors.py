"""The safetensors format: arrays by name in a file that can hold nothing else.

    8 bytes     n, the length of the header, little-endian
    n bytes     JSON: {name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...}, and
                under "__metadata__" texts by name; padded with spaces
    the rest    the arrays in C order, little-endian, without gaps

A reader of its own because it is shorter than what it takes to depend on one. Everything that the header
claims is held against the file before any array is made. Format: https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, InputError, MissingDataError
from ..train import files

LONGEST_HEADER = 100_000_000  # what the format's own library accepts
METADATA = "__metadata__"

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",  # the upper half of a float32, which NumPy has no name for
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}


def read(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a file by name, and its metadata; bfloat16 becomes float32.

    Raises MissingDataError if there is no file, CheckpointError if it is cut short or claims what is not so.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise MissingDataError(f"{path} is not there: give a file of weights.") from None
    try:
        return _parsed(content)
    except _Wrong as wrong:
        raise CheckpointError(
            f"{path} is no safetensors file, or it is damaged or cut short: {wrong}."
        ) from None


def write(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays by name, and texts by name; an existing file is replaced when the new one is complete.

    Raises InputError for arrays of a dtype that the format lacks.
    """
    header: dict[str, Any] = {METADATA: dict(metadata)}
    blocks, place = [], 0
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].itemsize):  # so that all lie aligned
        dtype = array.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise InputError(f"{name} is of {array.dtype}, which safetensors files cannot hold.")
        block = np.ascontiguousarray(array, dtype).tobytes()
        offsets = [place, place + len(block)]
        header[name] = {"dtype": _NAMES[dtype], "shape": list(array.shape), "data_offsets": offsets}
        place += len(block)
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    files.write_bytes(path, b"".join([len(text).to_bytes(8, "little"), text, *blocks]))


class _Wrong(Exception):
    """What is wrong with a file, as the end of a sentence."""


def _parsed(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    header, begin = _header(content)
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _Wrong("its metadata are not texts by name")
    data = memoryview(content)[begin:]
    entries = sorted(
        ((name, *_entry(name, entry)) for name, entry in header.items()), key=lambda entry: entry[3:]
    )
    arrays, place = {}, 0
    for name, dtype, shape, first, last in entries:
        if first != place or last > len(data):
            raise _Wrong(f"{name} is said to be at bytes {first} to {last} of {len(data)}, after {place}")
        arrays[name] = _array(data[first:last], dtype, shape)
        place = last
    if place != len(data):
        raise _Wrong(f"{len(data) - place} bytes belong to no array")
    return {name: arrays[name] for name in header}, metadata


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where the arrays begin."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(LONGEST_HEADER, len(content) - 8):
        raise _Wrong(f"its header is said to have {length} bytes, the file has {len(content)}")
    try:
        header = json.loads(content[8 : 8 + length].decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:  # ValueError: of the text or of the JSON
        raise _Wrong(f"its header is no JSON ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise _Wrong("its header is no JSON object")
    return header, 8 + length


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that comes twice would mean one thing to one reader and another to the next."""
    if len({name for name, _ in items}) < len(items):
        raise _Wrong("a name comes twice in its header")
    return dict(items)


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """dtype, shape and place of an array that fit each other."""
    try:
        dtype, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise _Wrong(f"{name} has no dtype, shape and data_offsets") from None
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise _Wrong(f"{name} is of dtype {dtype!r:.20}; there are {', '.join(_DTYPES)}")
    numbers = (*shape, first, last)
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers) or len(shape) > 32:
        raise _Wrong(f"{name} has a shape or place that is none")
    needed = math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
    if last - first != needed:
        raise _Wrong(f"{name} of {dtype} and shape {shape} takes {needed} bytes, not {last - first}")
    return dtype, shape, first, last


def _array(data: memoryview, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    stored = np.frombuffer(data, _DTYPES[dtype])
    if dtype == "BF16":
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("=")).reshape(shape)

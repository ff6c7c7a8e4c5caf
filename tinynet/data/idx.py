"""The IDX file format of the MNIST family: reading one file, and saying exactly what is wrong with it.

    bytes 0, 1   zero
    byte  2      type of the elements; 0x08 is unsigned byte, the only one these data sets use
    byte  3      number of dimensions, D
    4·D bytes    the dimensions, big-endian 32-bit
    the rest     the elements, last dimension fastest

Source: "The IDX file format", http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError

UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes, path: Path, ndim: int) -> np.ndarray:
    """The uint8 array of `ndim` dimensions in the bytes of an IDX file, gzipped if `path` ends in .gz.

    `path` names the file in errors; nothing is read from it. Raises DataError when the content is
    truncated, corrupted or of another kind.
    """
    raw = _gunzip(content, path) if path.suffix == ".gz" else content
    if len(raw) < 4 or raw[:2] != b"\0\0":
        raise DataError(
            f"{path} is not an IDX file: it should begin with two zero bytes, a type and a number "
            f"of dimensions, and begins with {raw[:4]!r}. Delete it and download it again."
        )
    if raw[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} holds IDX type 0x{raw[2]:02x}; expected unsigned bytes, 0x08.")
    if raw[3] != ndim:
        raise DataError(f"{path} has {raw[3]} dimensions, expected {ndim}: is it the right file?")
    start = 4 + 4 * ndim
    if len(raw) < start:
        raise DataError(f"{path} ends within its header, after {len(raw)} bytes: it is truncated.")
    shape = struct.unpack(f">{ndim}I", raw[4:start])
    expected, found = math.prod(shape), len(raw) - start
    if found != expected:
        raise DataError(
            f"{path} is {'truncated' if found < expected else 'too long'}: its header announces "
            f"{shape}, which is {expected:,} bytes, and {found:,} follow. Download it again."
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _gunzip(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError:
        raise DataError(
            f"{path} is truncated: its gzip stream ends early, after {len(content):,} bytes. "
            "Delete it and download it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not a sound gzip file ({error}). Delete it and download it again."
        ) from None

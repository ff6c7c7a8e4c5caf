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
from .files import as_path, read_file

UNSIGNED_BYTE = 0x08
GZIP = b"\x1f\x8b"


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array in an IDX file, packed with gzip or not: for MNIST and its relatives.

    Images have the shape (N, H, W) and labels (N,); `Dataset` takes `images[..., None]`. Raises
    MissingDataError if the file is not there, DataError, naming it, if it is truncated, corrupted
    or of another kind.
    """
    path = as_path("path", path)
    return parse_idx(read_file(path), path).copy()  # which, unlike the bytes read, can be written to


def parse_idx(content: bytes, path: Path) -> np.ndarray:
    """What `read_idx` gives, read-only, from bytes read already; `path` names them in errors."""
    raw = _gunzip(content, path) if content.startswith(GZIP) else content
    if len(raw) < 4 or raw[:2] != b"\0\0":
        raise DataError(
            f"{path} is not an IDX file: it should begin with two zero bytes, a type and a number "
            f"of dimensions, and begins with {raw[:4]!r}. Get it again."
        )
    if raw[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} holds IDX type 0x{raw[2]:02x}; expected unsigned bytes, 0x08.")
    ndim = raw[3]
    start = 4 + 4 * ndim
    if len(raw) < start:
        raise DataError(f"{path} ends within its header, after {len(raw)} bytes: it is truncated.")
    shape = struct.unpack(f">{ndim}I", raw[4:start])
    expected, found = math.prod(shape), len(raw) - start
    if found != expected:
        raise DataError(
            f"{path} is {'truncated' if found < expected else 'too long'}: its header announces "
            f"{shape}, which is {expected:,} bytes, and {found:,} follow. Get it again."
        )
    try:
        return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
    except ValueError as error:  # more dimensions than NumPy has, or none of a length and others huge
        raise DataError(f"{path} announces an array that cannot be: {error}.") from None


def _gunzip(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError:
        raise DataError(
            f"{path} is truncated: its gzip stream ends early, after {len(content):,} bytes. Get it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is not a sound gzip file ({error}). Get it again.") from None

"""Decoded images in a file, so that a folder of photographs is decoded once and not at every start.

One file per folder, size and mode. It holds the images one after the other as uint8, then a JSON text
about them, then the length of that text in 8 bytes. The text has a digest of the names, sizes and times
of the photographs: when one of them changes, comes or goes, all are decoded anew. The file is
written under another name and renamed, so it is there as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from .lock import exclusive

RULE = 1  # of `images.py`; to be raised when a file gives other pixels than before
_LENGTH = 8  # bytes that say how long the text is

Decoded = Iterable[tuple[np.ndarray | None, str]]


class Cached(NamedTuple):
    """Decoded images, mapped into memory: (N, H, W, C), and why some of them, by index, are not there."""

    images: np.ndarray
    bad: dict[int, str]


def cached(
    cache: Path,
    folder: Path,
    files: list[Path],
    image_shape: tuple[int, int, int],
    decode: Callable[[], Decoded],
) -> Cached:
    """The images of `files`, all below `folder`, from the folder `cache` or from `decode()`, which are kept.

    decode: gives for each file its pixels, or None and what is wrong with it.
    Raises DataError if the cache cannot be written.
    """
    place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    height, width, channels = image_shape
    path = cache / f"{folder.resolve().name}-{height}x{width}x{channels}-{place}.images"
    digest = _digest(folder, files)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with exclusive(path.with_suffix(".lock")):
            if (found := _open(path, digest, len(files), image_shape)) is None:
                _write(path, digest, image_shape, decode())
                found = _open(path, digest, len(files), image_shape)
    except OSError as error:
        raise DataError(
            f"Cannot keep decoded images in {cache} ({error.strerror or error}): choose a folder that can be "
            "written to and has space, or do without the cache."
        ) from error
    if found is None:
        raise DataError(
            f"Decoded images were written to {path}, but cannot be read from there: choose another folder, "
            "or do without the cache."
        )
    return found


def _digest(folder: Path, files: list[Path]) -> str:
    """What changes when a file does, without reading it."""
    digest = hashlib.sha256(f"rule {RULE}".encode())
    for file in files:
        digest.update(repr((file.relative_to(folder).as_posix(), *_state(file))).encode())
    return digest.hexdigest()


def _state(file: Path) -> tuple[int, ...]:
    try:
        state = file.stat()
    except OSError:  # not there, or behind a closed door: whoever decodes it says so
        return ()
    return state.st_size, state.st_mtime_ns


def _open(path: Path, digest: str, count: int, image_shape: tuple[int, int, int]) -> Cached | None:
    """The cache, if it is one and holds what the digest stands for."""
    shape = (count, *image_shape)
    try:
        with path.open("rb") as file:
            end = file.seek(-_LENGTH, os.SEEK_END)
            length = int.from_bytes(file.read(), "little")
            start = file.seek(end - length)
            about = json.loads(file.read(length))
        if about["digest"] != digest or start != np.prod(shape):
            return None
        bad = {int(index): reason for index, reason in about["bad"].items()}
        return Cached(np.memmap(path, np.uint8, "r", shape=shape), bad)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none yet, or damaged: it is written again


def _write(path: Path, digest: str, image_shape: tuple[int, int, int], decoded: Decoded) -> None:
    unfinished = path.with_name(f".{path.name}.part")  # the lock keeps others away; a killed one's is reused
    nothing = bytes(int(np.prod(image_shape)))
    bad = {}
    try:
        with unfinished.open("wb") as file:
            for index, (pixels, reason) in enumerate(decoded):
                if pixels is None:
                    bad[index] = reason
                file.write(nothing if pixels is None else np.ascontiguousarray(pixels).data)
            text = json.dumps({"digest": digest, "bad": bad}).encode()
            file.write(text + len(text).to_bytes(_LENGTH, "little"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)

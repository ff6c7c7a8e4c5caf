"""Fetching one file of known size and MD5 from a list of mirrors; nothing here knows what is in it.

Bytes go into `<name>.part` beside the destination. A broken transfer is resumed from there, by the
next attempt, the next mirror or the next run, with an HTTP Range request. Only a file that is whole
and has the published MD5 is renamed into place, which is atomic. One process at a time does this,
the one that holds the lock `<name>.lock`; the others wait and find the file there.
"""

from __future__ import annotations

import hashlib
import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from ..errors import DataError, MissingDataError
from .lock import exclusive

CHUNK = 1 << 16
ATTEMPTS = 3  # for each mirror, as long as an attempt changes what we have
USER_AGENT = "tinynet"


@dataclass(frozen=True)
class RemoteFile:
    """What is published about a file: its name, its size in bytes, the MD5 of its content."""

    name: str
    size: int
    md5: str


class _TransferError(Exception):
    """One attempt failed, in a few words; the next one may not."""


def download(file: RemoteFile, mirrors: Sequence[str], folder: Path, timeout: float) -> bytes:
    """Put `file` into `folder`, unless it is there, and return its content, which has been verified.

    It comes from the first of the `mirrors` (base URLs) that can deliver it. `timeout` is the
    number of seconds without any answer after which a mirror is given up; another process that
    downloads the same file is waited for. A file of that name and other content is replaced.

    Raises MissingDataError, listing what went wrong at each mirror, if none delivers, and DataError
    if the folder cannot be written.
    """
    target = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / f"{file.name}.lock"):
            if target.is_file() and md5(content := target.read_bytes()) == file.md5:
                return content
            part = folder / f"{file.name}.part"
            content = _download_part(file, mirrors, part, timeout)
            part.replace(target)
            return content
    except MissingDataError:  # an OSError too, but with its sentence already
        raise
    except OSError as error:
        raise DataError(
            f"Cannot write {file.name} into {folder} ({error.strerror or error}): see that there is space "
            "and that you may write there, or choose another cache folder with the environment "
            "variable XDG_CACHE_HOME."
        ) from error


def by_answer(file: RemoteFile, mirrors: Sequence[str], timeout: float) -> list[str]:
    """The mirrors in the order to try them: the first to answer HTTP, then the others as they are.

    A socket's own time-out covers neither the resolver nor the several addresses of one name, so
    all are asked at once, each in a thread that is left behind when it takes too long. Raises
    MissingDataError, saying what came of each, if none answers within `timeout` seconds.
    """
    outcomes: queue.Queue[tuple[str, str]] = queue.Queue()

    def ask(mirror: str) -> None:
        try:
            urllib.request.urlopen(_request(_url(mirror, file), method="HEAD"), timeout=timeout).close()
            outcomes.put((mirror, ""))
        except urllib.error.HTTPError as error:
            error.close()
            outcomes.put((mirror, ""))  # a refusal is an answer too
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcomes.put((mirror, f"unreachable, {getattr(error, 'reason', error)}"))

    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    problems = {mirror: f"no answer in {timeout:g} s" for mirror in mirrors}
    deadline = time.monotonic() + timeout
    try:
        for _ in mirrors:
            mirror, problem = outcomes.get(timeout=max(0.0, deadline - time.monotonic()))
            if not problem:
                return sorted(mirrors, key=lambda each: each != mirror)
            problems[mirror] = problem
    except queue.Empty:
        pass
    raise MissingDataError(
        "; ".join(f"{_url(mirror, file)}: {problem}" for mirror, problem in problems.items())
    )


def md5(content: bytes) -> str:
    """The MD5 sum in hexadecimal: a guard against accidents, which is what it is published for."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _download_part(file: RemoteFile, mirrors: Sequence[str], part: Path, timeout: float) -> bytes:
    """Complete `part` from one mirror after the other; its content, or MissingDataError."""
    problems = []
    for mirror in mirrors:
        url = _url(mirror, file)
        try:
            return _download_from(url, file, part, timeout)
        except _TransferError as error:
            problems.append(f"{url}: {error}")
    raise MissingDataError("; ".join(problems))


def _download_from(url: str, file: RemoteFile, part: Path, timeout: float) -> bytes:
    """Complete `part` from one mirror and check it, going on after interruptions; its content."""
    attempts = 0
    while True:
        attempts += 1
        before = _size(part)
        try:
            if before != file.size:
                _transfer(url, file, part, timeout)
            return _verify(part, file)
        except _TransferError:
            # Repeating helps if bytes came, or if old bytes were at fault and are gone.
            if attempts == ATTEMPTS or _size(part) == before:
                raise


def _transfer(url: str, file: RemoteFile, part: Path, timeout: float) -> None:
    """One HTTP request that continues `part`, or begins it anew where the server ignores Range."""
    have = _size(part)
    if have > file.size:
        part.unlink()
        have = 0
    try:
        response = urllib.request.urlopen(_request(url, start=have), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise _TransferError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _TransferError(f"unreachable, {getattr(error, 'reason', error)}") from error
    with response:
        if response.status == 206 and _range_start(response) != have:
            raise _TransferError("the server sent another range than the one asked for")
        if response.status != 206:
            have = 0
        with part.open("ab" if have else "wb") as target:
            _copy(response, target, have, file)


def _copy(response: http.client.HTTPResponse, target: BinaryIO, have: int, file: RemoteFile) -> None:
    """Response to file, with a progress bar on a terminal, hardly past the expected size."""
    with tqdm(desc=file.name, total=file.size, initial=have, unit="B", unit_scale=True, disable=None) as bar:
        while have <= file.size:
            try:
                chunk = response.read1(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _TransferError(f"interrupted after {have:,} bytes, {error}") from error
            if not chunk:
                break
            target.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
    if have < file.size:
        raise _TransferError(f"interrupted after {have:,} of {file.size:,} bytes")


def _verify(part: Path, file: RemoteFile) -> bytes:
    """The content of `part`, which is deleted, with an error, unless it is the published file."""
    content = part.read_bytes()
    if md5(content) != file.md5:
        part.unlink()
        raise _TransferError(
            f"sent another file, {len(content):,} bytes with MD5 {md5(content)}, "
            f"expected {file.size:,} bytes with {file.md5}"
        )
    return content


def _url(mirror: str, file: RemoteFile) -> str:
    return f"{mirror.rstrip('/')}/{file.name}"


def _request(url: str, method: str = "GET", start: int = 0) -> urllib.request.Request:
    headers = {"User-Agent": USER_AGENT}  # http.client itself asks for bytes without further encoding
    if start:
        headers["Range"] = f"bytes={start}-"
    return urllib.request.Request(url, headers=headers, method=method)


def _range_start(response: http.client.HTTPResponse) -> int | None:
    """The first byte of a 206 answer, from "Content-Range: bytes 1000-4999/5000"."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

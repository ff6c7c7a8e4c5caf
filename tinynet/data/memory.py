"""How much memory images may take: a quarter of what this process may use.

Apart from `folders.py` because each platform tells its memory in another way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

SHARE = 0.25
_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def room_for_images() -> int:
    """The bytes that all images of a data set may take in memory."""
    return int(SHARE * usable_memory(_GROUPS, _MEMBERSHIP))


def usable_memory(groups: Path, membership: Path) -> int:
    """Bytes: the machine's memory or, in a container, the part of it that the container may use.

    groups: where Linux's control groups are mounted.  membership: the file that says in which group the
    process is. The smallest limit of that group and those above it counts.
    """
    return min([_physical(), *_limits(groups, membership)])


def _limits(groups: Path, membership: Path) -> Iterator[int]:
    for folder in _folders(groups, membership):
        for name in ("memory.max", "memory.limit_in_bytes"):  # version 2, version 1
            try:
                yield int((folder / name).read_text())
            except (OSError, ValueError):  # no such file, or "max"
                continue


def _folders(groups: Path, membership: Path) -> Iterator[Path]:
    yield from (groups, groups / "memory")
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:  # "0::/path" (version 2) or "9:memory:/path" (version 1)
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers in ("", "memory"):
            folder = groups / controllers
            for name in Path(path.lstrip("/")).parts:
                folder = folder / name
                yield folder


if sys.platform == "win32":

    def _physical() -> int:
        import ctypes

        class Status(ctypes.Structure):
            """MEMORYSTATUSEX of the Windows API."""

            _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
                (name, ctypes.c_ulonglong)
                for name in ("physical", "available", "file", "free", "virtual", "unused", "extended")
            ]

        status = Status(length=ctypes.sizeof(Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return status.physical

else:

    def _physical() -> int:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

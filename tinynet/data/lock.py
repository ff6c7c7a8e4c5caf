"""A lock that processes share, so that only one of them at a time writes a file.

Apart from `download.py` because each platform has a call of its own for it.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _wait_for(file: BinaryIO) -> None:
        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLOCK:  # which is how it says that ten seconds have passed
                    raise

else:
    import fcntl

    def _wait_for(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path`, an empty one made for it, waiting for whoever holds it now.

    The lock belongs to the open file: threads exclude each other as processes do, and the system
    frees the lock of a process that dies. The file stays, for if it were removed, one process could
    lock the removed file and another a new one of that name. Raises OSError if `path` cannot be
    written, or lies in a file system without locks.
    """
    with path.open("ab") as file:
        _wait_for(file)
        yield

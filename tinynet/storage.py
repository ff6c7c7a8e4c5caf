"""The memory behind a tensor, and whether somebody wrote to it while a backward pass still needs it.

Many operations keep an array for their backward pass. If that array is changed in between, the gradient
is wrong and nothing shows it. Two things together catch every change:

- writes by the library itself (an optimiser's step) raise `version`;
- writes by anybody else need a reference to the array, and the only ways to get one are `Tensor.data`,
  `Tensor.numpy()` and the array a tensor was made from. From that moment the array counts as exposed, and
  its checksum is taken when an operation keeps it and compared when the backward pass uses it.

An activation in the middle of a network, which nobody asked for, is never exposed and costs nothing.
"""

from __future__ import annotations

import sys
import zlib
from typing import NamedTuple

import numpy as np


class Stamp(NamedTuple):
    """What a storage was like when an operation kept it."""

    version: int
    checksum: int | None  # None while nobody outside could write to the array


class Storage:
    """One array and the record of who may have changed it."""

    __slots__ = ("array", "version", "exposed", "_stamped", "_checksum_when_exposed")

    def __init__(self, array: np.ndarray, exposed: bool) -> None:
        self.array = array
        self.version = 0
        self.exposed = exposed
        self._stamped = False
        self._checksum_when_exposed: int | None = None

    def expose(self) -> np.ndarray:
        """The array, for somebody who may write to it."""
        if not self.exposed:
            self.exposed = True
            if self._stamped:  # an operation kept it before anybody could write to it
                self._checksum_when_exposed = checksum(self.array)
        return self.array

    def begin_write(self) -> None:
        """The library is about to change the array. If by now nobody outside holds it, stop watching it."""
        self.version += 1
        if sys.getrefcount(self.array) <= 2:  # this object's reference and the one of the call itself
            self.exposed = False

    def stamp(self) -> Stamp:
        """Remember the content, to be compared later by `changed_since`."""
        self._stamped = True
        return Stamp(self.version, checksum(self.array) if self.exposed else None)

    def changed_since(self, stamp: Stamp) -> bool:
        """Whether the array holds something else than when the stamp was taken."""
        if self.version != stamp.version:
            return True
        if not self.exposed:
            return False
        before = self._checksum_when_exposed if stamp.checksum is None else stamp.checksum
        return checksum(self.array) != before


def checksum(array: np.ndarray) -> int:
    """CRC-32 of the array's bytes (about 3 GB/s; a difference goes unseen once in four thousand million)."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

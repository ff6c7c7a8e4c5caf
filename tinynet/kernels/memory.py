"""Memory for large arrays, used again from step to step.

A large array from NumPy is fresh memory of the operating system: each of its pages is handed over at
the first write, filled with zeros, and goes back when the array dies. In a training step, where the
same arrays are made again and again, that can cost as much as the arithmetic. `empty` is `np.empty`
with a pool behind it.

The pool keeps `_Block`s, each with an array of bytes, its base, and hands out views of them. A view
refers to its base (`.base`), and so does every view made from it, as NumPy refers past the views to
the owner. So when nobody but the pool refers to a base, no array is left that could reach it, and it
is free. Nothing has to be given back, and an array that somebody keeps stays his.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left

import numpy as np

_SMALL = 64 * 1024  # bytes; below, np.empty uses memory again by itself and is faster
_ROOM = 1.25  # a block may be this much larger than what is asked for
_ALIGNMENT = 64  # bytes, a line of the cache and the widest register
_SWEEP = 256  # takes from one search for blocks that nobody uses any more to the next
_PATIENCE = 1024  # takes a block may stay unused, and more where the pool holds many blocks


def _aligned_bytes(size: int) -> tuple[np.ndarray, int]:
    """An array of bytes, and the place in it where `size` of them begin at a multiple of `_ALIGNMENT`."""
    base = np.empty(size + _ALIGNMENT, np.uint8)
    address = base.__array_interface__["data"][0]  # four times faster than `.ctypes.data`
    return base, -address % _ALIGNMENT


class _Block:
    """A piece of memory: `size` bytes of `base` from `offset`, last seen in use at take number `used`."""

    __slots__ = ("base", "offset", "size", "used")

    def __init__(self, size: int) -> None:
        self.base, self.offset = _aligned_bytes(size)
        self.size = size
        self.used = 0


# What the interpreter counts where `block.base` has no other owner than the block.
_FREE = (lambda block: sys.getrefcount(block.base))(_Block(0))


class Pool:
    """Blocks of memory, free or in use.

    Threads share a pool without a lock. A free block is taken by making a view first and then counting:
    whoever finds his view to be the only one has it, and whoever does not looks further. The blocks are
    kept in a pair of lists that is never changed, only exchanged for another; where two threads exchange
    it at once, a block may be forgotten by the pool, which is freed with its last array.
    """

    def __init__(self) -> None:
        self._shelf: tuple[list[int], list[_Block]] = ([], [])  # the sizes, rising, and their blocks
        self._takes = 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
        """A C-contiguous array of any content, aligned to 64 bytes if it is large, which shares memory
        with no living array.
        """
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < _SMALL:
            return np.empty(shape, dtype)
        self._takes += 1
        if self._takes % _SWEEP == 0:
            self._drop_unused()
        sizes, blocks = self._shelf
        first = bisect_left(sizes, size)
        for place in range(first, len(sizes)):
            if sizes[place] > size * _ROOM:
                break
            block = blocks[place]
            if sys.getrefcount(block.base) == _FREE:
                array = np.ndarray(shape, dtype, block.base, block.offset)
                if sys.getrefcount(block.base) == _FREE + 1:
                    block.used = self._takes
                    return array
        block = _Block(size)
        block.used = self._takes
        self._shelf = ([*sizes[:first], size, *sizes[first:]], [*blocks[:first], block, *blocks[first:]])
        return np.ndarray(shape, dtype, block.base, block.offset)

    def held(self) -> int:
        """The bytes of all blocks, free or in use."""
        return sum(self._shelf[0])

    def release(self) -> None:
        """Give all free memory back to the system."""
        self._keep([block for block in self._shelf[1] if sys.getrefcount(block.base) != _FREE])

    def _drop_unused(self) -> None:
        blocks, kept = self._shelf[1], []
        oldest = self._takes - max(_PATIENCE, 8 * len(blocks))
        for block in blocks:
            if sys.getrefcount(block.base) != _FREE:
                block.used = self._takes
            if block.used >= oldest:
                kept.append(block)
        self._keep(kept)

    def _keep(self, blocks: list[_Block]) -> None:
        self._shelf = ([block.size for block in blocks], blocks)


_pool = Pool()
empty = _pool.empty
release = _pool.release


def aligned(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """`np.empty`, aligned to 64 bytes however small: loops over rows that begin at such an address are up to
    a third faster.
    """
    dtype = np.dtype(dtype)
    return np.ndarray(shape, dtype, *_aligned_bytes(math.prod(shape) * dtype.itemsize))

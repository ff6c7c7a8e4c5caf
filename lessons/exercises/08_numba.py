"""Exercises of lesson 08, the same loop, a hundred times faster. Check them with `tinynet check 08`.

Replace each `raise NotImplementedError` by your answer. You need NumPy and, for the third, Numba.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def race(order: str) -> int:
    """The total, 0 at first, after threads have added 1 to it, each as often as it likes.

    order: one letter per turn, the name of the thread that has it. A thread's first turn reads the total, its
    second writes what it read plus 1, its third reads again, its fourth writes, and so on.
    """
    raise NotImplementedError


def fetches(addresses: Sequence[int], lines: int, line_bytes: int) -> int:
    """How often a cache fetches a line while the numbers at these addresses, in bytes, are read in order.

    Line k has the bytes from k line_bytes on. The cache, empty at first, holds `lines` lines; where there is
    no room for another, the line leaves that was not used for the longest time. No number crosses lines.
    """
    raise NotImplementedError


def column_sums(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The sum of each column, block by block: (R, O) -> (blocks, O), float64.

    edges: whole numbers; block b has the rows from edges[b] to edges[b + 1] - 1, and writes row b of the
    result, no other. Write loops, and let Numba compile them: put `@numba.njit` above the function. In the
    inner loop, neighbours in memory should follow each other.
    """
    raise NotImplementedError

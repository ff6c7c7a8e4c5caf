"""Solutions of lesson 08, the same loop, a hundred times faster."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numba
import numpy as np


def race(order: str) -> int:
    """The total, 0 at first, after threads have added 1 to it, each as often as it likes."""
    total, read = 0, {}
    for thread in order:
        if thread in read:
            total = read.pop(thread) + 1  # what it read, whatever the total has become since
        else:
            read[thread] = total
    return total


def fetches(addresses: Sequence[int], lines: int, line_bytes: int) -> int:
    """How often a cache fetches a line while the numbers at these addresses, in bytes, are read in order."""
    cache: OrderedDict[int, None] = OrderedDict()  # the line used last is at the end
    count = 0
    for address in addresses:
        line = address // line_bytes
        if line not in cache:
            count += 1
            if len(cache) == lines:
                cache.popitem(last=False)
        cache[line] = None
        cache.move_to_end(line)
    return count


@numba.njit
def column_sums(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The sum of each column, block by block: (R, O) -> (blocks, O), float64."""
    sums = np.zeros((len(edges) - 1, x.shape[1]))
    for block in range(len(edges) - 1):  # could be a prange: each iteration owns its row of sums
        for row in range(edges[block], edges[block + 1]):
            for column in range(x.shape[1]):
                sums[block, column] += x[row, column]
    return sums

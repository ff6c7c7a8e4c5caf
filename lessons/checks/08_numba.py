"""Checks of lesson 08: races and caches worked out by hand, and a loop that has to be a compiled one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np

from lessons import shelf
from lessons.checking import Case, Check, Mistake

solution = shelf.load(shelf.FOLDER / "solutions" / "08_numba.py")


def race_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """The orders of the lesson, threads that add more than once, a thread that was asleep, a last read."""
    for order, expected in (
        ("aa", 1),
        ("aab", 1),
        ("aabb", 2),
        ("abab", 1),
        ("abba", 1),
        ("aabbaa", 3),
        ("abaaab", 1),
        ("abbbbbba", 1),
        ("abcabc", 1),
    ):
        yield Case(f"race({order!r})", answer(order), expected, 0)


def nothing_lost(order):
    return sum(order.count(thread) // 2 for thread in set(order))


def every_turn(order):
    return len(order)


def read_once(order):
    total, read = 0, {}
    for thread in order:
        if thread in read:
            total = read[thread] + 1
        else:
            read[thread] = total
    return total


def counts_the_reads(order):
    return sum(-(-order.count(thread) // 2) for thread in set(order))


def fetches_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """A row of numbers, a column, a matrix both ways, and who leaves a full cache."""
    row = [4 * k for k in range(32)]
    yield Case("32 numbers of 4 bytes in a row, lines of 64 bytes", answer(row, 2, 64), 2, 0)
    yield Case("the same 32 numbers twice, in a cache of 2 lines", answer(row + row, 2, 64), 2, 0)
    yield Case("the same 32 numbers twice, in a cache of 1 line", answer(row + row, 1, 64), 4, 0)
    yield Case("from address 60 on: 60, 64, 68", answer([60, 64, 68], 4, 64), 2, 0)
    line = 64
    yield Case("lines 0, 1, 0, 2, 0 in a cache of 2", answer([0, line, 0, 2 * line, 0], 2, line), 3, 0)
    yield Case("lines 0, 1, 2, 0, 1, 2 in a cache of 2", answer([0, 64, 128, 0, 64, 128], 2, line), 6, 0)
    by_column = [4 * (32 * i + j) for j in range(32) for i in range(32)]
    yield Case("32 x 32 numbers by columns, 32 lines", answer(by_column, 32, 64), 64, 0)
    yield Case("32 x 32 numbers by columns, 31 lines", answer(by_column, 31, 64), 1024, 0)


def never_full(addresses, lines, line_bytes):
    return len({address // line_bytes for address in addresses})


def oldest_leaves(addresses, lines, line_bytes):
    cache, count = [], 0
    for address in addresses:
        if address // line_bytes not in cache:
            count += 1
            cache = [*cache, address // line_bytes][-lines:]
    return count


def every_read(addresses, lines, line_bytes):
    return len(addresses)


def one_line_only(addresses, lines, line_bytes):
    return solution.fetches(addresses, 1, line_bytes)


def lines_begin_anywhere(addresses, lines, line_bytes):
    cache, count = [], 0
    for address in addresses:
        if not any(begin <= address < begin + line_bytes for begin in cache):
            count += 1
            cache = [*cache, address][-lines:]
    return count


def column_sums_cases(answer: Callable[..., Any]) -> Iterator[Case]:
    """By hand; an empty block and blocks of different sizes; float32; and whether it was compiled."""
    x = np.array([[1.0, 10], [2, 20], [3, 30], [4, 40], [5, 50]])
    got = answer(x.copy(), np.array([0, 2, 5]))
    yield Case("sums of [[1, 10], ..., [5, 50]], rows 0 and 1, rows 2 to 4", got, [[3.0, 30], [12, 120]])
    got = answer(x.copy(), np.array([0, 4, 4, 5]))
    yield Case("the same, edges 0, 4, 4, 5", got, [[10.0, 100], [0, 0], [5, 50]])
    got = answer(np.array([[2.0**24, 1]] + [[1, 1]] * 8, np.float32), np.array([0, 9]))
    yield Case("in float32: 2^24 and eight ones, nine ones", got, [[2.0**24 + 8, 9]], 1e-9)
    compiled = hasattr(answer, "py_func") or bool(numba.config.DISABLE_JIT)
    yield Case("whether Numba compiled it", compiled, True)


def column_of_all(x, edges):
    return np.array(x, np.float64).sum(axis=0)


def rows_summed(x, edges):
    return np.array(x, np.float64).sum(axis=1)


def one_row_too_many(x, edges):
    return np.array(
        [x[a : b + 1].sum(axis=0, dtype=float) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    )


def one_row_too_few(x, edges):
    return np.array(
        [x[a : max(a, b - 1)].sum(axis=0, dtype=float) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    )


def running_on(x, edges):
    return solution.column_sums(x, edges).cumsum(axis=0)


def in_the_dtype_of_x(x, edges):
    return np.array(
        [x[a:b].cumsum(axis=0)[-1] if b > a else 0 * x[0] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    )


def in_python(x, edges):
    return getattr(solution.column_sums, "py_func", solution.column_sums)(x, edges)


CHECKS = [
    Check(
        "race",
        race_cases,
        "Keep what each thread has read. If the thread whose turn it is has read something, the total "
        "becomes that plus 1, and it has read nothing any more. Otherwise it reads the total.",
        (
            Mistake(
                nothing_lost, "A thread writes what it read plus 1, even if the total has changed since."
            ),
            Mistake(every_turn, "Only every second turn of a thread writes; the first one reads."),
            Mistake(read_once, "After it has written, a thread reads anew."),
            Mistake(counts_the_reads, "A read changes nothing: only a write makes the total another one."),
        ),
    ),
    Check(
        "fetches",
        fetches_cases,
        "The line of an address is address // line_bytes. Keep the lines in the order of their last use. If "
        "a line is not there, count a fetch, and where the cache is full let the first of that order leave.",
        (
            Mistake(never_full, "There is room for `lines` lines only: a line that left is fetched again."),
            Mistake(oldest_leaves, "Not the line that came first leaves, but the one used longest ago."),
            Mistake(every_read, "A fetch brings the whole line: its other numbers need none."),
            Mistake(one_line_only, "The cache keeps `lines` lines, not only the last one."),
            Mistake(lines_begin_anywhere, "Lines begin at multiples of line_bytes, wherever one reads."),
        ),
    ),
    Check(
        "column_sums",
        column_sums_cases,
        "Three loops: over blocks, over the rows from edges[b] to edges[b + 1] - 1, over columns; inside, "
        "sums[b, column] += x[row, column], into float64 zeros. @numba.njit stands above the function.",
        (
            Mistake(column_of_all, "Each block has a row of the result to itself."),
            Mistake(rows_summed, "The sum of a column goes over rows: the result is (blocks, columns)."),
            Mistake(
                one_row_too_many,
                "The row edges[b + 1] belongs to the next block.",
            ),
            Mistake(one_row_too_few, "range ends before its second number by itself."),
            Mistake(running_on, "Begin at 0 in each block."),
            Mistake(in_the_dtype_of_x, "Add in float64: np.zeros makes that, if no dtype is given."),
            Mistake(in_python, "The numbers are right; now put @numba.njit above the function."),
        ),
    ),
]

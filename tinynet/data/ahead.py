"""Work done ahead of whoever needs it, by threads, in a bounded number of pieces and in order.

Apart from `loader.py` because it knows nothing of images: it is where a thread begins and ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    depth: int,
    wait: Callable[[Callable[[], Result]], Result] = lambda result: result(),
) -> Generator[Result, None, None]:
    """`work(piece)` for each piece, in order, computed by a thread of its own, at most `depth` pieces ahead.

    wait: calls what it is given, which returns when the next result is there; for measuring.

    An error in `work` is raised here, where its result would have come. The thread ends with the
    iterator: at its last result, when it is closed, or when nobody holds it any more.
    """
    with ThreadPoolExecutor(1, "tinynet-ahead") as thread:
        coming: deque[Future[Result]] = deque()
        try:
            for piece in pieces:
                coming.append(thread.submit(work, piece))
                if len(coming) > depth:
                    yield wait(coming.popleft().result)
            while coming:
                yield wait(coming.popleft().result)
        finally:
            for future in coming:
                future.cancel()

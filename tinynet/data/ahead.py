"""Work done ahead of whoever needs it, by threads, in a bounded number of pieces and in order.

Apart from `loader.py` because it knows nothing of images: it is where threads begin and end.
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
    threads: int = 1,
    wait: Callable[[Callable[[], Result]], Result] = lambda result: result(),
) -> Generator[Result, None, None]:
    """`work(piece)` for each piece, in order, computed by threads, at most `depth` pieces ahead.

    wait: calls what it is given, which returns when the next result is there; for measuring.

    An error in `work` is raised here, where its result would have come. The threads end with the
    iterator: at its last result, when it is closed, or when nobody holds it any more.
    """
    with ThreadPoolExecutor(threads, "tinynet-ahead") as pool:
        coming: deque[Future[Result]] = deque()
        try:
            for piece in pieces:
                coming.append(pool.submit(work, piece))
                if len(coming) > depth:
                    yield wait(coming.popleft().result)
            while coming:
                yield wait(coming.popleft().result)
        finally:
            for future in coming:
                future.cancel()

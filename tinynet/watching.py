"""Who watches how long each piece of work takes: a list, empty unless somebody is measuring.

The places where a training step spends its time call what they do through `watched`: the forward and
the backward of an operation, an optimiser's update, the gathering of a batch. It is a file of its own
because the engine, the optimisers and the data, which know nothing of each other, all report here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

Watcher = Callable[[Any, str, tuple[Any, ...], Any, float], None]


class Part(NamedTuple):
    """What a part of a fused operation does: the name of its row in a profile, arithmetic and bytes.

    An operation that wants a row for each of its parts runs them through `watched` within its own forward
    and backward. The `who` of a part has a method `part(what, arguments) -> Part`, which is asked only
    when somebody watches.
    """

    name: str
    flops: int
    bytes: int


_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher(who, what, arguments, result, seconds)` after every piece of work while it lasts.

    One list serves all threads.
    """
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def watched(who: Any, what: str, function: Callable, *arguments: Any) -> Any:
    """`function(*arguments)`, the `what` ("forward", "backward", "update", "load") of the object `who`."""
    if not _watchers:
        return function(*arguments)
    begin = time.perf_counter()
    result = function(*arguments)
    seconds = time.perf_counter() - begin
    for watcher in tuple(_watchers):
        watcher(who, what, arguments, result, seconds)
    return result

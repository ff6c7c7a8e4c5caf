"""Ctrl-C as a request: the step under way is finished, then training stops where it can be resumed."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

STDERR = 2
MESSAGE = b"\nInterrupted: finishing this step, then saving (Ctrl-C again: stop at once).\n"


class Interrupt:
    """Within `with Interrupt() as interrupt`, the first Ctrl-C only sets a flag; the second aborts.

    `check()` raises KeyboardInterrupt if there was one: call it where stopping does no harm. Signals
    reach the main thread only, so in other threads nothing is changed.
    """

    def __init__(self) -> None:
        self.presses = 0
        self._before: Any = None

    @property
    def aborted(self) -> bool:
        """Whether the second Ctrl-C came, which does not wait for a good moment."""
        return self.presses > 1

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.presses:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.presses += 1
        if self.aborted:
            raise KeyboardInterrupt
        os.write(STDERR, MESSAGE)  # print() may be what the signal has interrupted

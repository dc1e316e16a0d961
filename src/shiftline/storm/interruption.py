"""How a storm is told to end early: a flag and a word to the engines, so that no message is cut in two.

Nothing is raised where a signal happens to strike. Engines end their load and say their last word; whoever
runs several loads asks here before the next.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAP_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class InterruptedStormError(Exception):
    """Somebody wants no further load; what was measured so far counts."""


class Interruption:
    """Whether somebody wants it to end, and whom to tell."""

    def __init__(self) -> None:
        self.told = False
        self.pids: set[int] = set()
        """The engines that run now."""

    def tell(self) -> None:
        """End what runs now, and begin nothing more."""
        self.told = True
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)

    def require_none(self) -> None:
        """Raise InterruptedStormError if somebody wants it to end."""
        if self.told:
            raise InterruptedStormError

    def rest(self, seconds: float) -> None:
        """Let so much time pass. Raises InterruptedStormError."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.require_none()
            time.sleep(min(left, _NAP_SECONDS))


@contextmanager
def told_by_signals() -> Iterator[Interruption]:
    """Ctrl-C, SIGTERM and a closed terminal end the storm; a second Ctrl-C cuts short what follows it."""
    interruption = Interruption()

    def react(number: int, frame: FrameType | None) -> None:
        del frame
        if interruption.told and number == signal.SIGINT:
            raise KeyboardInterrupt
        interruption.tell()

    if threading.current_thread() is not threading.main_thread():  # it gets no signals
        yield interruption
        return
    wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as by nohup
    before = {number: signal.signal(number, react) for number in wanted}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_engine_by_signals(end: Callable[[], None]) -> None:
    """In an engine: the same signals, and the death of whoever started it, call ``end``."""

    def react(number: int, frame: FrameType | None) -> None:
        del number, frame
        end()

    for number in SIGNALS:
        signal.signal(number, react)
    with suppress(
        OSError, AttributeError
    ):  # elsewhere than on Linux the closed pipe tells it, a second later
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

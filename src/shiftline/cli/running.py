"""How the verbs that run until they are told to end are told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told_by_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and Ctrl-C set."""
    told = asyncio.Event()
    with _at_signals(told.set):
        yield told


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the block of the running task, which cleans up as at any other end."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - there is one wherever something is awaited
    told = asyncio.Event()

    def end() -> None:
        told.set()
        task.cancel()

    try:
        with _at_signals(end):
            yield
    except asyncio.CancelledError:
        if not told.is_set():
            raise
        task.uncancel()


@contextmanager
def _at_signals(react: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, react)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

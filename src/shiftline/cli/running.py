"""How the verbs that run until they are told to end are told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def told_by_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM, Ctrl-C and a closed terminal set."""
    told = asyncio.Event()
    with _at_signals(lambda _: told.set()):
        yield told


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, Ctrl-C and a closed terminal end the block of the running task, which cleans up.

    A second Ctrl-C cuts the cleaning up short. A second SIGTERM or SIGHUP does not: `timeout` and
    terminals send theirs twice, to the process and to its group.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - there is one wherever something is awaited
    told = asyncio.Event()

    def end(number: signal.Signals) -> None:
        if number is signal.SIGINT or not told.is_set():
            task.cancel()
        told.set()

    try:
        with _at_signals(end):
            yield
    except asyncio.CancelledError:
        if not told.is_set():
            raise
        task.uncancel()


@contextmanager
def _at_signals(react: Callable[[signal.Signals], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = [number for number in SIGNALS if not _is_for_life(number)]
    for number in numbers:
        loop.add_signal_handler(number, react, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _is_for_life(number: signal.Signals) -> bool:
    """Whether `nohup` asked for a life without a terminal."""
    return number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN

"""How the verbs that run until they are told to end are told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Self

import typer

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_INTERRUPTS_IN_VAIN = 2


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


class Ending:
    """Lets signals end `asking`, and keeps them from what follows in the block: the result is written.

    The first one is answered on standard error at once. A second Ctrl-C cuts short what is cleaned up after
    the questions, a third one gives the result up. Each further SIGTERM or SIGHUP is taken for the first:
    `timeout` and terminals send theirs twice, to the process and to its group.
    """

    def __init__(self) -> None:
        self._told = self._interrupts = self._cancelled = 0
        self._task: asyncio.Task[object] | None = None
        self._before = {number: signal.getsignal(number) for number in SIGNALS if not _is_for_life(number)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """What the first signal ends; the running task goes on behind it."""
        self._task = asyncio.current_task()
        for number in self._before:
            # Not the loop's own handlers: they would end with the loop, before the result is written.
            signal.signal(number, self._react)
        try:
            yield
        except asyncio.CancelledError:
            if not self._cancelled or self._task is None:
                raise
            for _ in range(self._cancelled):
                self._task.uncancel()
        finally:
            self._task = None

    def _react(self, number: int, _: FrameType | None) -> None:
        self._told += 1
        self._interrupts += number == signal.SIGINT
        is_first = self._told == 1
        if self._interrupts > _INTERRUPTS_IN_VAIN:
            raise KeyboardInterrupt
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._end, is_first, number)
        elif is_first:
            _say_that_it_ends()

    def _end(self, is_first: bool, number: int) -> None:
        if is_first:
            _say_that_it_ends()
        if self._task is not None and (is_first or number == signal.SIGINT):
            self._cancelled += 1
            self._task.cancel()


def _say_that_it_ends() -> None:
    with suppress(OSError):  # of a terminal that was closed
        typer.echo("Ending: what was found so far is written. Ctrl-C twice more gives it up.", err=True)


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

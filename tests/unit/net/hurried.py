"""An event loop on which time goes five times as fast: for tests that wait for silences to pass.

Sockets are as fast as ever, so answers seem to come a little late, and nothing else changes.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

HURRY = 5.0
P = ParamSpec("P")


class _HurriedSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait a fifth of what the loop asks for."""
        return super().select(None if timeout is None else timeout / HURRY)


class HurriedLoop(asyncio.SelectorEventLoop):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__(_HurriedSelector())

    def time(self) -> float:
        """The loop's clock, in its own seconds."""
        return super().time() * HURRY


def hurried(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run the test on such a loop."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=HurriedLoop) as runner:
            runner.run(test(*arguments, **named))

    return run

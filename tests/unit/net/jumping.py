"""An event loop that never waits: when nothing has come, its clock jumps to the next timer.

For tests whose both ends are sockets of the same loop: on loopback a datagram is there as soon as it was
sent, so what comes in which order does not depend on how busy the machine is, and a quarter of an hour takes
no time. Whoever waits for another process or thread needs the usual loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")


class _JumpingSelector(selectors.DefaultSelector):
    ahead = 0.0
    """So many seconds have been jumped over."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is there; if nothing is, the time asked for has passed."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.ahead += max(0.0, timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """See the module's text. Its clock stands still but for the jumps."""

    def __init__(self) -> None:
        self._jumps = _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._jumps.ahead


def jumping(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run the test on such a loop."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*arguments, **named))

    return run

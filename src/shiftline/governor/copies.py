"""Requests that are sent again because no answer came (RFC 3261 timer E), out of the trunk's budget.

A PBX's limiter counts datagrams, not transactions, so a copy needs room as a new request does. One that
leaves before its answer could have come is a request of the budget thrown away. So none is sent before the
answer is late, as answers come at the moment (RFC 3261 section 17.1.2.1 lets T1 be larger where the round
trip is known to be longer): in a queue that grows, each answer puts off the copies of all behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.sip.transactions import Timers

TIMERS = Timers()
LATE = 1.5  # times what answers take
LATEST_SECONDS = 2.5  # a question is given up after 4 s by default: a later copy could hardly be answered


def t1_for(answer_seconds: float) -> float:
    """T1 (seconds) on a trunk whose answers take so long at the moment; 0: none has come yet.

    Never less than RFC 3261 has it. The upper bound also ends what feeds itself until `Hearing` tells: where
    every first datagram is lost, answers take as long as we wait before we send again.
    """
    return min(max(TIMERS.t1, LATE * answer_seconds), LATEST_SECONDS)


@dataclass(slots=True)
class Turns:
    """Where a copy and something new may both leave, they do so turn about.

    So a trunk that loses datagrams halves what is new at most, and what was lost is never stuck.
    """

    _had_last: bool = field(default=False, init=False)

    def is_copys(self, copy_at: float | None, now: float, *, other_may: bool) -> bool:
        """Whether a copy that may leave at ``copy_at`` (None: none waits) leaves now."""
        if copy_at is None or copy_at > now:
            return False
        self._had_last = not (other_may and self._had_last)
        return self._had_last

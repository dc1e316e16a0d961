"""Whether a target answers nobody any more; pure.

That nothing came for a while shows it only if somebody was to be answered: one user whom the server ignores
leaves an old flow behind, and when the others are done, nothing else is due. So most of the newest flows
must be without an answer too.
"""

from __future__ import annotations

from shiftline.storm.flows import Flows

_NEWEST = 20
"""Flows that are looked at."""


class Silence:
    """Watches flows; ``seconds`` without an answer are too long."""

    def __init__(self, flows: Flows, seconds: float) -> None:
        self._flows = flows
        self._seconds = seconds
        self._began = 0.0
        self._before = self._then = 0
        """Flows that had begun before the load, and when the last answer came."""
        self._answer = -1.0

    def begin(self, now: float) -> None:
        """The load begins."""
        self._began = now
        self._before = self._flows.number

    def has_fallen(self, now: float) -> bool:
        """Whether it has; to be asked again and again."""
        flows = self._flows
        if flows.last_answer != self._answer:
            self._answer, self._then = flows.last_answer, flows.number
        if not flows.pending or now - max(flows.last_answer, self._began) <= self._seconds:
            return False
        newest = min(_NEWEST, flows.number - self._before)
        first = flows.number - newest
        unanswered = {int(flow.number, 16) for flow in flows.pending.values()}
        unanswered.update(range(max(first, self._then) + 1, flows.number + 1))
        return sum(number > first for number in unanswered) * 2 > newest

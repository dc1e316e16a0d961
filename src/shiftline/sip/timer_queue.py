"""The timers of all transactions in one heap."""

from __future__ import annotations

from heapq import heappop, heappush

from shiftline.sip.transactions import NEVER, State, Transaction


class TimerQueue:
    """Knows which transaction's timer fires next.

    A transaction has one live entry, at or before its next timer. Moving a timer later leaves the entry
    alone: when it comes up, the transaction is armed again. An answered request so costs one push, not
    three.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Transaction]] = []
        self._pushed = 0

    def arm(self, transaction: Transaction) -> None:
        """Make sure the transaction comes up no later than its next timer."""
        due = transaction.next_timer()
        if due < transaction.armed_at:
            transaction.armed_at = due
            self._pushed += 1
            heappush(self._entries, (due, self._pushed, transaction))

    def next_due(self) -> float | None:
        """When to look again; may be early, never late."""
        entries = self._entries
        while entries and (
            entries[0][2].state is State.TERMINATED or entries[0][0] != entries[0][2].armed_at
        ):
            heappop(entries)
        return entries[0][0] if entries else None

    def pop_due(self, now: float) -> Transaction | None:
        """Take the next transaction whose entry is due; the caller arms it again."""
        due = self.next_due()
        if due is None or due > now:
            return None
        transaction = heappop(self._entries)[2]
        transaction.armed_at = NEVER
        return transaction

"""Requests of ours that are due to be sent again and wait for their driver's word."""

from __future__ import annotations

from collections import OrderedDict

from shiftline.sip.transactions import ClientTransaction


class HeldRepeats:
    """In the order in which they fell due. One that has its answer meanwhile waits no longer."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, ClientTransaction] = OrderedDict()

    def add(self, transaction: ClientTransaction) -> None:
        """It is due; one that waits already keeps its place."""
        self._held[transaction.key] = transaction

    def __bool__(self) -> bool:
        while self._held and not next(iter(self._held.values())).wants_repeating():
            self._held.popitem(last=False)
        return bool(self._held)

    def take(self) -> ClientTransaction | None:
        """Take out the one that has waited longest; None if there is none."""
        return self._held.popitem(last=False)[1] if self else None

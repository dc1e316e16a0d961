"""Sharing trunks among the workers that live: each takes what is free up to its fair share.

The fair share is the number of trunks by the number of live workers, rounded up, so that the shares of
those who live always cover all trunks. What nobody takes within a moment is taken whatever the share: a
trunk without an owner is worse than an uneven load. A worker above its share hands one trunk after the
other over, when the workers have been the same for a while and the trunk is idle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import ceil
from zlib import crc32

from shiftline.connector.records import Holdings

LOOK_SECONDS = 0.25
"""How often is looked for trunks that are free."""
LIVE_SECONDS = 2.5
"""A worker that was not heard of for so long counts no more: the others' shares have grown when its leases
are free, even if it was heard of a second after its last renewal."""
PATIENCE_SECONDS = 0.5
"""So long a free trunk is left to those below their share."""
OFFER_SECONDS = 2.0
"""The same for a trunk that this worker has handed over itself."""
SETTLED_SECONDS = 5.0
"""The workers must have been the same for so long before anything is handed over."""
BETWEEN_SECONDS = 1.0
"""From one handover to the next."""
UNWANTED_SECONDS = 300.0
"""A trunk that nobody took is not offered again for so long."""


class Sharing:
    """What one worker may take and should hand over. Moments are seconds of one clock that only goes on."""

    def __init__(self, *, owner: str, leases: Sequence[str]) -> None:
        """``leases`` are the names of all trunks' leases, whether or not this worker can open them."""
        self._owner = owner
        self.leases = leases
        self._workers: Collection[str] = ()
        self._same_since = 0.0
        self._free_since: dict[str, float] = {}
        self._mine: set[str] = set()
        self._offered: dict[str, float] = {}
        self._handed_over_at = float("-inf")
        self._wanted: Collection[str] = ()

    def fair_share(self) -> int:
        """How many trunks each of the live workers should own at most."""
        return ceil(len(self.leases) / len({*self._workers, self._owner}))

    def look(self, seen: Holdings, now: float) -> None:
        """Take note of who lives and who holds what; leases that are no trunk's are nothing to be shared."""
        if seen.workers != self._workers:
            self._workers, self._same_since = seen.workers, now
        free = [name for name in self.leases if name not in seen.held]
        self._free_since = {name: self._free_since.get(name, now) for name in free}
        self._mine = {name for name in self.leases if seen.held.get(name) == self._owner}
        # Each in an order of its own, so that not all ask for the same ones.
        free.sort(key=lambda name: crc32(f"{self._owner} {name}".encode()))
        room = max(0, self.fair_share() - len(self._mine))
        untouched = [name for name in free if now - self._free_since[name] >= self._patience(name, now)]
        self._wanted = {*free[:room], *untouched}

    def may_take(self, lease: str) -> bool:
        """Whether to ask for this lease now."""
        return lease in self._wanted

    def to_hand_over(self, now: float, is_idle: Callable[[str], bool]) -> str | None:
        """The trunk to hand over now, if one should be; the caller does so, or calls again later."""
        settled = now - self._same_since >= SETTLED_SECONDS
        if (
            len(self._mine) <= self.fair_share()
            or not settled
            or now - self._handed_over_at < BETWEEN_SECONDS
        ):
            return None
        willing = (name for name in sorted(self._mine) if not self._was_offered(name, now) and is_idle(name))
        return next(willing, None)

    def handed_over(self, lease: str, now: float) -> None:
        """Note that it was: others have a while to take it."""
        self._handed_over_at = self._offered[lease] = now
        self._mine.discard(lease)
        self._wanted = {*self._wanted} - {lease}

    def _patience(self, lease: str, now: float) -> float:
        return OFFER_SECONDS if self._was_offered(lease, now) else PATIENCE_SECONDS

    def _was_offered(self, lease: str, now: float) -> bool:
        return now - self._offered.get(lease, float("-inf")) < UNWANTED_SECONDS

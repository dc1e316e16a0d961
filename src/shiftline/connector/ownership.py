"""Owning a trunk: only the holder of its lease may send (design decision 3).

The holder believes in its lease only as long as its *own* boot-time clock says so, counted from before
the renewal was asked for. A process that was paused therefore finds its lease over before it sends.
A lease is newly taken when nobody had it or somebody else did: what they learned is asked for first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shiftline.connector.lease_ports import LeaseKeeper
from shiftline.connector.records import Lease

TTL_SECONDS = 3.0
GRACE_SECONDS = 0.5
"""More than the difference of two clocks that count 3 s, and than a datagram needs that is past its check."""
RENEW_SECONDS = 1.0


class Ownership:
    """Tries to own one thing (``trunk:pbx``, ``wfm:genesys``) and tells whether it may act right now."""

    def __init__(
        self,
        keeper: LeaseKeeper,
        *,
        name: str,
        owner: str,
        boot_time: Callable[[], float],
        on_taken: Callable[[Lease], Awaitable[None]] | None = None,
    ) -> None:
        """``on_taken`` is awaited for each newly taken lease, before `holds` is true for it."""
        self._keeper = keeper
        self.name = name
        self._owner = owner
        self._boot_time = boot_time
        self._on_taken = on_taken
        self._held_until = 0.0
        self.lease: Lease | None = None

    def holds(self) -> bool:
        """True while the lease certainly holds."""
        return self.seconds_left() > 0

    def seconds_left(self) -> float:
        """How long the lease certainly holds if it is not prolonged; 0: it does not."""
        return max(0.0, self._held_until - self._boot_time())

    async def keep(self) -> bool:
        """Take or prolong the lease; call it every `RENEW_SECONDS`. Return whether it is ours now."""
        return await self.renew() or await self.take()

    async def renew(self) -> bool:
        """Prolong the lease if it is ours; return whether it still is. Call it every `RENEW_SECONDS`."""
        asked_at = self._boot_time()
        if self.lease is not None and not await self._keeper.renew(self.lease, TTL_SECONDS):
            self.lease = None
            self._held_until = 0.0
        return self._hold_from(asked_at)

    async def take(self) -> bool:
        """Ask for the lease. If the callback fails it is not ours yet, and the next round asks again."""
        asked_at = self._boot_time()
        lease = await self._keeper.acquire(self.name, self._owner, TTL_SECONDS, GRACE_SECONDS)
        if lease is not None and self._on_taken is not None:
            await self._on_taken(lease)
        self.lease = lease
        return self._hold_from(asked_at)

    def _hold_from(self, asked_at: float) -> bool:
        if self.lease is not None:
            self._held_until = asked_at + TTL_SECONDS
        return self.lease is not None

    async def give_up(self) -> None:
        """Let the lease go, so that another worker need not wait."""
        lease, self.lease, self._held_until = self.lease, None, 0.0
        if lease is not None:
            await self._keeper.release(lease)

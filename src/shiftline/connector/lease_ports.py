"""The connector's ports for ownership: leases, and the register of those who may hold them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from shiftline.connector.records import Holdings, Lease


class LeaseKeeper(Protocol):
    """Single ownership of a trunk (design decision 3). Expiry is judged by the taker's own clock."""

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        """Take a free lease, or one that was not renewed for both times together; None if it is held.

        Taking over raises the epoch; renewing one's own live lease through here keeps it.
        """

    async def renew(self, lease: Lease, ttl_seconds: float) -> bool:
        """Prolong; False if somebody else owns it now."""

    async def release(self, lease: Lease) -> None:
        """Give it up at once, without grace."""


class WorkerRegister(Protocol):
    """Which workers live, so that they can share the trunks: by the database's clock."""

    async def beat(self, owner: str) -> None:
        """Say that this worker lives."""

    async def leave(self, owner: str) -> None:
        """Say that it ends: its trunks are shared anew at once."""

    async def look(
        self, leases: Collection[str], *, live_seconds: float, ttl_seconds: float, grace_seconds: float
    ) -> Holdings:
        """Who was heard of within ``live_seconds``, and who holds which of these ``leases``.

        A lease that nobody has renewed for both other times together is nobody's.
        """

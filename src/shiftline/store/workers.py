"""Which workers live: each says so about once a second, and the database's clock judges how long ago."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Interval, delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.clock import boot_time
from shiftline.connector.lease_watch import LeaseWatch
from shiftline.connector.records import Holdings
from shiftline.store.database import outages_translated
from shiftline.store.leases import CLOCK, lease_rows
from shiftline.store.schema import worker

FORGOTTEN = timedelta(hours=1)  # a worker that died leaves its row behind


class PostgresWorkers:
    """The register of workers; every call is a transaction of its own, UnavailableError in an outage."""

    def __init__(self, engine: AsyncEngine, watch: LeaseWatch | None = None) -> None:
        """``watch`` is what this process has seen of leases; by default nothing yet."""
        self._engine = engine
        self._watch = watch or LeaseWatch(boot_time)

    async def beat(self, owner: str) -> None:
        """Say that this worker lives, and forget those of whom nothing was heard for an hour."""
        mine = insert(worker).values(owner=owner, seen_at=CLOCK)
        late = worker.c.seen_at < CLOCK - literal(FORGOTTEN, Interval)
        # Passed over if somebody else is forgetting them: two that wait for each other would be a deadlock.
        forgotten = select(worker.c.owner).where(late).with_for_update(skip_locked=True)
        with outages_translated():
            async with self._engine.begin() as connection:
                await connection.execute(
                    mine.on_conflict_do_update(index_elements=[worker.c.owner], set_={"seen_at": CLOCK})
                )
                await connection.execute(delete(worker).where(worker.c.owner.in_(forgotten)))

    async def leave(self, owner: str) -> None:
        """Say that it ends."""
        with outages_translated():
            async with self._engine.begin() as connection:
                await connection.execute(delete(worker).where(worker.c.owner == owner))

    async def look(
        self, leases: Collection[str], *, live_seconds: float, ttl_seconds: float, grace_seconds: float
    ) -> Holdings:
        """Who was heard of within ``live_seconds``, and who holds which of these ``leases``.

        A lease that nobody has renewed for both other times together is nobody's.
        """
        lives = worker.c.seen_at > CLOCK - literal(timedelta(seconds=live_seconds), Interval)
        with outages_translated():
            async with self._engine.connect() as connection:
                workers = await connection.scalars(select(worker.c.owner).where(lives))
                rows = await lease_rows(connection, leases, grace_seconds)
        left = {row: self._watch.seconds_left(row.sight, ttl_seconds + grace_seconds) for row in rows}
        held = {row: seconds for row, seconds in left.items() if seconds}
        return Holdings(
            workers=frozenset(workers),
            held={row.sight.name: row.owner for row in held},
            free_in=min(held.values(), default=None),
        )

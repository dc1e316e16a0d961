"""Who owns a trunk: one row, judged by the database's clock alone, so that owners' clocks may differ."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Interval,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shiftline.connector.records import Lease
from shiftline.store.database import outages_translated
from shiftline.store.schema import lease as lease_row

# Not now(), which is the start of the transaction: it would be early after a wait for the row.
CLOCK: ColumnElement[datetime] = func.clock_timestamp(type_=DateTime(timezone=True))
RELEASED: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz", DateTime(timezone=True))


class PostgresLeases:
    """Keeps leases; every call is a transaction of its own and raises UnavailableError in an outage."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        """Take a free lease, or one that expired more than ``grace_seconds`` ago; None if it is held."""
        until = CLOCK + _interval(ttl_seconds)
        own_and_live = and_(lease_row.c.owner == owner, lease_row.c.expires_at > CLOCK)
        over = lease_row.c.expires_at + _interval(grace_seconds) <= CLOCK
        statement = (
            insert(lease_row)
            .values(name=name, owner=owner, epoch=1, expires_at=until)
            .on_conflict_do_update(
                index_elements=[lease_row.c.name],
                set_={
                    "owner": owner,
                    "epoch": case((own_and_live, lease_row.c.epoch), else_=lease_row.c.epoch + 1),
                    "expires_at": until,
                },
                where=or_(own_and_live, over),
            )
            .returning(lease_row.c.epoch)
        )
        with outages_translated():
            async with self._engine.begin() as connection:
                epoch = await connection.scalar(statement)
        return None if epoch is None else Lease(name=name, owner=owner, epoch=epoch)

    async def renew(self, lease: Lease, ttl_seconds: float) -> bool:
        """Prolong; False if somebody else owns it now, or if it was released.

        One that expired may be renewed as long as nobody took it over.
        """
        return await self._move_end(lease, CLOCK + _interval(ttl_seconds))

    async def release(self, lease: Lease) -> None:
        """Give it up at once, without grace; the next owner gets a higher epoch."""
        await self._move_end(lease, RELEASED)

    async def _move_end(self, lease: Lease, until: ColumnElement[datetime]) -> bool:
        statement = (
            update(lease_row)
            .where(holds(lease), func.isfinite(lease_row.c.expires_at))
            .values(expires_at=until)
            .returning(lease_row.c.epoch)
        )
        with outages_translated():
            async with self._engine.begin() as connection:
                return await connection.scalar(statement) is not None


def holds(lease: Lease) -> ColumnElement[bool]:
    """True for the row of ``lease`` as long as nobody has taken it over: the fence of the check queue."""
    return and_(
        lease_row.c.name == lease.name, lease_row.c.epoch == lease.epoch, lease_row.c.owner == lease.owner
    )


def _interval(seconds: float) -> ColumnElement[timedelta]:
    return literal(timedelta(seconds=seconds), Interval)

"""Who owns a trunk: one row. No two clocks are compared: owner and taker each count on their own.

See `shiftline.connector.lease_watch` for when a lease may be taken that is not renewed any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Executable,
    Interval,
    Numeric,
    and_,
    extract,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shiftline.clock import boot_time
from shiftline.connector.lease_watch import LeaseSight, LeaseWatch
from shiftline.connector.records import Lease
from shiftline.store.database import outages_translated
from shiftline.store.rows import among
from shiftline.store.schema import lease as lease_row

# Not now(), which is the start of the transaction: it would be early after a wait for the row.
CLOCK: ColumnElement[datetime] = func.clock_timestamp(type_=DateTime(timezone=True))
# As an exact number: a released lease's end is no moment that Python has.
_END = type_coerce(extract("epoch", lease_row.c.expires_at), Numeric)
RELEASED: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz", DateTime(timezone=True))


class PostgresLeases:
    """Keeps leases; every call is a transaction of its own and raises UnavailableError in an outage."""

    def __init__(self, engine: AsyncEngine, watch: LeaseWatch | None = None) -> None:
        """``watch`` is what this process has seen of leases; by default nothing yet."""
        self._engine = engine
        self._watch = watch or LeaseWatch(boot_time)

    async def acquire(self, name: str, owner: str, ttl_seconds: float, grace_seconds: float) -> Lease | None:
        """Take a free lease, or one that has not been renewed for both times together; None if it is held."""
        with outages_translated():
            async with self._engine.begin() as connection:
                rows = await lease_rows(connection, [name], grace_seconds)
                if not rows:
                    taking = _first(name, owner, ttl_seconds)
                elif rows[0].owner == owner and rows[0].is_live:
                    taking = _taken(rows[0], owner, ttl_seconds, epoch=rows[0].epoch)
                elif not self._watch.seconds_left(rows[0].sight, ttl_seconds + grace_seconds):
                    taking = _taken(rows[0], owner, ttl_seconds, epoch=rows[0].epoch + 1)
                else:
                    return None
                epoch = await connection.scalar(taking)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """A lease as it stands in the database."""

    owner: str
    epoch: int
    end: Decimal
    """Seconds since the epoch; minus infinity once it was released."""
    is_live: bool
    """By the database's clock, without grace."""
    sight: LeaseSight


async def lease_rows(
    connection: AsyncConnection, names: Collection[str], grace_seconds: float
) -> list[LeaseRow]:
    """Those of these leases that somebody has had."""
    end = lease_row.c.expires_at
    found = await connection.execute(
        select(
            lease_row.c.name,
            lease_row.c.owner,
            lease_row.c.epoch,
            _END.label("end"),
            func.isfinite(end).label("is_finite"),
            (end > CLOCK).label("is_live"),
            (end + _interval(grace_seconds) <= CLOCK).label("is_over"),
        ).where(among(lease_row.c.name, names))
    )
    return [
        LeaseRow(
            owner=row.owner,
            epoch=row.epoch,
            end=row.end,
            is_live=row.is_live,
            sight=LeaseSight(
                name=row.name,
                mark=(row.epoch, row.end),
                is_released=not row.is_finite,
                is_over=row.is_over,
            ),
        )
        for row in found
    ]


def _first(name: str, owner: str, ttl_seconds: float) -> Executable:
    """Of those who ask at once for a lease that nobody has had, one gets it."""
    values = insert(lease_row).values(
        name=name, owner=owner, epoch=1, expires_at=CLOCK + _interval(ttl_seconds)
    )
    return values.on_conflict_do_nothing().returning(lease_row.c.epoch)


def _taken(row: LeaseRow, owner: str, ttl_seconds: float, *, epoch: int) -> Executable:
    """Nothing is taken that was renewed, or taken by somebody else, since it was read."""
    return (
        update(lease_row)
        .where(
            lease_row.c.name == row.sight.name,
            lease_row.c.epoch == row.epoch,
            literal(row.end, Numeric) == _END,
        )
        .values(owner=owner, epoch=epoch, expires_at=CLOCK + _interval(ttl_seconds))
        .returning(lease_row.c.epoch)
    )


def holds(lease: Lease) -> ColumnElement[bool]:
    """True for the row of ``lease`` as long as nobody has taken it over: the fence of the check queue."""
    return and_(
        lease_row.c.name == lease.name, lease_row.c.epoch == lease.epoch, lease_row.c.owner == lease.owner
    )


def _interval(seconds: float) -> ColumnElement[timedelta]:
    return literal(timedelta(seconds=seconds), Interval)

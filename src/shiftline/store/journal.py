"""Small durable facts: the calls made to rate-limited APIs, and the last successful poll."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from shiftline.store.schema import api_call, poll


class PostgresJournal:
    """The journal, shared by all WFMs of a database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reserve_call(self, bucket: str, limit: int, window_seconds: float, now: datetime) -> float:
        """Note a call to a rate-limited API and return 0.0, or note nothing and return the seconds to go."""
        window = timedelta(seconds=window_seconds)
        # Two workers must not both find the last free place: they count one after the other.
        await self._connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"shiftline.api_call.{bucket}", 0)))
        )
        await self._connection.execute(
            delete(api_call).where(api_call.c.bucket == bucket, api_call.c.called_at <= now - window)
        )
        # Calls from before the clock was set back still count, but for one window and not for the step.
        await self._connection.execute(
            update(api_call)
            .where(api_call.c.bucket == bucket, api_call.c.called_at > now)
            .values(called_at=now)
        )
        # The call that has to leave the window before another one fits.
        blocking: datetime | None = await self._connection.scalar(
            select(api_call.c.called_at)
            .where(api_call.c.bucket == bucket)
            .order_by(api_call.c.called_at.desc())
            .offset(limit - 1)
            .limit(1)
        )
        if blocking is not None:
            return (blocking + window - now).total_seconds()
        await self._connection.execute(insert(api_call).values(bucket=bucket, called_at=now))
        return 0.0

    async def last_poll(self, wfm: str, now: datetime) -> datetime | None:
        """When the WFM was last polled with success; a moment that lies ahead is brought back to ``now``."""
        await self._connection.execute(
            update(poll).where(poll.c.wfm == wfm, poll.c.polled_at > now).values(polled_at=now)
        )
        polled_at: datetime | None = await self._connection.scalar(
            select(poll.c.polled_at).where(poll.c.wfm == wfm)
        )
        return polled_at

    async def polled(self, wfm: str, now: datetime) -> None:
        """Note a successful poll."""
        statement = upsert(poll).values(wfm=wfm, polled_at=now)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[poll.c.wfm], set_={"polled_at": statement.excluded.polled_at}
            )
        )

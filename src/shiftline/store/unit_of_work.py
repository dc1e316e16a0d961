"""One transaction over all books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shiftline.connector.ports import (
    CheckQueue,
    DeliveryOutbox,
    Journal,
    PlatformBook,
    Roster,
    TradeBook,
    TrunkBook,
    UnitOfWork,
)
from shiftline.store.checks import PostgresChecks
from shiftline.store.database import outages_translated
from shiftline.store.deliveries import PostgresDeliveries
from shiftline.store.foreseen import PostgresForesight
from shiftline.store.journal import PostgresJournal
from shiftline.store.platform import PostgresPlatform
from shiftline.store.roster import PostgresRoster
from shiftline.store.trades import PostgresTrades
from shiftline.store.trunks import PostgresTrunks


class PostgresUnitOfWork:
    """The books, on one connection."""

    def __init__(self, connection: AsyncConnection, wfm: str) -> None:
        self.trades: TradeBook = PostgresTrades(connection, wfm)
        self.checks: CheckQueue = PostgresChecks(connection, wfm)
        self.platform: PlatformBook = PostgresPlatform(connection, wfm)
        self.deliveries: DeliveryOutbox = PostgresDeliveries(connection, wfm)
        self.roster: Roster = PostgresRoster(connection, wfm)
        self.trunks: TrunkBook = PostgresTrunks(connection)
        self.journal: Journal = PostgresJournal(connection)


class PostgresStore:
    """Opens units of work for one WFM; `work` is the connector's ``Work``."""

    def __init__(self, engine: AsyncEngine, *, wfm: str) -> None:
        self._engine = engine
        self._wfm = wfm

    def foresight(self, trunk: str) -> PostgresForesight:
        """Who may need to be checked on this trunk soon."""
        return PostgresForesight(self._engine, wfm=self._wfm, trunk=trunk)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[UnitOfWork]:
        """Commit when the block ends well, roll back when it does not.

        Raises UnavailableError when the database is away or gave the transaction up (deadlock): all of the
        block may be run again. A commit whose answer is lost raises it too, and may have happened.
        """
        with outages_translated():
            async with self._engine.begin() as connection:
                yield PostgresUnitOfWork(connection, self._wfm)

"""Falling back: where SIP could not tell whether an agent can be reached, the WFM's own feed is asked.

What the platform knows is not that the PBX's line works (docs/decisions/0008): it is asked only when the
configuration says so, only about agents that hold up a trade, and it never overrules what SIP has said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from shiftline.clock import Clock
from shiftline.connector.ownership import Ownership
from shiftline.connector.ports import PlatformFeed, Work
from shiftline.connector.records import PLATFORM_BATCH, Fallback, Lease
from shiftline.errors import ForbiddenError, RefusedError
from shiftline.trades.model import PLATFORM, Evidence, EvidenceKind

log = structlog.get_logger("shiftline.platform")

STALE = "platform.stale"
REFUSED = "platform.refused"
FORBIDDEN = "http.permission"


class PlatformFallback:
    """Asks the platform about agents of whom SIP could not tell; only the WFM's owner does."""

    def __init__(
        self,
        *,
        feed: PlatformFeed,
        work: Work,
        clock: Clock,
        ownership: Ownership,
        fresh_seconds: float,
        policy: Fallback,
    ) -> None:
        self._feed = feed
        self._work = work
        self._clock = clock
        self._ownership = ownership
        self._fresh_seconds = fresh_seconds
        self._policy = policy

    async def step(self) -> int:
        """Ask about one batch of agents and store what is said; return how many agents that were.

        An outage is raised and the agents are asked about again: their trades wait, at most to refer-by.
        A refusal is raised too, but stored first: waiting would not change it.
        """
        lease = self._ownership.lease
        if lease is None or not self._ownership.holds():
            return 0
        agents = await self._to_ask()
        if not agents:
            return 0
        try:
            evidence = await self._feed.platform_evidence(agents)
        except RefusedError as error:
            cause = FORBIDDEN if isinstance(error, ForbiddenError) else REFUSED
            await self._give_up(lease, agents, cause)
            raise
        evidence = [self._dated(found) for found in evidence]
        await self._record(lease, evidence)
        told = sum(found.is_conclusive for found in evidence)
        log.info("asked the platform", agents=len(agents), told=told)
        return len(agents)

    async def _to_ask(self) -> Sequence[str]:
        async with self._work() as books:
            return await books.platform.to_ask(
                self._clock(), self._fresh_seconds, self._policy, PLATFORM_BATCH
            )

    async def _give_up(self, lease: Lease, agents: Sequence[str], cause: str) -> None:
        """Nobody can be asked about: all who wait are told so at once, and their trades are decided."""
        while agents and self._ownership.holds():
            await self._record(lease, [_unverifiable(agent, cause, self._clock()) for agent in agents])
            agents = await self._to_ask()

    def _dated(self, found: Evidence) -> Evidence:
        """An answer that was too old when it came is known as such, or it would be asked for without end."""
        now = self._clock()
        if found.is_fresh(now, self._fresh_seconds):
            return found
        return replace(found, kind=EvidenceKind.UNVERIFIABLE, cause=STALE, taken_at=now)

    async def _record(self, lease: Lease, evidence: Sequence[Evidence]) -> None:
        async with self._work() as books:
            await books.platform.record(lease, evidence)


def _unverifiable(agent: str, cause: str, now: datetime) -> Evidence:
    return Evidence(agent=agent, kind=EvidenceKind.UNVERIFIABLE, method=PLATFORM, taken_at=now, cause=cause)

"""Evidence on its way from a trunk to its worker."""

from __future__ import annotations

import asyncio

from shiftline.clock import Clock
from shiftline.connector.reading import Reading
from shiftline.connector.records import DueCheck
from shiftline.trades.model import Evidence


class FoundEvidence:
    """What was found and not yet fetched; ``clock`` dates it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._evidence: list[Evidence] = []
        self._news = asyncio.Event()

    def add(self, check: DueCheck, reading: Reading, method: str, status: int | None) -> None:
        """Keep what a check brought, as of now."""
        self._evidence.append(
            Evidence(
                agent=check.agent,
                kind=reading.kind,
                method=method,
                taken_at=self._clock(),
                cause=reading.cause,
                status=status,
            )
        )
        self._news.set()

    async def fetch(self, timeout_seconds: float) -> list[Evidence]:
        """Wait for evidence, at most so long (seconds), and return all there is."""
        if not self._evidence:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), timeout_seconds)
            except TimeoutError:
                return []
        evidence, self._evidence = self._evidence, []
        return evidence

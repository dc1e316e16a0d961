"""Asking a list once, without a worker: one short subscription tells of all its members (RFC 4662)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from shiftline.clock import Clock
from shiftline.connector.list_reading import ListedAgents
from shiftline.connector.qualification import Qualification
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.connector.reading import Reading
from shiftline.errors import RefusedError, UnavailableError
from shiftline.net.checkup import Found, Stop
from shiftline.net.package_method import PACKAGE_METHODS
from shiftline.net.watcher import WatchEnded, Watcher
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

NOT_TOLD = "list.not-told"
"""The cause where the list does not say how an agent is."""
EXPIRES_SECONDS = 60
"""Asked for, and given back as soon as everybody has been told of."""


class ListCheckup:
    """Asks one list; afterwards `found` says of each agent what it told."""

    def __init__(self, watcher: Watcher, policy: QualificationPolicy, clock: Clock) -> None:
        """The first method of ``policy`` says by which package."""
        (self.method, *_) = policy.methods
        self.stopped: Stop | None = None
        self.others: list[tuple[str, Qualification]] = []
        self._watcher = watcher
        self._package = PACKAGE_METHODS[self.method].package
        self._agents = ListedAgents(self._package, policy.controls, policy.family)
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._told_after: dict[str, float] = {}

    @property
    def qualification(self) -> Qualification:
        """What the list shows of the two controls."""
        return self._agents.qualification

    @property
    def members(self) -> list[str]:
        """All members of the list, as SIP URIs."""
        return self._agents.members

    async def ask(self, list_uri: SipUri, *, timeout_seconds: float) -> None:
        """Hear until each member was told of or the time is up; then unsubscribe.

        Raises RefusedError or UnavailableError with one sentence when there is no list to be heard.
        """
        began = self._loop.time()
        watching = self._watcher.watch_list(list_uri, self._package, expires_seconds=EXPIRES_SECONDS)
        try:
            async with asyncio.timeout(timeout_seconds), aclosing(watching) as events:
                async for told in events:
                    if isinstance(told, WatchEnded):
                        raise RefusedError(
                            f"The list {list_uri} cannot be had. {told.why}",
                            remedy="Check its address and --method, or ask about the agents themselves.",
                        )
                    self._agents.take(told, self._clock())
                    seconds = self._loop.time() - began
                    self._told_after |= {one: seconds for one in self.members if self._is_new(one)}
                    if self._agents.is_complete:
                        break
        except TimeoutError as error:
            if not self.members:
                raise UnavailableError(
                    f"The list {list_uri} told nothing within {timeout_seconds:g} s.",
                    remedy="Check its address, and what filters requests from the PBX to us.",
                ) from error

    def found(self, uri: str) -> Found:
        """What the list says of this agent, and what that is worth."""
        qualification = self.qualification
        reading = self._agents.told_of(uri) or Reading(EvidenceKind.UNVERIFIABLE, NOT_TOLD)
        return Found(
            uri=uri,
            method=self.method,
            reading=reading,
            evidence=qualification.judged(reading),
            qualified=qualification.state == "qualified",
            status=None,
            seconds=self._told_after.get(uri, 0.0),
        )

    def _is_new(self, member: str) -> bool:
        return member not in self._told_after and self._agents.told_of(member) is not None

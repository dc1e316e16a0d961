"""One list subscription for a trunk: whoever it tells of need not be asked (RFC 4662).

Kept by whoever owns the trunk. Each SUBSCRIBE goes as an errand, within the trunk's budget. What the list
says counts only while it stands and the two controls, as members of it, differ; without it the trunk asks
its agents one by one, as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog

from shiftline.clock import Clock
from shiftline.connector.list_reading import ListedAgents
from shiftline.connector.qualification import QualificationState
from shiftline.connector.reading import Reading
from shiftline.errors import ShiftlineError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.list_sending import ListSender
from shiftline.net.package_method import PACKAGE_METHODS
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.net.waiting import REFUSALS_OF_ONE
from shiftline.net.watcher import WatchEnded, Watcher
from shiftline.sip.digest import DigestClient
from shiftline.sip.packages.resource_list import ResourceList
from shiftline.sip.refresh import Window, no_windows
from shiftline.sip.subscription_events import LATER_SECONDS, SOON_SECONDS
from shiftline.sip.uri import SipUri

OPENING_SECONDS = 3.0
"""So long may agents wait for a list that has just been subscribed to."""

_MAY_BE_THE_RATES = frozenset({403, 429})
"""Refusals that are the PBX's decision about the list only when they come again."""
log = structlog.get_logger("shiftline.list")


class ListState(StrEnum):
    """How a trunk's list subscription stands."""

    STARTING = "starting"
    ACTIVE = "active"
    FAILED = "failed"
    """It is tried again."""
    REFUSED = "refused"
    """It is not tried again before the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPolicy:
    """What the configuration says. ``controls`` are SIP URIs: the present one, the absent one."""

    uri: SipUri
    method: str
    """Whose package is subscribed to, and the name of the evidence."""
    controls: tuple[str, str]
    expires_seconds: int
    """So often the PBX confirms that it still tells us."""


class TrunkList:
    """The list subscription of one trunk, and what an operator sees of it."""

    def __init__(  # noqa: PLR0913 - each is a part of its own, given once
        self,
        policy: ListPolicy,
        *,
        endpoint: SipEndpoint,
        inbox: NotifyInbox,
        trunk: TrunkDriver,
        address: TrunkAddress,
        digest: DigestClient | None,
        clock: Clock,
        name: str,
        windows: Callable[[float], Sequence[Window]] = no_windows,
    ) -> None:
        """``inbox`` is the endpoint's, ``clock`` dates what is shown, ``name`` is the trunk's in the log.

        ``windows`` gives the publish windows on the loop's clock; refreshes keep clear of them.
        """
        self._policy = policy
        self._trunk = trunk
        self._family = address.family
        self._sender = ListSender(endpoint=endpoint, trunk=trunk, address=address, digest=digest)
        self._clock = clock
        self._log = log.bind(trunk=name, list=str(policy.uri))
        self._watcher = Watcher(
            endpoint, inbox, target=address.targets[0], identity=address.identity, windows=windows
        )
        self._loop = asyncio.get_running_loop()
        self._watching: asyncio.Task[None] | None = None
        self._watches: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._opening_until = 0.0
        self._agents: ListedAgents | None = None
        self._state = ListState.STARTING
        self._why: str | None = None
        self._refusals = 0
        self._again_at: datetime | None = None
        self._said: tuple[ListState, str | None] | None = None

    # What the trunk asks of it

    @property
    def method(self) -> str:
        """The name of the evidence."""
        return self._policy.method

    @property
    def is_opening(self) -> bool:
        """Whether it was just subscribed to and has yet to tell of some of its members."""
        told = self._agents is not None and self._agents.is_complete
        return self._loop.time() < self._opening_until and not told

    def reading_of(self, address: str) -> Reading | None:
        """How the agent at this SIP URI is now; None where only asking him can tell."""
        return None if self._agents is None else self._agents.reading_of(address)

    # Its life

    def take_over(self) -> None:
        """Subscribe anew now that the trunk is ours: what was told meanwhile may have been lost."""
        if self._watching is not None:
            self._watching.cancel()
        self._agents, self._state, self._why, self._again_at = None, ListState.STARTING, None, None
        self._open(0.0)
        self._watching = self._loop.create_task(self._watch())
        self._watches.add(self._watching)
        self._watching.add_done_callback(self._watches.discard)

    async def release(self) -> None:
        """Unsubscribe, if the PBX answers soon; call it while the trunk is still ours. Harmless twice."""
        self._agents, self._opening_until = None, 0.0
        if self._look is not None:
            self._look.cancel()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._sender.aclose()

    def status(self) -> dict[str, Any]:
        """State, proof and members, as plain JSON values."""
        agents = self._agents
        return {
            "uri": str(self._policy.uri),
            "method": self.method,
            "state": str(self._state),
            "qualification": None if agents is None else str(agents.qualification.state),
            "why": self._why if agents is None else agents.qualification.why,
            "members": 0 if agents is None else len(agents),
            "known": 0 if agents is None else agents.known,
            "again_at": None if self._again_at is None else self._again_at.isoformat(),
        }

    async def _watch(self) -> None:
        """Keep the subscription until it is refused for good."""
        policy, package = self._policy, PACKAGE_METHODS[self.method].package
        try:
            while True:
                watching = self._watcher.watch_list(
                    policy.uri, package, expires_seconds=policy.expires_seconds, send=self._sender.send
                )
                async with aclosing(watching) as events:
                    async for told in events:
                        if isinstance(told, WatchEnded):
                            self._ended(told)
                        else:
                            self._heard(told)
                if self._state is ListState.REFUSED:
                    return
                await asyncio.sleep(LATER_SECONDS)
        except ShiftlineError as error:
            self._failed(str(error), None)

    def _open(self, pause_seconds: float) -> None:
        """Let agents wait for what is told first, and look afterwards what it was worth."""
        self._opening_until = self._loop.time() + pause_seconds + OPENING_SECONDS
        if self._look is not None:
            self._look.cancel()
        self._look = self._loop.call_at(self._opening_until, self._say)

    def _heard(self, told: ResourceList) -> None:
        if self._agents is None:
            package = PACKAGE_METHODS[self.method].package
            self._agents = ListedAgents(package, self._policy.controls, self._family)
        self._state, self._why, self._again_at, self._refusals = ListState.ACTIVE, None, None, 0
        self._agents.take(told, self._clock())
        self._say()
        self._trunk.take_up_known()

    def _ended(self, over: WatchEnded) -> None:
        if self._agents is not None and over.again_in_seconds == SOON_SECONDS:
            self._open(SOON_SECONDS)
        else:
            self._opening_until = 0.0
        again = over.again_in_seconds
        if again is None and over.ended.status in _MAY_BE_THE_RATES:
            self._refusals += 1
            again = LATER_SECONDS if self._refusals < REFUSALS_OF_ONE else None
        self._failed(over.why, again)

    def _failed(self, why: str, again_in_seconds: float | None) -> None:
        self._agents, self._why = None, why
        self._state = ListState.REFUSED if again_in_seconds is None else ListState.FAILED
        again = None if again_in_seconds is None else timedelta(seconds=again_in_seconds)
        self._again_at = None if again is None else self._clock() + again
        self._say()
        self._trunk.take_up_known()

    def _say(self) -> None:
        """Log how it stands, once until that changes."""
        proven = None if self._agents is None else self._agents.qualification
        if proven is not None and self.is_opening and proven.state is not QualificationState.QUALIFIED:
            return  # the controls may be told of next
        said = (self._state, self._why if proven is None else str(proven.state))
        if said == self._said or self._state is ListState.STARTING:
            return
        self._said = said
        if proven is None:
            self._log.warning("list subscription failed", why=self._why, again_at=self.status()["again_at"])
        elif proven.state is QualificationState.QUALIFIED:
            self._log.info("list subscription active", members=len(self._agents or ()))
        else:
            self._log.warning("list not believed", why=proven.why)

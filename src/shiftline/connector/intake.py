"""Intake: matched trades come from the WFM into rows, with their deadlines and the checks they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog

from shiftline.clock import Clock
from shiftline.connector.ports import Work, WorkforceManagement
from shiftline.connector.records import (
    AgentProfile,
    Evaluated,
    EvaluatedTrade,
    IntakeTrade,
    WantedCheck,
    WorkingHours,
)
from shiftline.errors import SipSyntaxError
from shiftline.sip.uri import SipUri
from shiftline.trades.deadlines import DeadlinePolicy, deadlines_of

log = structlog.get_logger("shiftline.intake")

WORK_HORIZON = timedelta(hours=4)  # scheduled hours are read so far ahead, to cover every poll interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What one poll brought."""

    matched: int
    new: int
    checks: int


class Intake:
    """Polls the WFM.

    ``addresses`` (agent id or name -> SIP URI) overrides the WFM's directory, ``trunk_of`` tells which trunk
    serves an address, if any does.
    """

    def __init__(
        self,
        *,
        wfm: WorkforceManagement,
        work: Work,
        clock: Clock,
        deadlines: DeadlinePolicy,
        fresh_seconds: float,
        addresses: Mapping[str, str],
        trunk_of: Callable[[str], str | None],
    ) -> None:
        self._wfm = wfm
        self._work = work
        self._clock = clock
        self._deadlines = deadlines
        self._fresh_seconds = fresh_seconds
        self._addresses = addresses
        self._trunk_of = trunk_of
        self._reachable: set[str] = set()
        self._unreachable: set[str] = set()
        self._unserved: set[str] = set()

    async def poll(self) -> TakenIn:
        """Ask for the weeks with matched trades, and for those trades; record all in one transaction."""
        summaries = await self._wfm.week_summaries()
        weeks = [(s.management_unit, s.week_date) for s in summaries if s.matched]
        evaluated = await self._wfm.evaluate(weeks) if weeks else Evaluated()
        taken = await self._take_in(evaluated.trades)
        await self._settle_missing(evaluated, [(s.management_unit, s.week_date) for s in summaries])
        async with self._work() as books:
            await books.journal.polled(self._wfm.name, self._clock())
        return taken

    async def evaluate_again(self, weeks: Sequence[tuple[str, date]]) -> TakenIn:
        """Ask for the WFM's review once more, after an approval changed what it was based on."""
        evaluated = await self._wfm.evaluate(weeks)
        taken = await self._take_in(evaluated.trades)
        await self._settle_missing(evaluated, weeks)
        return taken

    async def _settle_missing(self, evaluated: Evaluated, weeks: Sequence[tuple[str, date]]) -> None:
        seen = [*evaluated.illegible, *(item.trade.external_id for item in evaluated.trades)]
        async with self._work() as books:
            await books.trades.settle_missing(seen, weeks, self._clock())
            # Otherwise they would have the review asked for again and again, at the cost of the others.
            await books.trades.forgo_review(evaluated.illegible)

    async def _take_in(self, evaluated: Sequence[EvaluatedTrade]) -> TakenIn:
        agents = sorted({agent for item in evaluated for agent in item.trade.agents})
        profiles, hours = await self._about(agents)
        now = self._clock()
        # Before the transaction: what is worked out in it holds up whoever waits for its rows.
        trades = [self._with_deadlines(item, now) for item in evaluated]
        needed_by = _needed_by(trades, now)
        async with self._work() as books:
            await books.roster.save(profiles, hours, agents)
            new = await books.trades.record(trades, now)
            served = await books.roster.served(sorted(needed_by))
            wanted = [
                WantedCheck(agent=agent, address=address, trunk=trunk, needed_by=needed_by[agent])
                for agent, (address, trunk) in sorted(served.items())
            ]
            checks = await books.checks.want(wanted, now, self._fresh_seconds)
        self._note_reachable(profiles)
        return TakenIn(matched=len(evaluated), new=new, checks=checks)

    async def _about(self, agents: Sequence[str]) -> tuple[list[AgentProfile], list[WorkingHours]]:
        async with self._work() as books:
            new = {*await books.roster.unknown(agents)}
        if not agents:
            return [], []
        # Each worker asks about everybody once, so that a corrected roster takes effect at the next start,
        # and at each poll about those without an address: somebody may be giving them one.
        unknown = [agent for agent in agents if agent in new or agent not in self._reachable]
        found = {p.external_id: p for p in await self._wfm.profiles(unknown)} if unknown else {}
        # An agent that the WFM's directory does not know still gets a row: he is listed, and his
        # trades go to a person.
        profiles = [
            self._with_address(found.get(agent) or AgentProfile(external_id=agent, name="", address=None))
            for agent in unknown
        ]
        now = self._clock()
        return profiles, await self._wfm.working_hours(agents, now, now + WORK_HORIZON)

    def _note_reachable(self, profiles: Sequence[AgentProfile]) -> None:
        self._reachable |= {profile.external_id for profile in profiles if profile.address}
        without = {profile.external_id for profile in profiles if not profile.address}
        if without - self._unreachable:
            log.warning(
                "agents without a SIP address",
                agents=len(without),
                why="Their trades are referred. See: shiftline roster check",
            )
        self._unreachable = without
        unserved = {profile.external_id for profile in profiles if profile.address and not profile.trunk}
        if unserved - self._unserved:
            log.warning(
                "agents whom no trunk serves",
                agents=len(unserved),
                why="Their trades are referred. Name the host of their addresses in a trunk's serves. "
                "See: shiftline roster check",
            )
        self._unserved |= unserved

    def _with_address(self, profile: AgentProfile) -> AgentProfile:
        named = self._addresses.get(profile.external_id) or self._addresses.get(profile.name)
        address = _usable_address(named or profile.address)
        trunk = self._trunk_of(address) if address else None
        return replace(profile, address=address, trunk=trunk)

    def _with_deadlines(self, item: EvaluatedTrade, now: datetime) -> IntakeTrade:
        moments = deadlines_of(item.trade, now, self._deadlines)
        return IntakeTrade(
            trade=item.trade,
            evaluation=item.evaluation,
            deadline=moments.deadline,
            refer_by=moments.refer_by,
        )


def _needed_by(trades: Sequence[IntakeTrade], now: datetime) -> dict[str, datetime]:
    """When each agent must have been asked about."""
    needed_by: dict[str, datetime] = {}
    for item in trades:
        if item.refer_by <= now:
            continue  # it is referred at once: its checks would only delay those of others
        for agent in item.trade.agents:
            needed_by[agent] = min(item.refer_by, needed_by.get(agent, item.refer_by))
    return needed_by


def _usable_address(text: str | None) -> str | None:
    """A SIP URI that names a user, or None: what cannot be asked is listed as without an address."""
    if not text or not text.isprintable():
        return None
    try:
        return text if SipUri.parse(text).user else None
    except SipSyntaxError:
        return None

"""The connector's ports. PostgreSQL, the Genesys client and the trunk driver stand behind them.

A `UnitOfWork` is one transaction: it commits when its ``async with`` block ends well and rolls back
when it does not. Only use cases open one. Every method may be called again after a crash: the business
key (wfm, external id) is unique, so nothing doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from shiftline.connector.records import (
    AgentProfile,
    BulkItem,
    BulkResult,
    DecidedTrade,
    Delivery,
    DeliveryFacts,
    DeliveryOutcome,
    DueCheck,
    Evaluated,
    Fallback,
    IntakeTrade,
    Lease,
    OpenTrade,
    Progress,
    TrunkKey,
    TrunkRecord,
    TrunkSample,
    WantedCheck,
    WeekSummary,
    WorkingHours,
)
from shiftline.trades.model import Evidence


class TradeBook(Protocol):
    """Trades, their evaluations and their decisions."""

    async def record(self, trades: Sequence[IntakeTrade], now: datetime) -> int:
        """Store new trades, refresh open ones; return how many were new.

        A new trade waits for every earlier-matched unsettled trade that shares an agent or a shift.
        A refreshed trade gets the new version and evaluation, and no longer needs evaluation.
        """

    async def settle_missing(
        self, seen: Sequence[str], weeks: Sequence[tuple[str, date]], now: datetime
    ) -> int:
        """Settle open and referred trades that the WFM no longer shows as Matched.

        ``weeks`` are the (management unit, week) pairs that were asked for, ``seen`` what came.
        """

    async def forgo_review(self, illegible: Collection[str]) -> None:
        """Let open trades whose fresh review cannot be read go on without one: to a person."""

    async def decidable(
        self, now: datetime, fresh_seconds: float, limit: int, *, fallback: Fallback | None = None
    ) -> list[OpenTrade]:
        """Lock open trades that wait for no other trade, need no evaluation, and whose evidence is complete.

        Complete: each agent either has no address or has evidence no older than ``fresh_seconds``; with a
        ``fallback``, what SIP could not tell waits for the platform's word. Earliest refer-by first.
        """

    async def overdue(
        self,
        now: datetime,
        fresh_seconds: float,
        limit: int,
        *,
        margin: timedelta = timedelta(0),
        fallback: Fallback | None = None,
    ) -> list[OpenTrade]:
        """Lock open trades whose refer-by comes within ``margin``, with whatever fresh evidence there is.

        The platform's counts with a ``fallback`` only.
        """

    async def decide(self, decided: Sequence[DecidedTrade], now: datetime) -> None:
        """Write decision, delivery and audit entry, and move the trade on."""

    async def unanswered(self, now: datetime, margin: timedelta, limit: int) -> list[OpenTrade]:
        """Lock referred trades that nobody has answered and whose last moment has come.

        That is the deadline, and ``margin`` before the WFM's expiration, so that the answer arrives there.
        """

    async def weeks_to_evaluate(self) -> list[tuple[str, date]]:
        """(management unit, week) of open trades that need evaluation and wait for no other trade."""

    async def progress(self) -> Progress:
        """Counts by state."""


class CheckQueue(Protocol):
    """Which agents must be checked, and what the checks brought."""

    async def want(self, wanted: Sequence[WantedCheck], now: datetime, fresh_seconds: float) -> int:
        """Make checks due, one row an agent, earliest need kept; return how many became due.

        An agent with evidence younger than ``fresh_seconds`` is not checked again.
        """

    async def renew(self, now: datetime, fresh_seconds: float) -> int:
        """Make checks due again for open trades that are held up only by stale evidence.

        Checks that no open trade needs any more are over, and those on a trunk that serves the agent no more.
        """

    async def claim(self, trunk: str, lease: Lease, limit: int, held: Collection[int]) -> list[DueCheck]:
        """Claim pending checks of this trunk that open trades need, earliest need first.

        Not those that the owner holds already.

        Only the lease's owner claims, so a claim that it does not hold was lost: by a crash, by an owner
        before it, or by a commit whose answer never came. It is claimed again.
        """

    async def record_evidence(self, trunk: str, lease: Lease, evidence: Sequence[Evidence]) -> None:
        """Store what this trunk's checks brought and mark them done; ignored if the lease has passed on."""

    async def pending(self) -> int:
        """How many checks are due or claimed, on all trunks."""


class PlatformBook(Protocol):
    """What the WFM itself knows about agents of whom SIP could not tell."""

    async def to_ask(
        self, now: datetime, fresh_seconds: float, fallback: Fallback, limit: int
    ) -> Sequence[str]:
        """Agents that hold up an open trade, earliest refer-by first, and of whom the platform must tell.

        Their fresh SIP evidence is Unverifiable, or there is none and the fallback's moment has come.
        """

    async def record(self, lease: Lease, evidence: Sequence[Evidence]) -> None:
        """Store what the platform said; ignored if the WFM's lease has passed on."""


class DeliveryOutbox(Protocol):
    """Decisions on their way to the WFM. Rows are ``due`` or ``sending`` until their fate is known."""

    async def facts(self, now: datetime) -> DeliveryFacts:
        """What the planner needs."""

    async def claim(self, now: datetime, limit: int) -> list[Delivery]:
        """Mark due deliveries as sending, earliest deadline first; must commit before anything is sent."""

    async def in_doubt(self, limit: int) -> list[Delivery]:
        """Deliveries left ``sending``: a crash or a lost answer hid their fate. Read it back."""

    async def settle(self, outcomes: Sequence[DeliveryOutcome], now: datetime) -> None:
        """Record fates. A confirmed approval makes later trades of its agents need evaluation."""


class Roster(Protocol):
    """Who the agents are, where they are reached and when they work."""

    async def save(
        self, profiles: Sequence[AgentProfile], hours: Sequence[WorkingHours], asked: Sequence[str]
    ) -> None:
        """Upsert profiles; ``hours`` are all that those ``asked`` about have: others of theirs are gone."""

    async def unknown(self, agents: Sequence[str]) -> list[str]:
        """Those of ``agents`` for which no profile is stored."""

    async def addresses(self, agents: Sequence[str]) -> dict[str, str]:
        """SIP URIs of those agents that have one."""

    async def served(self, agents: Sequence[str]) -> dict[str, tuple[str, str]]:
        """(SIP URI, trunk) of those agents whose address a trunk serves."""

    async def assign(self, trunk_of: Callable[[str], str | None]) -> int:
        """Note for every known address which trunk serves it now; return how many moved."""

    async def without_address(self) -> list[AgentProfile]:
        """Agents that cannot be checked."""


class TrunkBook(Protocol):
    """What is known about trunks."""

    async def load(self, key: TrunkKey) -> TrunkRecord | None:
        """The last saved record, locked until this unit of work ends."""

    async def troubles(self, keys: Collection[TrunkKey]) -> dict[str, str]:
        """What is wrong with those of them that are in trouble, by the trunk's name; locks nothing."""

    async def save(self, key: TrunkKey, lease: Lease, governor: Mapping[str, Any], now: datetime) -> bool:
        """Keep the governor's state; never touches the disarmed mark. False if the lease has passed on."""

    async def sample(
        self, key: TrunkKey, sample: TrunkSample, *, decided: Sequence[TrunkSample] = ()
    ) -> None:
        """Add a point to the time series of a trunk that was saved, and forget what is too old.

        ``decided`` are earlier points whose refusals have got their class since.
        """

    async def disarm(self, key: TrunkKey, cause: str, now: datetime) -> None:
        """Stop all checks on this trunk until somebody re-arms it; writes an audit entry."""

    async def note(self, key: TrunkKey, kind: str, now: datetime) -> None:
        """Write an audit entry about this trunk: a bypass in force, say."""

    async def rearm(self, trunk: str, now: datetime) -> int:
        """Lift the mark on every key of this trunk, with what led to it; return how many were lifted."""


class Journal(Protocol):
    """Small durable facts of the connector."""

    async def reserve_call(self, bucket: str, limit: int, window_seconds: float, now: datetime) -> float:
        """Note a call to a rate-limited API and return 0.0, or note nothing and return the wait in seconds.

        Counted over a sliding window in the database, so that a restarted worker keeps to the budget.
        """

    async def last_poll(self, wfm: str, now: datetime) -> datetime | None:
        """When the WFM was last polled with success; a moment that lies ahead is brought back to ``now``."""

    async def polled(self, wfm: str, now: datetime) -> None:
        """Note a successful poll."""


class UnitOfWork(Protocol):
    """One transaction over all books."""

    trades: TradeBook
    checks: CheckQueue
    platform: PlatformBook
    deliveries: DeliveryOutbox
    roster: Roster
    trunks: TrunkBook
    journal: Journal


Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
"""Opens a unit of work."""


class WorkforceManagement(Protocol):
    """The WFM. Raises UnavailableError (try again), RefusedError (do not), PeerError (nonsense answer)."""

    name: str

    async def week_summaries(self) -> list[WeekSummary]:
        """Matched trades per management unit and week, for the current week and five more."""

    async def evaluate(self, weeks: Sequence[tuple[str, date]]) -> Evaluated:
        """All matched trades of these (management unit, week) pairs, with the WFM's review."""

    async def profiles(self, agents: Sequence[str]) -> list[AgentProfile]:
        """Directory entries; an agent the WFM does not know is missing from the answer."""

    async def working_hours(
        self, agents: Sequence[str], starts_at: datetime, ends_at: datetime
    ) -> list[WorkingHours]:
        """Published shifts that touch this interval."""

    async def deliver(
        self, management_unit_weeks: Sequence[tuple[str, date]], items: Sequence[BulkItem]
    ) -> list[BulkResult]:
        """One bulk state job.

        NotSentError means that nothing was done; after any other exception its fate is unknown: read back
        before trying again.
        """

    async def read_back(self, deliveries: Sequence[Delivery]) -> list[BulkResult]:
        """Current state and version of these trades; one that the WFM does not show is missing.

        One that it shows and that cannot be read has no state.
        """


class PlatformFeed(Protocol):
    """The WFM's own adherence and presence feed. Raises as `WorkforceManagement` does."""

    async def platform_evidence(self, agents: Sequence[str]) -> list[Evidence]:
        """One evidence for each of at most `PLATFORM_BATCH` agents, method ``platform``.

        ``taken_at`` is when the feed's answer was true, which may be a while ago.
        """


class CheckRunner(Protocol):
    """The trunk as the connector sees it: claimed checks go in, evidence comes out."""

    def room(self) -> int:
        """How many more checks it could use soon."""

    def submit(self, checks: Sequence[DueCheck]) -> None:
        """Queue checks; the earliest need goes first."""

    async def gathered(self, timeout_seconds: float) -> list[Evidence]:
        """Wait for evidence, at most so long, and return all there is."""

    def knowledge(self) -> Mapping[str, Any]:
        """The state of governor and qualification, to be kept across a restart and shown to an operator."""

    def is_idle(self) -> bool:
        """True if nothing waits or is under way."""

    def stopped_by(self) -> str | None:
        """The cause id of the policy refusal that stopped the trunk, if one did."""

"""What the connector hands to its ports and gets back: values only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from shiftline.trades.model import Decision, Evaluation, Standing, Trade, TradeState, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProfile:
    """An agent as the WFM's directory and the roster file know him; ``address`` is a SIP URI or None."""

    external_id: str
    name: str
    address: str | None
    trunk: str | None = None
    """The trunk that serves the address; None: none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """A published shift, used to tell whether an agent is scheduled to work at a moment."""

    agent: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedTrade:
    """A matched trade with the WFM's own review of it, as one answer of the evaluate job gives both."""

    trade: Trade
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSummary:
    """How many trades of a management unit wait for review in a week."""

    management_unit: str
    week_date: date
    matched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What the WFM shows as Matched."""

    trades: Sequence[EvaluatedTrade] = ()
    illegible: Collection[str] = frozenset()
    """External ids of trades that it shows and that cannot be read: they are not gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeTrade:
    """A trade to be recorded, with the two moments that bind its decision."""

    trade: Trade
    evaluation: Evaluation
    deadline: datetime
    refer_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCheck:
    """Somebody needs evidence about this agent by then, over this trunk."""

    agent: str
    address: str
    trunk: str
    needed_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCheck:
    """A claimed check: ``id`` is the row, ``agent`` the WFM's id, ``address`` a SIP URI."""

    id: int
    agent: str
    address: str
    needed_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrade:
    """A locked, undecided trade with all that the decision table looks at."""

    id: int
    trade: Trade
    evaluation: Evaluation
    deadline: datetime
    refer_by: datetime
    initiating: Standing
    receiving: Standing


PLATFORM_BATCH = 100
"""Agents in one question to the platform: the most that Genesys takes (facts/genesys.md section 3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """When the platform is asked about an agent of whom SIP has said nothing at all.

    ``lead`` before the trade's refer-by, but never in the first ``patience`` (a share) of the time that
    there was: a check that is merely slow shall have its chance.
    """

    lead: timedelta = timedelta(seconds=60)
    patience: float = 0.75


ON_UNANSWERED = "on-unanswered"
"""Rule: nobody answered the referral by the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedTrade:
    """A decision to be stored; approve and deny also make a delivery."""

    trade_id: int
    decision: Decision
    detail: Mapping[str, Any]
    """What the audit entry shows besides: evidence kinds, statuses, evaluation. Never a secret."""


class DeliveryFate(StrEnum):
    """What became of a delivery in the WFM."""

    CONFIRMED = "confirmed"
    """The decision is in effect there, by our hand."""
    OVERTAKEN = "overtaken"
    """The WFM shows another final state (a person was faster, it expired or was canceled)."""
    REFUSED = "refused"
    """The WFM will not take it (a failure reason that re-reading does not mend): refer the trade."""
    RETRY = "retry"
    """Not in effect, and the trade is as it was: send it again."""
    UNSENT = "unsent"
    """Nothing left us: send it again; the attempt does not count."""
    REVIEW = "review"
    """Not in effect, and the trade has changed: forget the decision, which was about another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A decision on its way to the WFM."""

    trade_id: int
    external_id: str
    management_unit: str
    week_date: date
    agents: tuple[str, str]
    version: int
    verdict: Verdict
    deadline: datetime
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """The fate of one delivery; ``version`` is the WFM's newest, when it told it."""

    trade_id: int
    fate: DeliveryFate
    reason: str = ""
    version: int | None = None
    state: TradeState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFacts:
    """What the delivery planner looks at."""

    ready: int
    """Deliveries that could be sent now."""
    oldest_ready_at: datetime | None
    earliest_deadline: datetime | None
    still_deciding: int
    """Open trades that wait for nothing but evidence: they could join the next bulk job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """One line of a bulk state job."""

    external_id: str
    state: TradeState
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """The WFM's answer for one line; ``failure_reason`` is its own word, empty when it took effect."""

    external_id: str
    state: TradeState | None
    version: int | None
    failure_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Ownership of a trunk. ``epoch`` rises with every change of owner."""

    name: str
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Who works, and who holds what, at one moment of the database's clock."""

    workers: Collection[str]
    """Owners that were heard of lately."""
    held: Mapping[str, str]
    """The owner of each lease that cannot be taken now; one whose owner is late stays his for the grace."""
    free_in: float | None = None
    """Seconds until the first of these leases can be taken, unless it is renewed; None when none is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkKey:
    """What trunk knowledge is keyed by (design decision: trunk, source address, auth user)."""

    trunk: str
    source: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkRecord:
    """What is kept about a trunk: the governor's state, and whether a policy refusal disarmed it."""

    governor: Mapping[str, Any]
    disarmed_cause: str | None
    disarmed_at: datetime | None
    saved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkSample:
    """What a trunk did in the ``seconds`` before ``at``: one point of its time series.

    ``rate`` is what the governor paced at, requests per second. Not all that was ``sent`` has passed or was
    refused: some is still under way, some was never answered.
    """

    at: datetime
    seconds: float
    rate: float
    sent: int
    passed: int
    refused: int
    mode: str
    refusal: str | None
    """The class of the newest refusal within these seconds; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts for a progress line."""

    open: int
    delivering: int
    referred: int
    settled: int
    approved: int
    denied: int
    checks_due: int
    checks_done: int

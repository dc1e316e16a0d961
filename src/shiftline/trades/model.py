"""The nouns of a shift trade, in Genesys's words (docs/glossary.md).

All times are aware UTC datetimes. Agents, trades, shifts and management units are named by the
external ids that the WFM gave them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

CLOCK_SLACK_SECONDS = 5.0  # so far may the clocks of two machines lie apart


class TradeState(StrEnum):
    """A trade's state in the WFM, as Genesys names it; there is no "Pending" there."""

    UNMATCHED = "Unmatched"
    MATCHED = "Matched"
    APPROVED = "Approved"
    DENIED = "Denied"
    EXPIRED = "Expired"
    CANCELED = "Canceled"


class EvidenceKind(StrEnum):
    """What a check brought about one agent."""

    AVAILABLE = "Available"
    BUSY = "Busy"
    NOT_REGISTERED = "NotRegistered"
    UNKNOWN_USER = "UnknownUser"
    UNVERIFIABLE = "Unverifiable"


PLATFORM = "platform"
"""The method that asks the WFM and not the PBX: its adherence and presence feed."""


class Verdict(StrEnum):
    """What becomes of a trade."""

    APPROVE = "approve"
    DENY = "deny"
    REFER = "refer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One shift of one agent."""

    external_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A matched trade as the WFM last showed it. A one-sided trade has no receiving shift."""

    external_id: str
    version: int
    management_unit: str
    week_date: date
    """First day of the initiating shift's week, in the business unit's time zone."""
    initiating_agent: str
    receiving_agent: str
    initiating_shift: Shift
    receiving_shift: Shift | None
    matched_at: datetime
    expires_at: datetime

    @property
    def agents(self) -> tuple[str, str]:
        """Both agents, the initiating one first."""
        return (self.initiating_agent, self.receiving_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The WFM's own review of a match: rule names only, empty when all is well."""

    violations: tuple[str, ...] = ()
    admin_review: tuple[str, ...] = ()
    unevaluated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one check of one agent brought, and when."""

    agent: str
    kind: EvidenceKind
    method: str
    taken_at: datetime
    cause: str | None = None
    """A stable cause id of the catalogue; set when ``kind`` is Unverifiable."""
    status: int | None = None
    """The final SIP status code, if there was one."""
    said: str | None = None
    """What the platform showed, in its own words; None for a method of SIP."""

    @property
    def is_conclusive(self) -> bool:
        """True if it says something about the agent."""
        return self.kind is not EvidenceKind.UNVERIFIABLE

    def is_fresh(self, now: datetime, fresh_seconds: float) -> bool:
        """True while the evidence may still be used; what a clock that was set back left ahead is not."""
        return -CLOCK_SLACK_SECONDS <= (now - self.taken_at).total_seconds() <= fresh_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that the decision table may look at about one agent of a trade."""

    agent: str
    evidence: Evidence | None
    """By SIP. None: nothing fresh is known (no address, or the check has not come back)."""
    has_address: bool = True
    is_served: bool = True
    """Whether a trunk serves the address."""
    trunk: str | None = None
    """The trunk on which he is checked, for those who look into its state."""
    scheduled_now: bool = False
    platform: Evidence | None = None
    """What the WFM itself knows; None: nothing fresh, or it is not to be used."""

    @property
    def used(self) -> Evidence | None:
        """The evidence that counts: SIP's if it says something, else the platform's if that does."""
        both = (self.evidence, self.platform)
        conclusive = (found for found in both if found is not None and found.is_conclusive)
        return next(conclusive, self.evidence or self.platform)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict with its reasons (stable words such as ``evidence.not-registered``) and the rule's name."""

    verdict: Verdict
    rule: str
    reasons: tuple[str, ...] = field(default=())

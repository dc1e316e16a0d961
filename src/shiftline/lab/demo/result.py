"""What a demo measured: requests by the PBX's own log, states by the practice org's books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """What was asked for. ``limit`` is the hidden throttle in requests per second."""

    pbx: str = "practice"
    trades: int = 500
    limit: int = 50
    limit_key: str = "source"
    seed: int = 1
    max_rate: float = 0.0
    """A declared rate in requests per second; 0 lets the governor learn."""

    @property
    def learns_shared(self) -> bool:
        """True if the governor has to find a limit that the campaign counts into as well."""
        return self.limit_key == "trunk" and not self.max_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """How many trades came to each end."""

    approved: int
    denied: int
    referred: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One quarter of a second on the trunk. ``at`` is in seconds from the publish; the rest are counts."""

    at: float
    passed: int
    """Our requests that the PBX handled."""
    refused: int
    """Our requests that its throttle refused."""
    calls_passed: int
    calls_refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Trades by state at one moment, ``at`` seconds from the publish."""

    at: float
    waiting: int
    approved: int
    denied: int
    referred: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorTick:
    """What the governor thought at one moment: its paced rate (requests per second) and its mode."""

    at: float
    rate: float
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One of the two runs."""

    name: str
    """``before`` or ``after``."""
    trades: int
    verdicts: Verdicts
    stuck: int
    wrong: int
    checks_sent: int
    refused: int
    seconds: float
    campaign_calls: int
    campaign_refused: int
    ideal_seconds: float = 0.0
    efficiency: float = 0.0
    overshoot_windows: int = 0
    """Windows of the throttle in which anybody's request was refused."""
    ticks: Sequence[Tick] = ()
    standings: Sequence[Standing] = ()
    governor: Sequence[GovernorTick] = ()
    referral_reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused_share(self) -> float:
        """Refused requests among those sent, from 0 to 1."""
        return self.refused / self.checks_sent if self.checks_sent else 0.0

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line's contract (docs/reference/json.md)."""
        keys: dict[str, Any] = {
            "trades": self.trades,
            "approved": self.verdicts.approved,
            "denied": self.verdicts.denied,
            "referred": self.verdicts.referred,
            "stuck": self.stuck,
            "wrong": self.wrong,
            "checks_sent": self.checks_sent,
            "refused": self.refused,
            "seconds": round(self.seconds, 3),
            "campaign": {"calls": self.campaign_calls, "refused": self.campaign_refused},
            "overshoot_windows": self.overshoot_windows,
        }
        if self.name == "after":
            keys["ideal_seconds"] = round(self.ideal_seconds, 3)
            keys["efficiency"] = round(self.efficiency, 4)
        return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Both runs and the truth they are held against."""

    settings: DemoSettings
    published_at: str
    """Civil time with its zone, for people: ``Monday 23 November 2026, 09:00 (America/Chicago)``."""
    agents: int
    """Distinct agents that had to be checked."""
    before: Phase
    after: Phase
    truth: Verdicts

    @property
    def passed(self) -> bool:
        """True when the main job was done: all as the truth has it, nothing stuck, nothing wrong."""
        return self.after.verdicts == self.truth and not self.after.stuck and not self.after.wrong

    def as_json(self) -> dict[str, Any]:
        """The keys of the command line's contract."""
        after = self.after.as_json()
        after["truth"] = {
            "approved": self.truth.approved,
            "denied": self.truth.denied,
            "referred": self.truth.referred,
        }
        return {"before": self.before.as_json(), "after": after, "passed": self.passed}

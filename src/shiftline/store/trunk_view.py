"""A trunk as an operator sees it: the saved state with everything in its place, ages counted from now.

What a worker of an older version did not save is None or empty here; nothing is made up for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from shiftline.connector.records import TrunkKey, TrunkSample
from shiftline.connector.sampling import refusal_classes
from shiftline.governor.lanes import Lane
from shiftline.governor.state import Mode
from shiftline.store.read_model import TrunkRow

SILENT_SECONDS = 15.0
"""A worker saves what it knows about its trunk every second; after so long it does not run."""
REFUSALS_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "throttle": "it depends on the rate",
        "ban": "it lasts after the rate has fallen",
        "policy": "no pacing will change it",
        "capacity": "the PBX is overloaded",
        "user-bound": "it concerns one user only",
        "credentials": "the account's credentials are not accepted",
        "unreachable": "no answer at all",
        "undecided": "not known yet",
    }
)
NOTHING_PASSES = (
    "a limit of the rate, a ban, or that our address, account or method is no longer admitted. "
    "It is asked ever less often until something passes."
)
"""Why a trunk may refuse all that it is sent, from one moment on."""
_UNDECIDED = ("undecided", "ban")
_BETWEEN_CANARIES = timedelta(seconds=1000)
"""A little more than the longest silence between two canaries: what lies further apart is another trouble."""
_NEWS = timedelta(seconds=3)
_LANES = tuple(str(lane) for lane in Lane)
"""In the order of their priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalView:
    """Refusals of one moment: class, SIP status (None: silence), the rate (requests/s) they came at."""

    at: datetime
    seconds_ago: float
    kind: str
    status: int | None
    rate: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """One lane's queue, and how long its oldest question has waited (seconds; None when none waits)."""

    name: str
    waiting: int
    sent: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkView:
    """All of it. Rates are requests per second, ages seconds. Counters begin with the governor."""

    trunk: str
    source: str
    auth_user: str
    mode: str | None
    rate: float | None
    limit: float | None
    window_seconds: float | None
    model: str | None
    confidence: float | None
    learned_seconds_ago: float | None
    refusal: str | None
    refusals: tuple[RefusalView, ...]
    """The newest first."""
    waiting_for: str | None
    sent: int | None
    passed: int | None
    refused: int | None
    in_flight: int | None
    waiting: int | None
    lanes: tuple[LaneView, ...]
    trouble: str | None
    failure: str | None
    registration: Mapping[str, Any] | None
    method: str | None
    qualification: str | None
    trusts_unqualified: bool
    disarmed_cause: str | None
    disarmed_at: datetime | None
    saved_at: datetime
    saved_seconds_ago: float
    owner: str | None
    """The worker that has it, as HOST:PID."""

    @property
    def key(self) -> TrunkKey:
        """By what its time series is found."""
        return TrunkKey(trunk=self.trunk, source=self.source, user=self.auth_user)

    @property
    def worker_is_silent(self) -> bool:
        """True when no worker has looked after the trunk for a while."""
        return self.saved_seconds_ago > SILENT_SECONDS

    @property
    def shut_since(self) -> datetime | None:
        """From when on, at the latest, nothing that was sent has passed; None while something may pass.

        A refusal gets its class when the trunk opens again, so those that have none are of this time. One
        that is just being asked about is no news.
        """
        if self.mode != Mode.LISTENING or self.disarmed_cause or self.worker_is_silent:
            return None
        since: datetime | None = None
        for refusal in self.refusals:
            if refusal.kind not in _UNDECIDED or (since and since - refusal.at > _BETWEEN_CANARIES):
                break
            since = refusal.at
        return since if since and self.saved_at - since >= _NEWS else None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, as ``/api/trunks`` has them."""
        told = asdict(self) | {
            "worker_is_silent": self.worker_is_silent,
            "shut_since": self.shut_since and self.shut_since.isoformat(),
        }
        told["refusals"] = [
            {
                "at": refusal.at.isoformat(),
                "seconds_ago": round(refusal.seconds_ago, 1),
                "class": refusal.kind,
            }
            | {"status": refusal.status, "rate": refusal.rate, "count": refusal.count}
            for refusal in self.refusals
        ]
        told["lanes"] = {
            lane.name: {name: value for name, value in asdict(lane).items() if name != "name"}
            for lane in self.lanes
        }
        for name in ("disarmed_at", "saved_at"):
            told[name] = told[name] and told[name].isoformat()
        for name in ("saved_seconds_ago", "learned_seconds_ago"):
            told[name] = None if told[name] is None else round(told[name], 1)
        return told


def view_of(row: TrunkRow, now: datetime) -> TrunkView:
    """What is known about a trunk, as of ``now``."""
    known = row.governor
    proof: Mapping[str, Any] = known.get("qualification") or {}
    # A clock that was set back since the save makes nothing younger than new.
    age = max(0.0, (now - row.saved_at).total_seconds())
    learned_ago = known.get("learned_ago")
    return TrunkView(
        trunk=row.trunk,
        source=row.source,
        auth_user=row.auth_user,
        **{name: known.get(name) for name in _AS_SAVED},
        learned_seconds_ago=None if learned_ago is None else learned_ago + age,
        refusals=tuple(_refusals(known, row.saved_at, age)),
        lanes=tuple(_lanes(known)),
        method=proof.get("method"),
        qualification=proof.get("state"),
        trusts_unqualified=bool(proof.get("trust_unqualified")),
        disarmed_cause=row.disarmed_cause,
        disarmed_at=row.disarmed_at,
        saved_at=row.saved_at,
        saved_seconds_ago=age,
        owner=None if age > SILENT_SECONDS else row.owner,
    )


def samples_as_json(samples: Sequence[TrunkSample]) -> list[dict[str, Any]]:
    """Plain JSON values; ``refusal`` is the class as far as it is known now."""
    return [
        asdict(sample) | {"at": sample.at.isoformat(), "refusal": name}
        for sample, name in zip(samples, refusal_classes(samples), strict=True)
    ]


def age_in_words(seconds: float) -> str:
    """A time span in the unit that tells most: 12 s, 5 min, 3 h, 2 d."""
    for unit, length, until in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


_AS_SAVED = (
    *("mode", "rate", "limit", "window_seconds", "model", "confidence", "refusal", "waiting_for"),
    *("sent", "passed", "refused", "in_flight", "waiting", "trouble", "failure", "registration"),
)


def _refusals(known: Mapping[str, Any], saved_at: datetime, age: float) -> list[RefusalView]:
    return [
        RefusalView(
            at=saved_at - timedelta(seconds=refusal.get("ago") or 0.0),
            seconds_ago=(refusal.get("ago") or 0.0) + age,
            kind=refusal.get("class") or "undecided",
            status=refusal.get("status"),
            rate=refusal.get("rate"),
            count=refusal.get("count") or 1,
        )
        for refusal in reversed(known.get("refusals") or ())
    ]


def _lanes(known: Mapping[str, Any]) -> list[LaneView]:
    """The lanes by priority; one that this version does not know comes last."""
    lanes: Mapping[str, Mapping[str, Any]] = known.get("lanes") or {}
    names = [name for name in _LANES if name in lanes] + [name for name in lanes if name not in _LANES]
    return [
        LaneView(
            name=name,
            waiting=lanes[name].get("waiting") or 0,
            sent=lanes[name].get("sent") or 0,
            oldest_seconds=lanes[name].get("oldest_seconds"),
        )
        for name in names
    ]

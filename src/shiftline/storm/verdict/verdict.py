"""The answer to "is it a limiter or capacity?", with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shiftline.storm.verdict.arrivals import Key

_SAME_RATE = 0.15


class Kind(StrEnum):
    """What holds the load back."""

    LIMITER = "limiter"
    """Something counts, and refuses what is too much, however little there is to do."""
    CAPACITY = "capacity"
    """The server has no time for more."""
    NONE = "none"
    """Neither was met, or it is not the load that is refused."""
    STOPPED = "stopped"
    """It stopped answering: down, hung, or it shut out whoever asked."""
    UNDECIDED = "undecided"
    """Requests were lost under the load and not afterwards: a limiter or capacity."""
    INVALID = "invalid"
    """The generator did not do what it was asked to do: nothing can be said of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limiter: ``count`` requests per ``seconds`` and key; with 0 seconds, so many under way at a time."""

    model: str
    """In words: "a fixed window"."""
    spec: str
    """As `shiftline simulate --throttle` takes it; docs/reference/limiters.md."""
    count: float
    seconds: float
    key: Key
    agreement: float
    """How much of what was seen it explains, 0 to 1."""
    methods: tuple[str, ...] = ()
    """What it counts, if it does not count every method."""
    ban_seconds: float | None = None
    """It refuses everything for so long once it was exceeded; infinity: longer than was waited."""
    may_ban: bool = False
    """Whether it bans, or something that explains as much does."""
    is_key_certain: bool = True
    is_seen_enough: bool = True
    """Whether enough was refused for its figures to be more than chance."""
    other_rates: tuple[float, ...] = ()
    """Requests per second and key, as other limiters say that explain as much."""
    open_keys: tuple[Key, ...] = ()
    """If the key is not certain, the others that it may be."""

    @property
    def is_rate_certain(self) -> bool:
        """Whether nothing that explains as much says much more or less."""
        return all(abs(other - self.rate) <= _SAME_RATE * self.rate for other in self.other_rates)

    @property
    def safe_rate(self) -> float:
        """The lowest of the rates that it may be."""
        return min((self.rate, *self.other_rates))

    @property
    def rate(self) -> float:
        """Requests per second and key; of a cap on what is under way, infinity: it knows no time."""
        return self.count / self.seconds if self.seconds else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What it is, how much, keyed on what, and what to do: ``sentence`` alone is the answer."""

    kind: Kind
    sentence: str
    advice: str
    evidence: tuple[str, ...] = ()
    rate: float | None = None
    """Requests per second and key of a limiter; flows per second of a capacity."""
    limit: Limit | None = None
    alternatives: tuple[str, ...] = ()
    """Other limiters that explain it about as well, as specs."""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """What is counted together; None where nothing is."""
        return None if self.limit is None else self.limit.key.value

    def as_json(self) -> dict[str, Any]:
        """For machines; docs/reference/json.md explains it."""
        limit = self.limit
        return {
            "kind": self.kind.value,
            "sentence": self.sentence,
            "advice": self.advice,
            "evidence": list(self.evidence),
            "rate": None if self.rate is None else round(self.rate, 3),
            "key": self.key,
            "limit": None
            if limit is None
            else {
                "model": limit.model,
                "spec": limit.spec,
                "count": round(limit.count, 3),
                "seconds": limit.seconds or None,
                "key": limit.key.value,
                "key_is_certain": limit.is_key_certain,
                "methods": list(limit.methods),
                "ban_seconds": _finite(limit.ban_seconds),
                "agreement": round(limit.agreement, 3),
            },
            "alternatives": list(self.alternatives),
        }


def _finite(seconds: float | None) -> float | str | None:
    """JSON has no infinity."""
    return "longer than was waited" if seconds == float("inf") else seconds

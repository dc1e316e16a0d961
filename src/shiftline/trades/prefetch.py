"""Whom to ask before a publish window opens, so that fewer wait to be asked when it has opened.

Nobody needs these answers yet. So they take a share of a rate that would be idle, begin as late as they
can, and are worth it only where the burst would be long. An answer serves while it is fresh, and never
longer: what is asked here is still fresh for half that time after the opening.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

CALM = 0.8
"""Part of the pace that the plan counts on: the rest makes good what a slower trunk leaves undone."""
SPARE_SECONDS = 2.0
"""So much sooner than it must the plan is done: the likeliest come last, and shall not be cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """An agent who may trade in the window, and what speaks for it."""

    agent: str
    address: str
    undecided: int = 0
    """His trades that are open or referred."""
    recent: int = 0
    """His trades of the last weeks."""
    checked_at: datetime | None = None
    """When he was last asked about over SIP, with whatever outcome; None: never."""

    @property
    def is_likely(self) -> bool:
        """Whether anything speaks for it."""
        return self.undecided > 0 or self.recent > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefetchPolicy:
    """Times are seconds. ``fresh_seconds`` is how long evidence may be used."""

    fresh_seconds: float
    share: float = 0.5
    """At most this part of the held rate."""
    worth_seconds: float = 5.0
    """A burst that the trunk works off sooner than this has no peak that would be worth lowering."""
    settle_seconds: float = 5.0
    """So long before the opening the last one is asked: its answer comes before the burst."""

    @property
    def lead_seconds(self) -> float:
        """How long before the opening the first one may be asked."""
        return self.fresh_seconds / 2


def plan_prefetch(
    foreseen: Sequence[Foreseen], *, now: datetime, opens_at: datetime, rate: float, policy: PrefetchPolicy
) -> list[Foreseen]:
    """Whom to ask now, first one first, at no more than ``policy.share`` of ``rate`` (requests per second).

    Only as many as can be asked before the opening, the likeliest of them; of those the likeliest last, as
    their answers must stay fresh for longest. Those who can wait are not in it yet: ask again a moment later.
    The rest of the roster comes in where all of it fits. Empty where nothing is to be won.
    """
    left = (opens_at - now).total_seconds() - policy.settle_seconds
    span = policy.lead_seconds - policy.settle_seconds
    if not (isfinite(rate) and rate > 0 and 0 < left <= span):
        return []
    pace = policy.share * rate
    wanted = _wanted(foreseen, int(pace * span))
    if len(wanted) < policy.worth_seconds * rate:
        return []
    kept_until = opens_at + timedelta(seconds=policy.fresh_seconds - policy.lead_seconds)
    stale = [one for one in wanted if not _lasts_until(one, kept_until, policy)]
    chosen = stale[: int(pace * max(0.0, left - SPARE_SECONDS / 2))]
    late = len(chosen) - int(CALM * pace * max(0.0, left - SPARE_SECONDS))
    return chosen[: -late - 1 : -1] if late > 0 else []


def _wanted(foreseen: Sequence[Foreseen], most: int) -> list[Foreseen]:
    """The likeliest first: all, if the trunk could ask so many, else those for whom something speaks."""
    order = sorted(foreseen, key=lambda one: (one.undecided == 0, -one.recent, one.agent))
    return order if len(order) <= most else [one for one in order if one.is_likely]


def _lasts_until(one: Foreseen, until: datetime, policy: PrefetchPolicy) -> bool:
    return one.checked_at is not None and one.checked_at + timedelta(seconds=policy.fresh_seconds) >= until

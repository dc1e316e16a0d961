"""When to spend a call on the WFM: its shift-trading budget is five a minute. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shiftline.connector.records import DeliveryFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """``linger``: the longest that a decision waits for company. ``margin``: kept before a deadline."""

    linger: timedelta = timedelta(seconds=45)
    margin: timedelta = timedelta(seconds=10)


def should_deliver(facts: DeliveryFacts, now: datetime, policy: DeliveryPolicy) -> bool:
    """True when a bulk job should go out now: all are aboard, or somebody cannot wait longer."""
    if not facts.ready:
        return False
    if not facts.still_deciding:
        return True
    waited = facts.oldest_ready_at is not None and now - facts.oldest_ready_at >= policy.linger
    pressed = facts.earliest_deadline is not None and facts.earliest_deadline - now <= policy.margin
    return waited or pressed


def should_evaluate(facts: DeliveryFacts, since_last: timedelta, policy: DeliveryPolicy) -> bool:
    """True when a fresh review may be asked for: nothing that could change it again is under way."""
    return not facts.ready and (not facts.still_deciding or since_last >= policy.linger)

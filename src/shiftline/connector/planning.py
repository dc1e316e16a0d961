"""When to spend a call on the WFM: its shift-trading budget is five a minute. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shiftline.connector.records import DeliveryFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPolicy:
    """``linger``: the longest that a decision waits for company. ``margin``: kept before a deadline."""

    linger: timedelta = timedelta(seconds=45)
    margin: timedelta = timedelta(seconds=10)


class Call(StrEnum):
    """What to spend the next call on."""

    NOTHING = "nothing"
    DELIVER = "deliver"
    EVALUATE = "evaluate"
    POLL = "poll"


def next_call(
    facts: DeliveryFacts,
    *,
    to_evaluate: bool,
    poll_overdue: bool,
    since_review: timedelta,
    now: datetime,
    policy: DeliveryPolicy,
) -> Call:
    """Return the call that helps most now.

    ``to_evaluate``: trades wait for nothing but a fresh review, last asked for ``since_review`` ago. A
    review comes before a delivery that can wait, because what it lets us decide shares the bulk job.
    A poll that is overdue comes before all that can wait: new trades have deadlines too.
    """
    if facts.ready and _is_pressed(facts, now, policy):
        return Call.DELIVER
    if poll_overdue:
        return Call.POLL
    all_aboard = not facts.still_deciding
    if to_evaluate and (all_aboard or since_review >= policy.linger):
        return Call.EVALUATE
    waited = facts.oldest_ready_at is not None and now - facts.oldest_ready_at >= policy.linger
    if facts.ready and (waited or (all_aboard and not to_evaluate)):
        return Call.DELIVER
    return Call.NOTHING


def _is_pressed(facts: DeliveryFacts, now: datetime, policy: DeliveryPolicy) -> bool:
    return facts.earliest_deadline is not None and facts.earliest_deadline - now <= policy.margin

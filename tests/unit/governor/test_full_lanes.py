"""Four lanes that are always full, on a governor in virtual time: who gets what, and when."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest

from shiftline.governor.controller import Answer, Send
from shiftline.governor.fairness import jain
from shiftline.governor.governor import Governor
from shiftline.governor.lanes import SHARES, Lane, Lanes, served_within
from shiftline.governor.policy import GovernorPolicy

ROUND_TRIP = 0.04
SECONDS = 60.0


@dataclass(slots=True)
class Ledger:
    """What left, and how many sends and seconds the head of each lane had waited for its turn."""

    sent: Counter[Lane] = field(default_factory=Counter)
    sends: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    seconds: dict[Lane, float] = field(default_factory=lambda: dict.fromkeys(Lane, 0.0))


def run(full: set[Lane], *, rate: float, late: dict[Lane, float] | None = None) -> Ledger:
    """Keep the lanes ``full`` for a minute; in a ``late`` one a single piece of work turns up at its time."""
    governor, lanes, ledger = Governor(GovernorPolicy(max_rate=rate), 0.0), Lanes[None](), Ledger()
    answers: list[tuple[float, int]] = []
    turn, now = count(1), 0.0
    since: dict[Lane, tuple[int, float]] = {}
    arrivals = dict(late or {})
    number = 0
    while now < SECONDS:
        while answers and answers[0][0] <= now:
            governor.answered(heapq.heappop(answers)[1], now, Answer.PASSED)
        for lane in [lane for lane, at in arrivals.items() if at <= now]:
            lanes.put(lane, None, deadline=now, now=now)
            since[lane] = (number, arrivals.pop(lane))
        for lane in full:
            if not lanes.waiting(lane):
                lanes.put(lane, None, deadline=now, now=now)
                since[lane] = (number, now)
        permission = governor.permission(now)
        if permission.send is not Send.CHECK or (entry := lanes.take()) is None:
            coming = [at for at, _ in answers[:1]] + [*arrivals.values()]
            coming += [permission.again_at] if permission.again_at is not None else []
            now = max(now, min(coming)) if coming else SECONDS
            continue
        heapq.heappush(answers, (now + ROUND_TRIP, governor.sent(now, Send.CHECK, credentials=False)))
        number = next(turn)
        ledger.sent[entry.lane] += 1
        began, at = since[entry.lane]
        ledger.sends[entry.lane] = max(ledger.sends[entry.lane], number - began)
        ledger.seconds[entry.lane] = max(ledger.seconds[entry.lane], now - at)
    return ledger


def test_full_lanes_get_their_shares_of_the_governors_rate() -> None:
    """A minute at 50 requests/s: 15/32 each for registrations and checks, 1/32 each for the others."""
    ledger = run({*Lane}, rate=50.0)
    total = sum(ledger.sent.values())
    assert total == pytest.approx(50.0 * SECONDS, rel=0.02)
    for lane in Lane:
        assert ledger.sent[lane] == pytest.approx(SHARES[lane] * total, abs=3)
        assert ledger.sends[lane] <= served_within(lane)
    assert jain([ledger.sent[lane] for lane in Lane], [SHARES[lane] for lane in Lane]) > 0.999


@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0])
def test_a_refresh_never_waits_longer_than_its_bound(rate: float) -> None:
    """All other lanes are full: it has one of the next four sends, which the pace turns into seconds."""
    ledger = run({Lane.DECISION, Lane.PREFETCH, Lane.PROBE}, rate=rate, late={Lane.REGISTRATION: 30.001})
    assert ledger.sent[Lane.REGISTRATION] == 1
    assert ledger.sends[Lane.REGISTRATION] <= served_within(Lane.REGISTRATION)
    # And a quarter of a second: a pacer that keeps to a cap per second may have used it up.
    assert ledger.seconds[Lane.REGISTRATION] <= served_within(Lane.REGISTRATION) / rate + 0.25


def test_what_a_lane_leaves_goes_to_the_checks() -> None:
    """Without registrations and probes, checks have all but the share of what is sent ahead of need."""
    ledger = run({Lane.DECISION, Lane.PREFETCH}, rate=50.0)
    total = sum(ledger.sent.values())
    assert ledger.sent[Lane.DECISION] == pytest.approx(total * 31 / 32, abs=3)

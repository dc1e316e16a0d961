"""What to ask next: the experiment that tells most for its risk and price, within the stop rules.

Those are in `stopping`, what leads to an experiment in `roads`. Never beyond the permission or the budget; no
experiment twice, but for what checks a belief (`checking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.checking import again, ahead, confirming, control, named_first, partner
from shiftline.diagnosis.experiment import Done, Permission, Proposal, Risk, Stop
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.roads import (
    Road,
    beside,
    for_the_last_login,
    merit,
    not_before,
    road_to,
    shortened,
    why_asked,
)
from shiftline.diagnosis.second import SecondFault
from shiftline.diagnosis.stopping import DECIDED, credentials_again, is_askable, why_stop
from shiftline.diagnosis.telling import outcomes

OPENING = ("p0.options", "p2.challenge", "p3.credentials")
"""Asked first, if they tell anything at all: cheap, and what all others are compared with."""
LEAST_BITS = 0.008
"""Less than this is not worth a question: a chance of some 1 in 1,500 that the verdict is another."""


def next_experiment(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | Stop:
    """The next question, or why there is none. ``budget`` is the number of requests that are left.

    ``now`` and the times of ``done`` are seconds of one clock.
    """
    if (first := ahead(belief, permission, done, budget=budget, now=now)) is not None:
        return first
    second = SecondFault(belief)
    programme = programme_of(permission.means).values()
    every = [shortened(one) if second.shortens_loads else one for one in programme]
    would = cache(partial(outcomes, belief))
    roads = [road for one in every if (road := road_to(one, belief, second, permission, done, would))]
    askable = [road for road in roads if is_askable(road.first, belief, done, now)]
    telling = [road for road in askable if road.bits >= LEAST_BITS]
    affordable = for_the_last_login([road for road in telling if road.requests <= budget], done, now)
    best = _best(affordable)
    if best is None or best.first.is_load:
        check = again(belief, permission, done, now)
        if check := check or control(belief, permission, done, budget=budget, now=now):
            return check
    if best is None:
        check = partner(belief, permission, done, budget=budget, now=now)
        check = check or named_first(belief, permission, done, budget=budget, now=now)
        if check := check or confirming(belief, permission, done, budget=budget, now=now):
            return check
        kept = [road.first for road in roads if road.bits >= LEAST_BITS and road not in askable]
        if (later := _after_the_pause(roads, belief, permission, done, budget=budget, now=now)) is not None:
            return later
        may_hide_a_limit = second.spares_loads and permission.risk >= Risk.MAY_TRIP
        return why_stop(
            belief, done, now, kept=kept, too_dear=bool(telling), may_hide_a_limit=may_hide_a_limit
        )
    return Proposal(
        experiment=best.first,
        why=why_asked(belief, best),
        bits=best.bits,
        not_before=not_before(best.first, done, now),
        expected=outcomes(belief, best.first.probe),
        beside=beside(best, affordable),
    )


def _best(affordable: Sequence[Road]) -> Road | None:
    opening = [road for name in OPENING for road in affordable if road.goal.id == name]
    return opening[0] if opening else max(affordable, key=merit, default=None)


def _after_the_pause(
    roads: Sequence[Road],
    belief: Belief,
    permission: Permission,
    done: Sequence[Done],
    *,
    budget: int,
    now: float,
) -> Proposal | None:
    """What may be asked once refused credentials are 15 minutes old, if there is the patience for it."""
    again = credentials_again(done)
    if again is None or belief.leading.probability >= DECIDED or again - now > permission.patience_seconds:
        return None
    then = [
        road
        for road in roads
        if road.bits >= LEAST_BITS and road.requests <= budget and is_askable(road.first, belief, done, again)
    ]
    if not then:
        return None
    best = max(then, key=merit)
    return Proposal(
        experiment=best.first,
        why=why_asked(belief, best),
        bits=best.bits,
        not_before=max(again, not_before(best.first, done, now)),
        expected=outcomes(belief, best.first.probe),
    )

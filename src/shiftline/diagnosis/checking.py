"""Questions that are expected to tell nothing new: what checks a belief before it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shiftline.diagnosis.again import (
    REST_SECONDS,
    after_a_rest,
    equal_again,
    once_more,
    repeated,
    rest_before_equal,
)
from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.experiment import Done, Experiment, Permission, Proposal, Risk
from shiftline.diagnosis.hypotheses import HEALTHY, expected
from shiftline.diagnosis.named_means import alone, helped_once, untried
from shiftline.diagnosis.partners import unknown_at_rest
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.roads import is_asked_otherwise, not_before, opens
from shiftline.diagnosis.stopping import DECIDED, is_askable
from shiftline.diagnosis.telling import distance, outcomes, price
from shiftline.diagnosis.without_one import ODD, Fact, thread_of

CONTROLS = ("p6.present", "p6.absent")
CROWDS = ("p9.users.crowd", "p9.options.crowd", "p9.register.crowd")
"""What takes the places that there may be. Each by itself: a limit may say what one of them gets at rest."""
REFUTES = 0.3
"""From this total variation on, an answer that was not expected refutes a verdict."""


def ahead(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """What is asked before anything else is weighed."""
    if (equal := _equal(belief, permission, done, budget=budget, now=now)) is not None:
        return equal
    one = alone(belief, permission, done, budget=budget, now=now)
    why = "it passed with all changed: what was named is tried alone"
    return None if one is None else _checking(one, why, belief, done, now)


def again(belief: Belief, permission: Permission, done: Sequence[Done], now: float) -> Proposal | None:
    """An odd answer, asked for once more; or one that our own questions may have brought about."""
    if belief.leading.probability >= DECIDED:
        return None
    one = once_more(belief, permission, done)
    if one is not None and is_askable(one, belief, done, now):
        return _checking(one, "once more: a chance answer does not come twice", belief, done, now)
    one = after_a_rest(belief, permission, done)
    if one is None or not is_askable(one, belief, done, now):
        return None
    why = "once more after a rest: no limit is full of our own questions then"
    return replace(_checking(one, why, belief, done, now), not_before=now + REST_SECONDS)


def _equal(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """What was refused once and served once: all other answers are worth little until that is told."""
    one = equal_again(belief, permission, done)
    if one is None or one.cost > budget or not is_askable(one, belief, done, now):
        return None
    why = "equal questions had different answers: chance, or something that begins and ends"
    proposal = _checking(one, why, belief, done, now)
    return replace(proposal, not_before=max(proposal.not_before, now + rest_before_equal(one, done)))


def named_first(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """What the user has named, on what was refused; once more, where it helped and nobody is sure of it."""
    if (one := untried(belief, permission, done, budget=budget, now=now)) is not None:
        return _checking(one, "what was named is tried before the end", belief, done, now)
    if belief.leading.probability >= DECIDED:
        return None
    one = helped_once(belief, permission, done, budget=budget, now=now)
    why = "once more: what was named helped, and chance does not help twice"
    return None if one is None else _checking(one, why, belief, done, now)


def control(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """A control that was named, or many at once, not asked for while nothing is found.

    Checks ask about the one, and come as the other; what was not tried is not told to be well.
    """
    past = {one.experiment: one.outcome for one in done}
    programme = programme_of(permission.means)
    left = [
        one
        for one in (programme[name] for name in (*CONTROLS, *CROWDS) if name not in past)
        if one.cost <= budget and permission.permits(one) and is_askable(one, belief, done, now)
        if not one.is_load or any(opens(one, past.get(name)) for name in one.after)
        if not is_asked_otherwise(one, permission, past)
    ]
    if belief.leading.causes != (HEALTHY,) or not left:
        return None
    what = "so many at once are tried" if left[0].is_load else "a control that was named is asked about"
    return _checking(left[0], f"{what} before all is well", belief, done, now)


def partner(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """The second source or the good account at rest, if refused beside a load and never asked for else."""
    programme = programme_of(permission.means)
    asked = {one.experiment: one.outcome for one in done if one.experiment in programme}
    wanted = unknown_at_rest({programme[name].probe: outcome for name, outcome in asked.items()})
    for one in (programme[name] for name in wanted):
        if one.cost <= budget and permission.permits(one) and is_askable(one, belief, done, now):
            return _checking(one, "it was refused beside a load: is it served at rest?", belief, done, now)
    return None


def confirming(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """What could still refute a sure verdict that hangs by one observation: another question, or the same."""
    if belief.leading.probability < DECIDED:
        return None
    thread = thread_of(belief)
    if thread is None:
        return None
    named, doubter = belief.leading.causes, believe(thread.rest)
    one = _refuting(doubter, named, permission, done)
    if one is None and _calls_it_chance(doubter, named, thread.fact):
        one = repeated(thread.experiment, permission, done)
    if one is None or one.cost > budget or not is_askable(one, belief, done, now):
        return None
    why = f"could refute it: without one answer {named[0]} would not be sure"
    return _checking(one, why, belief, done, now)


def _checking(one: Experiment, why: str, belief: Belief, done: Sequence[Done], now: float) -> Proposal:
    """A question that is expected to tell nothing new."""
    return Proposal(
        experiment=one,
        why=why,
        bits=0.0,
        not_before=not_before(one, done, now),
        expected=outcomes(belief, one.probe),
    )


def _calls_it_chance(doubter: Belief, named: tuple[str, ...], fact: Fact) -> bool:
    """Whether the rivals have no other word for the observation: then it does not come twice."""
    probe, outcome = fact
    rivals = [one for one in doubter.details if one.causes != named]
    odd = sum(one.weight for one in rivals if expected(one.numbers, probe).get(outcome, 0.0) < ODD)
    return odd > 0.5 * sum(one.weight for one in rivals)


def _refuting(
    doubter: Belief, named: tuple[str, ...], permission: Permission, done: Sequence[Done]
) -> Experiment | None:
    """The harmless question whose answer differs most, for its price, if the named are not at work."""
    asked = {past.experiment: past.outcome for past in done}
    mine = replace(doubter, details=tuple(one for one in doubter.details if one.causes == named))
    rest = replace(doubter, details=tuple(one for one in doubter.details if one.causes != named))
    if not (mine.details and rest.details):
        return None
    found = [
        (distance(outcomes(mine, one.probe), outcomes(rest, one.probe)), one)
        for one in programme_of(permission.means).values()
        if one.id not in asked
        and one.risk <= Risk.HARMLESS
        and not one.is_load
        and permission.permits(one)
        and (not one.after or any(opens(one, asked.get(name)) for name in one.after))
    ]
    found = [pair for pair in found if pair[0] >= REFUTES]
    return max(found, key=lambda pair: (pair[0] / price(pair[1]), pair[1].id), default=(0.0, None))[1]

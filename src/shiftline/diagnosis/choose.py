"""What to ask next: the experiment that tells most for its risk and price, within the stop rules.

Those are in `stopping`. Never beyond the permission or the budget; no experiment twice, but for one odd
answer (`again`), and for what a sure verdict hangs by (`without_one`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shiftline.diagnosis.again import (
    REST_SECONDS,
    after_a_rest,
    equal_again,
    once_more,
    repeated,
    rest_before_equal,
)
from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.experiment import (
    Done,
    Experiment,
    Permission,
    Proposal,
    Risk,
    Stop,
)
from shiftline.diagnosis.hypotheses import HEALTHY, expected
from shiftline.diagnosis.loads import SHORT_REQUESTS
from shiftline.diagnosis.named_means import alone, helped_once, untried
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.second import SecondFault
from shiftline.diagnosis.stopping import (
    DECIDED,
    MOST_REFUSED_CREDENTIALS,
    credentials_again,
    is_askable,
    refused_lately,
    why_stop,
)
from shiftline.diagnosis.telling import distance, information, outcomes, price
from shiftline.diagnosis.without_one import ODD, Fact, thread_of

OPENING = ("p0.options", "p2.challenge", "p3.credentials")
"""Asked first, if they tell anything at all: cheap, and what all others are compared with."""
GROUP_TESTS = ("p3.all-changed.source", "p3.all-changed")
"""When one login is left that may be refused, it changes all that it can: a single change could not part the
rest."""
PROVEN = ("p3.credentials",)
CONTROLS = ("p6.present", "p6.absent")
CROWDS = ("p9.users.crowd", "p9.options.crowd", "p9.register.crowd")
"""What takes the places that there may be. Each by itself: a limit may say what one of them gets at rest."""
LEAST_BITS = 0.008
"""Less than this is not worth a question: a chance of some 1 in 1,500 that the verdict is another."""
REFUTES = 0.3
"""From this total variation on, an answer that was not expected refutes a verdict."""


def next_experiment(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | Stop:
    """The next question, or why there is none. ``budget`` is the number of requests that are left.

    ``now`` and the times of ``done`` are seconds of one clock.
    """
    if (ahead := _ahead(belief, permission, done, budget=budget, now=now)) is not None:
        return ahead
    second = SecondFault(belief)
    every = [_short(one) if second.shortens_loads else one for one in programme_of(permission.means).values()]
    roads = [road for one in every if (road := _road(one, belief, second, permission, done))]
    askable = [road for road in roads if is_askable(road.first, belief, done, now)]
    telling = [road for road in askable if road.bits >= LEAST_BITS]
    affordable = _for_the_last_login([road for road in telling if road.requests <= budget], done, now)
    best = _best(affordable)
    if best is None or best.first.is_load:
        if (again := _again(belief, permission, done, now)) is not None:
            return again
        if (control := _control(belief, permission, done, budget=budget, now=now)) is not None:
            return control
    if best is None:
        if (named := _named(belief, permission, done, budget=budget, now=now)) is not None:
            return named
        if (test := _confirming(belief, permission, done, budget=budget, now=now)) is not None:
            return test
        kept = [road.first for road in roads if road.bits >= LEAST_BITS and road not in askable]
        if (later := _after_the_pause(roads, belief, permission, done, budget=budget, now=now)) is not None:
            return later
        may_hide_a_limit = second.spares_loads and permission.risk >= Risk.MAY_TRIP
        return why_stop(
            belief, done, now, kept=kept, too_dear=bool(telling), may_hide_a_limit=may_hide_a_limit
        )
    return Proposal(
        experiment=best.first,
        why=_why(belief, best),
        bits=best.bits,
        not_before=_not_before(best.first, done, now),
        expected=outcomes(belief, best.first.probe),
        beside=_beside(best, affordable),
    )


def _ahead(
    belief: Belief, permission: Permission, done: Sequence[Done], *, budget: int, now: float
) -> Proposal | None:
    """What is asked before anything else is weighed."""
    if (equal := _equal(belief, permission, done, budget=budget, now=now)) is not None:
        return equal
    one = alone(belief, permission, done, budget=budget, now=now)
    why = "it passed with all changed: what was named is tried alone"
    return None if one is None else _checking(one, why, belief, done, now)


def _best(affordable: Sequence[_Road]) -> _Road | None:
    opening = [road for name in OPENING for road in affordable if road.goal.id == name]
    return opening[0] if opening else max(affordable, key=_merit, default=None)


def _again(belief: Belief, permission: Permission, done: Sequence[Done], now: float) -> Proposal | None:
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


def _named(
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


def _control(
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
        if not _is_asked_otherwise(one, permission, past)
    ]
    if belief.leading.causes != (HEALTHY,) or not left:
        return None
    what = "so many at once are tried" if left[0].is_load else "a control that was named is asked about"
    return _checking(left[0], f"{what} before all is well", belief, done, now)


def _confirming(
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
        not_before=_not_before(one, done, now),
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


def _beside(best: _Road, affordable: Sequence[_Road]) -> tuple[Experiment, ...]:
    """What else may be asked while the load is refused."""
    if best.first.probe.load is not Load.DURING:
        return ()
    others = [road for road in affordable if road.goal.probe.load is Load.DURING and road.goal is road.first]
    ranked = sorted(others, key=_merit, reverse=True)
    return tuple(road.first for road in ranked if road.first is not best.first)


def _for_the_last_login(roads: list[_Road], done: Sequence[Done], now: float) -> list[_Road]:
    """Without the logins of ours that change less, while a group test may still be asked."""
    groups_left = [name for name in GROUP_TESTS if any(road.first.id == name for road in roads)]
    is_group = [road.first.id in groups_left[:1] for road in roads]
    if not groups_left or refused_lately(Account.OWN, done, now) != MOST_REFUSED_CREDENTIALS - 1:
        return roads
    return [
        road
        for road, groups in zip(roads, is_group, strict=True)
        if groups or road.first.probe.account is not Account.OWN or not road.first.credentialed
    ]


def _after_the_pause(
    roads: Sequence[_Road],
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
    best = max(then, key=_merit)
    return Proposal(
        experiment=best.first,
        why=_why(belief, best),
        bits=best.bits,
        not_before=max(again, _not_before(best.first, done, now)),
        expected=outcomes(belief, best.first.probe),
    )


@dataclass(frozen=True, slots=True)
class _Road:
    """An experiment with those that have to be done before it."""

    first: Experiment
    goal: Experiment
    bits: float
    """What the goal would tell, by the chance that what is before it ends as it must."""
    price: float
    requests: int


def _merit(road: _Road) -> tuple[float, int, str]:
    return (road.bits / road.price, -road.requests, road.goal.id)


def _road(
    goal: Experiment, belief: Belief, second: SecondFault, permission: Permission, done: Sequence[Done]
) -> _Road | None:
    """How to get there; None if it was done, is not permitted, or can no more come about."""
    past = {one.experiment: one.outcome for one in done}
    if goal.id in past or not permission.permits(goal) or (goal.is_load and second.spares_loads):
        return None
    if _is_asked_otherwise(goal, permission, past):
        return None
    first, chance, price_of_all, requests = goal, 1.0, price(goal), goal.cost
    while first.after and not any(opens(first, past.get(name)) for name in first.after):
        programme = programme_of(permission.means)
        before = [programme[name] for name in first.after if name not in past]
        before = [_short(one) if second.shortens_loads else one for one in before]
        before = [one for one in before if permission.permits(one)]
        before = [one for one in before if not _is_asked_otherwise(one, permission, past)]
        if not before:
            return None
        wanted, step = first.after_outcomes, min(before, key=price)
        if wanted:
            chance *= sum(
                share for outcome, share in outcomes(belief, step.probe).items() if outcome in wanted
            )
        first, price_of_all, requests = step, price_of_all + price(step), requests + step.cost
    bits = information(belief, goal.probe) + second.bits(goal.probe)
    return _Road(first, goal, chance * bits, price_of_all, requests)


def _is_asked_otherwise(one: Experiment, permission: Permission, past: Mapping[str, Outcome | None]) -> bool:
    """Whether there is another in its place: a load with our login, where that passes."""
    if not one.unless:
        return False
    other = programme_of(permission.means)[one.unless]
    if not permission.permits(other) or (other.id in past and past[other.id] is None):
        return False
    ways = (*PROVEN, other.id, *other.after)
    told = [past[name] for name in ways if name in past]
    return all(outcome is not None for outcome in told) and past.get(PROVEN[0]) is Outcome.OK


def _short(one: Experiment) -> Experiment:
    """With a load of no more than is worth its price behind a refused login."""
    if one.plan is None or one.plan.requests <= SHORT_REQUESTS:
        return one
    return replace(one, plan=replace(one.plan, requests=SHORT_REQUESTS), cost=SHORT_REQUESTS)


def opens(one: Experiment, outcome: Outcome | None) -> bool:
    """Whether an experiment may follow one that ended so."""
    return outcome is not None and (not one.after_outcomes or outcome in one.after_outcomes)


def _why(belief: Belief, road: _Road) -> str:
    """Names two explanations of some weight that would answer differently."""
    rivals: dict[tuple[str, ...], Mapping[Outcome, float]] = {}
    for one in belief.details[:60]:
        would = expected(one.numbers, road.goal.probe)
        for other, answers in rivals.items():
            if other != one.causes and distance(answers, would) > 0.5:
                return f"{road.goal.reads}: tells {' with '.join(other)} from {' with '.join(one.causes)}"
        rivals.setdefault(one.causes, would)
    return road.goal.reads


def _not_before(one: Experiment, done: Sequence[Done], now: float) -> float:
    last = max((past.at for past in done), default=now)
    return max(now, last + one.wait_seconds) if one.wait_seconds else now

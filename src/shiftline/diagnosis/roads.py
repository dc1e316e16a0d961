"""Roads: an experiment with those that have to be done before it, what it tells and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.experiment import Done, Experiment, Permission
from shiftline.diagnosis.hypotheses import expected
from shiftline.diagnosis.loads import SHORT_REQUESTS
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load, Probe
from shiftline.diagnosis.programme import programme_of
from shiftline.diagnosis.second import SecondFault
from shiftline.diagnosis.stopping import MOST_REFUSED_CREDENTIALS, refused_lately
from shiftline.diagnosis.telling import distance, information, price

GROUP_TESTS = ("p3.all-changed.source", "p3.all-changed")
"""When one login is left that may be refused, it changes all that it can: a single change could not part the
rest."""
PROVEN = ("p3.credentials",)


@dataclass(frozen=True, slots=True)
class Road:
    """An experiment with those that have to be done before it."""

    first: Experiment
    goal: Experiment
    bits: float
    """What the goal would tell, by the chance that what is before it ends as it must."""
    price: float
    requests: int


def road_to(
    goal: Experiment,
    belief: Belief,
    second: SecondFault,
    permission: Permission,
    done: Sequence[Done],
    would: Callable[[Probe], Mapping[Outcome, float]],
) -> Road | None:
    """How to get there; None if it was done, is not permitted, or can no more come about.

    ``would`` is what `outcomes` of that belief says: many roads begin with the same step.
    """
    past = {one.experiment: one.outcome for one in done}
    if goal.id in past or not permission.permits(goal) or (goal.is_load and second.spares_loads):
        return None
    if is_asked_otherwise(goal, permission, past):
        return None
    first, chance, price_of_all, requests = goal, 1.0, price(goal), goal.cost
    while first.after and not any(opens(first, past.get(name)) for name in first.after):
        programme = programme_of(permission.means)
        before = [programme[name] for name in first.after if name not in past]
        before = [shortened(one) if second.shortens_loads else one for one in before]
        before = [one for one in before if permission.permits(one)]
        before = [one for one in before if not is_asked_otherwise(one, permission, past)]
        if not before:
            return None
        wanted, step = first.after_outcomes, min(before, key=price)
        if wanted:
            chance *= sum(share for outcome, share in would(step.probe).items() if outcome in wanted)
        first, price_of_all, requests = step, price_of_all + price(step), requests + step.cost
    bits = information(belief, goal.probe) + second.bits(goal.probe)
    return Road(first, goal, chance * bits, price_of_all, requests)


def merit(road: Road) -> tuple[float, int, str]:
    return (road.bits / road.price, -road.requests, road.goal.id)


def for_the_last_login(roads: list[Road], done: Sequence[Done], now: float) -> list[Road]:
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


def beside(best: Road, affordable: Sequence[Road]) -> tuple[Experiment, ...]:
    """What else may be asked while the load is refused."""
    if best.first.probe.load is not Load.DURING:
        return ()
    others = [road for road in affordable if road.goal.probe.load is Load.DURING and road.goal is road.first]
    ranked = sorted(others, key=merit, reverse=True)
    return tuple(road.first for road in ranked if road.first is not best.first)


def is_asked_otherwise(one: Experiment, permission: Permission, past: Mapping[str, Outcome | None]) -> bool:
    """Whether there is another in its place: a load with our login, where that passes."""
    if not one.unless:
        return False
    other = programme_of(permission.means)[one.unless]
    if not permission.permits(other) or (other.id in past and past[other.id] is None):
        return False
    ways = (*PROVEN, other.id, *other.after)
    told = [past[name] for name in ways if name in past]
    return all(outcome is not None for outcome in told) and past.get(PROVEN[0]) is Outcome.OK


def shortened(one: Experiment) -> Experiment:
    """With a load of no more than is worth its price behind a refused login."""
    if one.plan is None or one.plan.requests <= SHORT_REQUESTS:
        return one
    return replace(one, plan=replace(one.plan, requests=SHORT_REQUESTS), cost=SHORT_REQUESTS)


def opens(one: Experiment, outcome: Outcome | None) -> bool:
    """Whether an experiment may follow one that ended so."""
    return outcome is not None and (not one.after_outcomes or outcome in one.after_outcomes)


def why_asked(belief: Belief, road: Road) -> str:
    """Names two explanations of some weight that would answer differently."""
    rivals: dict[tuple[str, ...], Mapping[Outcome, float]] = {}
    for one in belief.details[:60]:
        would = expected(one.numbers, road.goal.probe)
        for other, answers in rivals.items():
            if other != one.causes and distance(answers, would) > 0.5:
                return f"{road.goal.reads}: tells {' with '.join(other)} from {' with '.join(one.causes)}"
        rivals.setdefault(one.causes, would)
    return road.goal.reads


def not_before(one: Experiment, done: Sequence[Done], now: float) -> float:
    last = max((past.at for past in done), default=now)
    return max(now, last + one.wait_seconds) if one.wait_seconds else now

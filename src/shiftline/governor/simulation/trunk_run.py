"""One trunk of a scenario, and what it came to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import median

from shiftline.governor.controllers.registry import controller_named
from shiftline.governor.fairness import jain
from shiftline.governor.simulation.arrivals import wanted_checks
from shiftline.governor.simulation.bank import Case, Draw
from shiftline.governor.simulation.engine import Sender, behind, travel_together
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.simulation.measure import Watched, bans_within, settled_at
from shiftline.governor.simulation.scenario import Scenario
from shiftline.governor.simulation.worth import Worth, worth_of

PATIENCE = 3600.0  # seconds after the last trade, or ten times the ideal if that is more; then it is given up
FLOOD = 50.0  # requests for each check: whoever sends more is not waited for
SHORTEST_SPAN, LONGEST_SPAN = 2.0, 30.0  # seconds for which a rate must be good to count as learned
MOST_INSTANTS = 900

Rates = list[tuple[float, float]]
"""Moments and the controller's rate at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A piece of a trunk's course, per second: what passed and was refused, the rate, the hidden limit."""

    at: float
    seconds: float
    passed: float
    refused: float
    rate: float
    limit: float


@dataclass(frozen=True, slots=True)
class Stop:
    """A controller gave up for good: a worker's would wait until somebody re-arms the trunk."""

    after: float
    """Seconds from the first check wanted."""
    refusal: str
    """What it took the refusals for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkRun:
    """What one trunk came to. Shares are from 0 to 1, times in seconds."""

    trades: int
    checks: int
    answered: int
    requests: int
    """All that arrived at the trunk: canaries and what was sent again as well."""
    refused: int
    beyond: int
    """Checks that passed and do not count, see `worth`."""
    seconds: float
    """From the first check wanted to the last answer."""
    ideal_seconds: float
    """The same of an all-knowing sender."""
    efficiency: float
    """ideal_seconds / seconds; 1 at most. What was never answered lowers it by its share.

    So do checks that passed and do not count (`beyond`), however soon all were through.
    """
    learned_after: float | None
    """See `settled_at`; a span of a quarter of the ideal time, 2 to 30 s. None: never."""
    fairness: float
    """Jain's index of what the connectors got through while an all-knowing sender would have needed."""
    bans: int
    prolongations: int
    median_wait: float
    """From a check wanted to its answer, first wanted first answered."""
    longest_wait: float
    stops: tuple[Stop, ...] = ()
    """Of its connectors that gave up, in their order."""
    course: tuple[Instant, ...] = ()
    """Piece by piece, if that was asked for."""


def run_trunk(scenario: Scenario, trunk: int, draw: Draw, *, record: bool = False) -> TrunkRun:
    """Simulate one trunk, counted from 0; ``draw`` gives random numbers from 0 up to 1.

    ``record``: keep its course.
    """
    case = scenario.case()
    wanted = wanted_checks(scenario.trades_of(trunk), scenario.agents_of(trunk), scenario.arrivals, draw)
    watched = Watched(case.build(draw))
    rates: Rates | None = [] if record else None
    senders = [
        _connector(scenario, wanted[number :: scenario.connectors], watched, draw, rates)
        for number in range(scenario.connectors)
    ]
    ideal = ideal_moments(case, wanted)
    travel_together(
        senders,
        until=wanted[-1] + max(PATIENCE, 10.0 * (ideal[-1] - wanted[0])),
        most=FLOOD * len(wanted),
    )
    return _summed_up(scenario.trades_of(trunk), case, (wanted, ideal), watched, senders, rates or [])


def ideal_moments(case: Case, wanted: Sequence[float]) -> list[float]:
    """When an all-knowing sender lets each check leave that is wanted at those moments.

    It sends as fast as is never refused; a bucket that is full lets it send its burst at once.
    """
    burst = case.opening
    moments: list[float] = []
    due = wanted[0]
    for at in wanted:
        due = max(due, at)
        rate = case.ideal_rate(due)
        moments.append(max(at, due - burst / rate))
        due += 1.0 / rate
    return moments


def _connector(
    scenario: Scenario, wanted: Sequence[float], watched: Watched, draw: Draw, rates: Rates | None
) -> Sender:
    controller = controller_named(scenario.controller, scenario.start(draw))
    world = behind(
        watched,
        lambda: scenario.answer_seconds * (0.5 + draw()),
        refused_seconds=scenario.refused_seconds,
    )
    if rates is None:
        return Sender(controller, world, 0.0, wanted)

    def noting(now: float, credentials: bool) -> Reply:  # noqa: FBT001 - the shape of a `World`
        rates.append((now, controller.rate))
        return world(now, credentials)

    return Sender(controller, noting, 0.0, wanted)


def _summed_up(
    trades: int,
    case: Case,
    times: tuple[Sequence[float], Sequence[float]],
    watched: Watched,
    senders: Sequence[Sender],
    rates: Rates,
) -> TrunkRun:
    wanted, ideal = times
    passed = sorted(at for sender in senders for at in sender.journey.passed())
    answered = sorted(
        one.answered_at
        for sender in senders
        for one in sender.journey.requests
        if one.has_passed and one.answered_at is not None
    )
    ideal_seconds = ideal[-1] + case.answer_seconds - wanted[0]
    seconds = answered[-1] - wanted[0] if answered else 0.0
    waits = [end - start for start, end in zip(wanted, answered, strict=False)]
    worth = worth_of(passed, case)
    counted = 1.0 - len(worth.beyond) / len(passed) if passed else 0.0
    bans = list(bans_within(watched.limiter))
    got = [sender.journey.passed_between(0.0, ideal[-1]) for sender in senders if sender.arrivals]
    return TrunkRun(
        trades=trades,
        checks=len(wanted),
        answered=len(answered),
        requests=len(watched.arrivals),
        refused=len(watched.turned_down),
        beyond=len(worth.beyond),
        seconds=seconds,
        ideal_seconds=ideal_seconds,
        efficiency=min(1.0, ideal_seconds / seconds) * counted * len(answered) / len(wanted)
        if seconds
        else 0.0,
        learned_after=_learned_after(wanted[0], ideal, ideal_seconds, worth, watched),
        fairness=jain(got, [len(sender.arrivals) for sender in senders if sender.arrivals]),
        bans=sum(ban.bans for ban in bans),
        prolongations=sum(ban.prolongations for ban in bans),
        median_wait=median(waits) if waits else 0.0,
        longest_wait=max(waits, default=0.0),
        stops=tuple(_stops(senders, wanted[0])),
        course=_course(case, passed, watched, rates) if rates else (),
    )


def _stops(senders: Sequence[Sender], start: float) -> Iterator[Stop]:
    for sender in senders:
        if sender.stopped_at is not None:
            yield Stop(sender.stopped_at - start, str(sender.controller.knowledge()["refusal"]))


def _learned_after(
    start: float, ideal: Sequence[float], ideal_seconds: float, worth: Worth, watched: Watched
) -> float | None:
    """When the rate was as good as known, counted from the first check wanted at ``start``; None: never."""
    span = min(max(SHORTEST_SPAN, ideal_seconds / 4.0), LONGEST_SPAN)
    learned_at = settled_at(
        worth,
        watched,
        lambda since, until: bisect_left(ideal, until) - bisect_left(ideal, since),
        start,
        max(ideal[-1], start + span),  # later on nothing is wanted, and whoever crawls keeps up with that
        span=span,
        piece=min(span, max(SHORTEST_SPAN, span / 3.0)),
    )
    return None if learned_at is None else learned_at - start


def _course(case: Case, passed: Sequence[float], watched: Watched, rates: Rates) -> tuple[Instant, ...]:
    """Cut the journey into whole seconds, or longer pieces if it was long."""
    step = float(ceil(watched.arrivals[-1] / MOST_INSTANTS)) or 1.0
    edges = [step * number for number in range(int(watched.arrivals[-1] / step) + 2)]
    moments = [at for at, _ in rates]
    return tuple(
        Instant(
            at=start,
            seconds=step,
            passed=(bisect_left(passed, end) - bisect_left(passed, start)) / step,
            refused=watched.turned_down_between(start, end) / step,
            rate=rates[max(0, bisect_left(moments, end) - 1)][1],
            limit=case.ideal_rate(start),
        )
        for start, end in pairwise(edges)
    )

"""What loads show that a limit of a rate, or one of places, could not bring about. Pure.

A limit refuses at a rate R because its window is full, or its bucket empty. From then on it lets pass no
more than R requests a second on average, and twice what a window holds for those that begin and end within;
and a window holds no more than had passed when it refused (windows of up to ten seconds: facts K2, K3, K4,
O2). What is lost on the way only adds to the refusals, so silence counts as one.

A limit of places refuses because they are taken (facts C5, F9, V19), by what passed and is not answered yet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from shiftline.diagnosis.evidence import Mark, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import LIMITER_STATUSES
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.load import TRIPPED
from shiftline.governor.window_fit import WINDOW_LENGTHS

BEYOND = 1.3
"""So many times what a limit would let pass: windows drift, and others' traffic comes and goes."""
LEAST_ALONE = 10
"""So many refusals with none under way: a few may be others' doing, who took the places."""
ALONE_SHARE = 0.5
"""And so much of all that was refused."""
_DURING = "p8.during."
_APART_SECONDS = 2.5
"""A longer pause parts two loads of one name: between them there is a rest."""
_LOST = 4
"""So many without an answer are no chance losses; one that says that it refuses is enough."""

Key = tuple[str, str, str]
"""Source, method and account."""


def faster_passed(trials: Sequence[Trial], exchanges: Sequence[Exchange]) -> Mark | None:
    """A load was refused, and passed far beyond its limit when it was kept up at a higher rate.

    Only loads at a rate: 20 at once may be too many whatever the rate.
    """
    sent = sorted(exchanges, key=lambda one: one.at)
    kept_up = [load for load in _loads(sent) if load[0].probe.startswith(_DURING)]
    for rate, rung in _refused_at_a_rate(trials, sent) if kept_up else ():
        window = _passed_up_to(sent, rung)
        for load in kept_up:
            most = rate * (load[-1].at - load[0].at) + 2.0 * window
            if _key(load[0]) == _key(rung[0]) and sum(map(_passed, load)) > BEYOND * most:
                return _beyond(rung, load)
    return None


def refused_alone(exchanges: Sequence[Exchange]) -> Mark | None:
    """Most of what was refused in loads came when nothing that had passed was without its answer.

    Of answers alone: what got none may be lost on the way, or hold a place for ever. And of each source for
    itself: where others pass meanwhile, places that are for all are not taken.
    """
    sent = sorted(exchanges, key=lambda one: one.at)
    refused = [one for one in sent if _is_of_a_load(one.probe) and one.status in LIMITER_STATUSES]
    alone: list[Exchange] = []
    for source in dict.fromkeys(one.source for one in refused):
        passed = [one for one in sent if one.source == source and _passed(one)]
        begins = [one.at for one in passed]
        ends = [float("-inf"), *accumulate(map(_answered_at, passed), max)]
        alone += [
            one
            for one in refused
            if one.source == source and ends[bisect_left(begins, _answered_at(one))] < one.at
        ]
    if len(alone) < max(LEAST_ALONE, ALONE_SHARE * len(refused)):
        return None
    text = f"{len(alone):,} of {len(refused):,}"
    places = (*alone[0].places[:1], *alone[-1].places[:1])
    return Mark(kind="traffic.refused-alone", count=len(alone), text=text, places=places)


def _beyond(rung: Sequence[Exchange], load: Sequence[Exchange]) -> Mark:
    passed, seconds = sum(map(_passed, load)), load[-1].at - load[0].at
    name = PROGRAMME[rung[0].probe].name
    text = f"{name} met a refusal, and of {len(load):,} in {seconds:.0f} s {passed:,} passed"
    lacking = [one for one in rung if not _passed(one)]
    places = (*lacking[0].places[:1], *load[0].places[:1], *load[-1].places[:1])
    return Mark(kind="traffic.faster-passed", text=text, places=places)


def _loads(sent: Sequence[Exchange]) -> Iterator[list[Exchange]]:
    """What left for one load at one time, of one source, method and account; logins of a load apart."""
    parts: dict[tuple[str, Key], list[Exchange]] = {}
    for one in sent:
        if _is_of_a_load(one.probe):
            parts.setdefault((one.probe, _key(one)), []).append(one)
    for part in parts.values():
        cuts = [number for number, (a, b) in enumerate(pairwise(part), 1) if b.at - a.at > _APART_SECONDS]
        for begin, end in pairwise([0, *cuts, len(part)]):
            yield part[begin:end]


def _refused_at_a_rate(
    trials: Sequence[Trial], sent: Sequence[Exchange]
) -> Iterator[tuple[float, list[Exchange]]]:
    """Requests a second, and the load; what was taken back as lost, or was not refused, is none."""
    refused = {trial.experiment for trial in trials if trial.outcome in TRIPPED}
    for load in _loads(sent):
        name = load[0].probe
        plan = PROGRAMME[name].plan
        if plan is not None and plan.at_once == 1 and name in refused and _is_refused(load):
            yield plan.rate, load


def _is_of_a_load(name: str) -> bool:
    """Or of what was asked beside it, which has its name."""
    known = PROGRAMME.get(name)
    return known is not None and (known.plan is not None or name.startswith(_DURING))


def _passed_up_to(sent: Sequence[Exchange], rung: Sequence[Exchange]) -> int:
    """What may have filled the window that refused: all that passed, by whatever method, in its time."""
    begin, end = rung[0].at - max(WINDOW_LENGTHS), rung[-1].at
    return sum(begin <= one.at <= end and _passed(one) for one in sent)


def _answered_at(one: Exchange) -> float:
    return one.at + (one.answered_after or 0.0)


def _is_refused(load: Sequence[Exchange]) -> bool:
    said = any(one.status in LIMITER_STATUSES for one in load)
    return said or sum(one.status is None for one in load) >= _LOST


def _passed(one: Exchange) -> bool:
    return one.status is not None and one.status not in LIMITER_STATUSES


def _key(one: Exchange) -> Key:
    return one.source, one.method, "" if one.carried is None else one.carried.username

"""What the loads of an examination tell of a limit, as marks of the catalogue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import takewhile

from shiftline.diagnosis.evidence import MOST_PLACES, Mark, Trial
from shiftline.diagnosis.exchange import Exchange, Place
from shiftline.diagnosis.fillings import fillings
from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.outcome import LIMITER_STATUSES, Outcome
from shiftline.diagnosis.possible_limits import PossibleLimits, possible_limits
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.load import TRIPPED

_LOADS = ("p8.", "p9.")
_PAUSE = "p8.pause"
_RUNGS = (Load.BRISK, Load.RAISED, Load.STORM, Load.CONCURRENT, Load.CROWD)
_RUNG_NAMES = frozenset(name for name, one in PROGRAMME.items() if one.plan is not None)
_SAID = TRIPPED - {Outcome.SILENCE}
_BESIDE = "p8.during."
_UNIT_SECONDS = 2.0
"""In which pike counts, and refuses from one to three times its limit on (facts K1)."""
_MINUTE = 60.0
_REST_SECONDS = 2.5
"""A longer pause parts two loads."""
_LATE = 1.1
"""Timers come late by less."""
_LOST_SHARE = 0.05
_LEAST_HELD_SECONDS = 0.25
"""A bucket that is emptied sooner would refuse any two packets that the road brings together."""


def limits_noticed(trials: Sequence[Trial], exchanges: Sequence[Exchange]) -> tuple[Mark, ...]:
    """The limit that all loads so far leave possible, or that their order leaves none: never both."""
    outside = outside_limits(trials, exchanges)
    found = limit_mark(exchanges) if outside is None else outside
    return () if found is None else (found,)


def limit_mark(exchanges: Sequence[Exchange]) -> Mark | None:
    """What all loads so far leave possible of a limit; None if nothing was refused, or explains it.

    Where it is still there after the pause, or as long as a load goes on, only what set it off is known: that
    is a ban, a long window, or a limit that counts what it refuses.
    """
    loads = [one for one in exchanges if one.probe.startswith(_LOADS)]
    refused = _refused(loads)
    of_loads = [one for one in refused if one.probe in _RUNG_NAMES]
    if not of_loads:
        return None
    last = of_loads[-1]  # whom else it refused meanwhile had asked little
    known = {id(one) for one in refused}
    after = [one.status for one in loads if one.probe.startswith(_PAUSE)]
    if LIMITER_STATUSES & {*after} or None in after or _never_passes_again(loads, known):
        figures = _set_off(exchanges, known, last.source)
    else:
        longest = max((one.answered_after or 0.0 for one in loads), default=0.0)
        readings = [_answers(one, known, longest) for one in _readings(exchanges, known, last)]
        figures = (fillings(*readings) or possible_limits(*readings)).figures
    return Mark(kind="load.limit", figures=figures) if figures else None


def _refused(loads: Sequence[Exchange]) -> list[Exchange]:
    """What a limit refused; none if nobody knows what it made of much that was not answered.

    Where refusals are said, silence is the road's, or ours.
    """
    told = [one for one in loads if one.status in LIMITER_STATUSES]
    silent = [one for one in loads if one.status is None]
    if not told:
        return silent
    return told if len(silent) <= _LOST_SHARE * len(loads) else []


def _never_passes_again(loads: Sequence[Exchange], refused: Container[int]) -> bool:
    """Whether a load that was kept up was refused to its end, for longer than pike's unit.

    Then a window may be longer, or what is refused is counted as well (K2): no rate is known that passes.
    """
    alike: dict[tuple[str, str, bool], list[Exchange]] = {}
    for one in loads:
        if one.probe.startswith(_BESIDE):
            alike.setdefault((one.source, one.method, bool(one.user)), []).append(one)
    for beside in alike.values():
        fates = LoadAnswers([LoadAnswer(one.at, one.at, passed=id(one) not in refused) for one in beside])
        for load in fates.episodes(_REST_SECONDS):
            row = list(takewhile(lambda one: not one.passed, reversed(load.seen)))
            is_filled = 0 < len(row) < len(load.seen)
            if is_filled and row[0].sent_at - row[-1].sent_at > _LATE * _UNIT_SECONDS:
                return True
    return False


def _set_off(seen: Sequence[Exchange], refused: Container[int], source: str) -> dict[str, float]:
    """How many had passed when loads were first refused: within pike's unit, and within a minute (V19)."""
    loads = [one for one in seen if one.probe in _RUNG_NAMES and id(one) in refused]
    passed = [one.at for one in seen if one.source == source and id(one) not in refused]
    first: dict[str, float] = {}
    for one in loads:
        first[one.probe] = min(one.at, first.get(one.probe, one.at))

    def within(seconds: float) -> list[float]:
        return [float(sum(at - seconds <= one < at for one in passed)) for at in first.values()]

    return {
        "set_off_lowest": min(within(_UNIT_SECONDS)),
        "set_off_highest": max(within(_UNIT_SECONDS)),
        "set_off_seconds": _UNIT_SECONDS,
        "set_off_in_minute": min(within(_MINUTE)),
    }


def _readings(
    exchanges: Sequence[Exchange], refused: Container[int], last: Exchange
) -> Iterator[list[Exchange]]:
    """What a limit may have counted of all that was asked; ``last`` is one that it refused.

    Many a PBX answers OPTIONS to itself ahead of any limit (K19). One that counts a method, or an account,
    does not see the rest.
    """
    seen = [
        one
        for one in exchanges
        if id(one) in refused or (one.source == last.source and one.status is not None)
    ]
    behind = [one for one in seen if one.user or one.method != "OPTIONS"]
    of_method = [one for one in seen if one.method == last.method]
    alike = [one for one in of_method if bool(one.user) == bool(last.user)]
    yield from (behind, seen, of_method, alike)
    of_load = Counter(_user(one) for one in alike if one.probe == last.probe)
    account = max(of_load, key=of_load.__getitem__)
    yield [one for one in alike if _user(one) == account]


def outside_limits(trials: Sequence[Trial], exchanges: Sequence[Exchange]) -> Mark | None:
    """Loads were refused in an order that no window explains, nor a bucket that holds some requests.

    Without what was asked beside a load, and of answers alone: what got none may be lost on the way.
    """
    refused = [trial for trial in trials if trial.probe.load in _RUNGS and trial.outcome in _SAID]
    answered = [one for one in exchanges if one.probe in _RUNG_NAMES and one.status is not None]
    unpassed = {id(one) for one in answered if one.status in LIMITER_STATUSES}
    for method in dict.fromkeys(trial.probe.method for trial in refused):
        of_method = [one for one in answered if one.method == method.partition("-")[0]]
        found = possible_limits(*(_answers(seen, unpassed, 0.0) for seen in (answered, of_method)))
        if not _is_usual(found):
            return Mark(
                kind="traffic.outside-limits",
                text=method,
                places=_places(one for one in of_method if id(one) in unpassed),
            )
    return None


def _is_usual(found: PossibleLimits) -> bool:
    """Whether a limit as they are in use explains it: a bucket holds what flows in within a while."""
    bucket = found.buckets
    return bool(found.windows) or (
        bucket is not None and bucket.highest_burst >= _LEAST_HELD_SECONDS * bucket.lowest_rate
    )


def _answers(exchanges: Iterable[Exchange], refused: Container[int], longest: float) -> LoadAnswers:
    return LoadAnswers(
        [
            LoadAnswer(
                one.at,
                one.at + (longest if one.answered_after is None else one.answered_after),
                passed=id(one) not in refused,
            )
            for one in exchanges
        ]
    )


def _user(one: Exchange) -> str:
    return "" if one.carried is None else one.carried.username


def _places(exchanges: Iterable[Exchange]) -> tuple[Place, ...]:
    return tuple(place for one in exchanges for place in one.places[:1])[:MOST_PLACES]

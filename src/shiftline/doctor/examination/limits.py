"""What the loads of an examination tell of a limit, as marks of the catalogue. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

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
_RUNGS = (Load.BRISK, Load.RAISED, Load.STORM, Load.CONCURRENT)
_RUNG_NAMES = frozenset(name for name, one in PROGRAMME.items() if one.plan is not None)
_SAID = TRIPPED - {Outcome.SILENCE}
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

    Nor where it is still there after the pause: a ban, or a window that is longer than those looked for.
    """
    loads = [one for one in exchanges if one.probe.startswith(_LOADS)]
    refused = [one for one in loads if one.status is None or one.status in LIMITER_STATUSES]
    of_loads = [one for one in refused if one.probe in _RUNG_NAMES]
    if not of_loads or any(one.probe.startswith(_PAUSE) for one in refused):
        return None
    told = [one for one in refused if one.status is not None]
    if told:
        # Then silence is the road's, or ours: nobody knows what the limit made of what was not answered.
        if len(refused) - len(told) > _LOST_SHARE * len(loads):
            return None
        refused = told
        of_loads = [one for one in told if one.probe in _RUNG_NAMES] or of_loads
    last = of_loads[-1]  # whom else it refused meanwhile had asked little
    longest = max((one.answered_after or 0.0 for one in loads), default=0.0)
    known = {id(one) for one in refused}
    readings = [_answers(one, known, longest) for one in _readings(exchanges, known, last)]
    figures = (fillings(*readings) or possible_limits(*readings)).figures
    return Mark(kind="load.limit", figures=figures) if figures else None


def _readings(
    exchanges: Sequence[Exchange], refused: Container[int], last: Exchange
) -> Iterator[list[Exchange]]:
    """What a limit may have counted of all that was asked, the most first; ``last`` is one that it refused.

    One that counts a method, or an account, does not see the rest; and many a PBX answers OPTIONS to itself
    ahead of any limit (K19).
    """
    seen = [
        one
        for one in exchanges
        if id(one) in refused or (one.source == last.source and one.status is not None)
    ]
    of_method = [one for one in seen if one.method == last.method]
    alike = [one for one in of_method if bool(one.user) == bool(last.user)]
    yield from (seen, of_method, alike)
    yield [one for one in alike if _user(one) == _user(last)]


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

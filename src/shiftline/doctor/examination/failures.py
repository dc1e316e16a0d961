"""Whether what fails fails by chance: at rest as often as in loads.

Rules of this file: 500, 502 and 504 are failures (RFC 3261 section 21.5). A limiter may say them as well, for
its status is a setting (facts K4), and so may a PBX that cannot keep up. The share tells: a limit and an
overload refuse more the faster they are asked, and what fails by chance fails as often at rest. Nothing is
by chance that a limit explains, nor what one question always gets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import comb

from shiftline.diagnosis.by_turns import (
    BARE,
    FAILING,
    FAILING_BY_TURNS,
    FAILING_IN_LOADS,
    TOLD_APART,
    are_by_turns,
)
from shiftline.diagnosis.evidence import MOST_PLACES, Mark, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.at_rest import TOO_MANY
from shiftline.doctor.examination.own_pace import OwnPace
from shiftline.doctor.examination.turns import ENOUGH_ALIKE, question_of

_LEAST_AT_REST = 2
"""One may be that question's own answer."""
_CHANCE = 0.01
"""How seldom chance brings so many of the failures into the loads for it to be no longer believed."""
_AT_REST = (Load.SINGLE, Load.AFTER_PAUSE)


def failures_mark(exchanges: Sequence[Exchange]) -> Mark | None:
    """Equal questions of loads failed by turns, and single ones as often, in the same words.

    Where too few single ones were asked to say so, one that nobody minds is asked again.
    """
    answered = sorted((one for one in exchanges if one.status is not None), key=lambda one: one.at)
    word = _word(answered)
    if word is None:
        return None
    at_rest = _without_constant([one for one in answered if _load_of(one) in _AT_REST], word)
    loaded = [one for one in answered if _load_of(one) not in (*_AT_REST, None)]
    failed = [one for one in (*at_rest, *loaded) if _told(one) == word]
    failed_at_rest = sum(_told(one) == word for one in at_rest)
    if not are_by_turns(_lines(loaded, word)):
        return None
    if _so_many_loaded(len(failed) - failed_at_rest, len(failed), len(loaded), len(at_rest)) < _CHANCE:
        return None
    if _may_be_a_limit(answered, word):
        return None
    places = tuple(place for one in failed for place in one.places[:1])[:MOST_PLACES]
    every = len(at_rest) + len(loaded)
    text = f"{failed_at_rest} of {len(at_rest)} at rest and {len(failed)} of all {every}"
    if failed_at_rest >= _LEAST_AT_REST:
        return Mark(kind=FAILING_BY_TURNS, count=len(failed), text=text, places=places)
    if sum(one.probe == BARE for one in at_rest) <= ENOUGH_ALIKE:
        return Mark(kind=TOLD_APART, count=len(failed), text=BARE, places=places)
    return Mark(kind=FAILING_IN_LOADS, count=len(failed), text=text, places=places)


def as_failures(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """The same, where a limiter's word that is a failure's status is a failure."""
    return tuple(
        replace(one, outcome=Outcome.SERVER_ERROR, heard="")
        if one.outcome is Outcome.LIMITED and one.heard.startswith(_FAILING)
        else one
        for one in trials
    )


_FAILING = tuple(map(str, sorted(FAILING)))


def _word(answered: Sequence[Exchange]) -> tuple[int | None, str] | None:
    """In which words most failed."""
    told = Counter(_told(one) for one in answered if one.status in FAILING)
    return max(told, key=told.__getitem__, default=None)


def _told(one: Exchange) -> tuple[int | None, str]:
    return one.status, one.reason


def _load_of(one: Exchange) -> Load | None:
    known = PROGRAMME.get(one.probe)
    return None if known is None else known.probe.load


def _without_constant(at_rest: Sequence[Exchange], word: tuple[int | None, str]) -> list[Exchange]:
    """Without questions that were asked again and always failed: that is their answer."""
    lines: defaultdict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    for one in at_rest:
        lines[(*question_of(one), one.carried is None)].append(one)
    kept = [line for line in lines.values() if len(line) == 1 or {_told(one) for one in line} != {word}]
    return [one for line in kept for one in line]


def _lines(loaded: Sequence[Exchange], word: tuple[int | None, str]) -> list[list[bool]]:
    """Their fates, of each load apart, logins apart."""
    lines: defaultdict[tuple[object, ...], list[bool]] = defaultdict(list)
    for one in loaded:
        lines[one.probe, one.method, one.carried is None].append(_told(one) == word)
    return list(lines.values())


def _so_many_loaded(failed_loaded: int, failed: int, loaded: int, at_rest: int) -> float:
    """The chance that so many of the failures, or more, fall into the loads (Fisher's exact test)."""
    ways = (
        comb(loaded, count) * comb(at_rest, failed - count)
        for count in range(failed_loaded, min(failed, loaded) + 1)
    )
    return sum(ways) / comb(loaded + at_rest, failed)


def _may_be_a_limit(answered: Sequence[Exchange], word: tuple[int | None, str]) -> bool:
    """Whether one explains the order, to the last answer."""
    pace = OwnPace()
    pace.look([replace(one, status=TOO_MANY) if _told(one) == word else one for one in answered])
    return pace.may_be_a_limit

"""What our own questions may have used up: a limit of a few in ten seconds refuses single questions as well.

Such a refusal is none at rest, and says nothing against a limit: 6 in 10 s are full after six questions, one
a second. Whether that may be is told by all answers together: one limit has to explain each passage and each
refusal. Only what was answered is looked at. Times are seconds of the driver's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from shiftline.diagnosis.begun_windows import may_begin_with_requests
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.outcome import LIMITER_STATUSES, Outcome
from shiftline.diagnosis.possible_limits import possible_limits
from shiftline.diagnosis.probe import Credentials, Load, Source
from shiftline.governor.window_fit import WINDOW_LENGTHS

_LEAST_USED = 2
"""A limit of fewer requests in a window lets nobody log in."""
_SAID = frozenset(
    {
        Outcome.FORBIDDEN,
        Outcome.FORBIDDEN_AFTER_CHALLENGE,
        Outcome.FORBIDDEN_RETRY_AFTER,
        Outcome.UNAVAILABLE,
        Outcome.UNAVAILABLE_RETRY_AFTER,
        Outcome.LIMITED,
    }
)
"""What the statuses are called that count as a limit's here: a 480 about an absent user is his answer."""
_LEAST_ROWS = 2
"""Rows of refusals, passages between them: one fits a window that ends behind it, whatever the cause."""


class OwnPace:
    """Looks whether one limit explains all answers so far."""

    def __init__(self) -> None:
        self.may_be_a_limit = True
        """Once it does not, no more answers change that."""
        self._is_often = False
        self._elsewhere: tuple[Load, ...] = ()
        """Under which loads the second source may have been refused for what it used up itself."""

    def look(self, exchanges: Sequence[Exchange]) -> None:
        """Take in all that was asked, whenever something was refused."""
        if not self.may_be_a_limit:
            return
        answered = sorted((one for one in exchanges if one.status is not None), key=lambda one: one.at)
        refused = [one for one in answered if _is_refused(one)]
        if refused:
            self.may_be_a_limit = _is_explained(answered, refused)
            self._is_often = _rows(answered) >= _LEAST_ROWS
            self._elsewhere = _own_counts(answered, refused)

    def as_asked(self, trials: Iterable[Trial]) -> tuple[Trial, ...]:
        """The same, where single questions that such a limit refused were not asked at rest."""
        if not (self.may_be_a_limit and self._is_often):
            return tuple(trials)
        told = [one for one in trials if not self._may_be_its_own(one)]
        return tuple(
            _paced(one) if one.probe.load is Load.SINGLE and one.outcome in _SAID else one for one in told
        )

    def _may_be_its_own(self, one: Trial) -> bool:
        """What such a question was refused for is unknown: it tells nothing of what the limit counts."""
        return one.probe.source is Source.OTHER and one.outcome in _SAID and one.probe.load in self._elsewhere

    def is_after_a_rest(self, began: float, exchanges: Sequence[Exchange]) -> bool:
        """Whether what was first asked at ``began`` met a limit at rest, if there is one."""
        longest = max(WINDOW_LENGTHS)
        return not self.may_be_a_limit or not any(began - longest <= one.at < began for one in exchanges)


def _paced(one: Trial) -> Trial:
    """A login is two requests, and the limit counts both: where it refused the first, nothing carried one."""
    cut_short = not one.carried and one.probe.credentials is not Credentials.NONE
    credentials = Credentials.UNASKED if cut_short else one.probe.credentials
    return replace(one, probe=replace(one.probe, load=Load.PACED, credentials=credentials))


def _is_explained(answered: Sequence[Exchange], refused: Sequence[Exchange]) -> bool:
    """By a limit of each source that was refused, of those methods, or of all together."""
    methods = {one.method for one in refused}
    of_methods = [one for one in answered if one.method in methods]
    return _fits_each_source(answered, refused) or _fits(of_methods) or _fits(answered)


def _own_counts(answered: Sequence[Exchange], refused: Sequence[Exchange]) -> tuple[Load, ...]:
    """If each source may have a limit of its own. A load from the first tells of one of all, if that fits."""
    elsewhere = [one for one in refused if one.source != answered[0].source]
    if not all(_may_have_used_it_up(one, answered) for one in elsewhere):
        return ()
    methods = {one.method for one in elsewhere}
    like = [one for one in answered if one.source == answered[0].source and one.method in methods]
    if _rows(like) < _LEAST_ROWS:
        return ()  # our own address did not meet one with those
    if not all(map(_fits_exactly, _by_source(answered, refused))):
        return ()
    return (Load.SINGLE,) if _fits(answered) else (Load.SINGLE, Load.DURING)


def _may_have_used_it_up(refused: Exchange, answered: Sequence[Exchange]) -> bool:
    """Whether its source had enough before: what its first login got, it got for another reason."""
    since = refused.at - max(WINDOW_LENGTHS)
    before = [one for one in answered if one.source == refused.source and since <= one.at < refused.at]
    return sum(not _is_refused(one) for one in before) >= _LEAST_USED


def _fits_each_source(answered: Sequence[Exchange], refused: Sequence[Exchange]) -> bool:
    return all(map(_fits, _by_source(answered, refused)))


def _by_source(answered: Sequence[Exchange], refused: Sequence[Exchange]) -> list[list[Exchange]]:
    """What was asked from each source that was refused."""
    sources = dict.fromkeys(one.source for one in refused)
    return [[one for one in answered if one.source == source] for source in sources]


def _fits(counted: Sequence[Exchange]) -> bool:
    return _fits_exactly(counted) or may_begin_with_requests(_answers(counted))


def _fits_exactly(counted: Sequence[Exchange]) -> bool:
    """To the last answer: a limit of a few that may miscount one explains anything.

    So does, with few answers, one that lets all pass until its timer comes: no evidence is dropped for that.
    """
    return bool(possible_limits(_answers(counted), is_strict=True))


def _answers(exchanges: Iterable[Exchange]) -> LoadAnswers:
    return LoadAnswers(
        [
            LoadAnswer(one.at, one.at + (one.answered_after or 0.0), passed=not _is_refused(one))
            for one in exchanges
        ]
    )


def _rows(answered: Sequence[Exchange]) -> int:
    fates = [False, *map(_is_refused, answered)]
    return sum(not before and after for before, after in pairwise(fates))


def _is_refused(one: Exchange) -> bool:
    return one.status in LIMITER_STATUSES

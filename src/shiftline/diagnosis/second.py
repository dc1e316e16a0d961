"""A second fault may hide behind the first: what a question would tell of one that nothing has met."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from shiftline.diagnosis.belief import UNKNOWN, Belief
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.hypotheses import HEALTHY, candidates, meeting
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Path, Probe, Shape, Source

HIDDEN = 0.06
"""That there is one, before anything was asked about it: what the search for it is worth."""
_HIDDEN_BY_A_LOGIN = 0.4
"""The same for a limit, where our login is refused: the traffic that would meet it does not come about."""
REFUSED_LOGINS = (Outcome.CHALLENGE_AGAIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)
SURE = 0.9
LOADS = (Load.BRISK, Load.RAISED, Load.STORM, Load.CONCURRENT, Load.CROWD)
_CHECKS = (Method.REGISTER, Method.REGISTER_CONTACT, Method.OPTIONS)
_LADDER = (Load.BRISK, Load.RAISED, Load.STORM)


class SecondFault:
    """What is still possible beside the leading explanation, if that is a single fault."""

    def __init__(self, belief: Belief) -> None:
        self.spares_loads = _spares_loads(belief)
        """Whether a fault is found that single questions show, and a limit behind it would show by itself
        once that is mended."""
        self.shortens_loads = not self.spares_loads and _hides_limits(belief)
        """Whether a load only looks for what may hide behind a refused login: a short one has to do."""
        every = candidates()
        leading = belief.details[0] if belief.details else None
        is_single = leading is not None and len(leading.numbers) == 1
        self._leading = leading.numbers[0] if leading is not None and is_single else -1
        if self._leading < 0 or every[self._leading].cause == HEALTHY:
            self._hidden: dict[int, float] = {}
            return
        passed = [trial.as_sent for trial in belief.evidence.trials if trial.outcome not in REFUSALS]
        self._hidden = {number: every[number].prior_here for number in _possible(every[self._leading].home)}
        for probe in dict.fromkeys(passed):
            reaches = meeting(probe).reach
            for number in self._hidden:
                self._hidden[number] *= 1.0 - reaches[number]

    def bits(self, probe: Probe) -> float:
        """Information that the probe is expected to bring of a second fault."""
        if not self._hidden or probe.load in (Load.CONCURRENT, Load.CROWD):
            return 0.0  # so many at once cost more than they are likely to tell
        reaches = meeting(probe).reach
        met = sum(share * reaches[number] for number, share in self._hidden.items())
        prior = _HIDDEN_BY_A_LOGIN if probe.load in _LADDER else HIDDEN
        chance = prior * met * (1.0 - reaches[self._leading])
        if chance <= 0.0:
            return 0.0
        return -chance * math.log2(chance) - (1.0 - chance) * math.log2(1.0 - chance)


def _spares_loads(belief: Belief) -> bool:
    trials = belief.evidence.trials
    refused = [trial.probe for trial in trials if _is_check(trial.probe) and trial.outcome in REFUSALS]
    if not any(_is_found(belief, probe) for probe in dict.fromkeys(refused)):
        return False  # the trunk works as far as was seen, so a limit is met, and is what hurts
    if _is_load_refused(trials):
        return False
    return not _hides_limits(belief) or _is_named(belief)


def _hides_limits(belief: Belief) -> bool:
    """Whether a limit could be met by others only: our login is refused, and somebody else's is not."""
    trials = belief.evidence.trials
    return logins_are_refused(trials) and _another_account_passes(trials) and not _is_load_refused(trials)


def _is_load_refused(trials: Iterable[Trial]) -> bool:
    return any(trial.probe.load in LOADS and trial.outcome in REFUSALS for trial in trials)


def _is_named(belief: Belief) -> bool:
    """Whether one cause is sure by single questions: the PBX itself has said what the trouble is."""
    leading = belief.leading
    return len(leading.causes) == 1 and leading.causes[0] != UNKNOWN and leading.probability >= SURE


def _is_found(belief: Belief, refused: Probe) -> bool:
    """Whether all that is likely refuses this check at rest, so that none of it is a limit.

    Which of them it is need not be known: causes that nobody can tell apart share what is likely.
    """
    reaches = meeting(refused).reach
    by_it = sum(one.weight for one in belief.details if any(reaches[number] >= 0.5 for number in one.numbers))
    return by_it >= SURE * sum(one.weight for one in belief.details)


def _another_account_passes(trials: Iterable[Trial]) -> bool:
    """Whether the trunk works for somebody: only then is there traffic of ours that a limit could meet."""
    return any(
        trial.probe.account is Account.OTHER
        and trial.probe.credentials is Credentials.FRESH
        and trial.outcome not in REFUSALS
        for trial in trials
    )


def logins_are_refused(trials: Iterable[Trial]) -> bool:
    """Whether our login is refused, however it was made: no check ever passes, and no limit is ever met."""
    logins = [trial.outcome for trial in trials if _is_login(trial.probe)]
    return bool(logins) and all(outcome in REFUSED_LOGINS for outcome in logins)


def _is_check(probe: Probe) -> bool:
    """Whether it is what a trunk sends all day: REGISTER or OPTIONS in the usual manner, about users too."""
    return (
        probe.method in _CHECKS
        and probe.shape is Shape.USUAL
        and probe.aim in (Aim.SERVER, Aim.PRESENT, Aim.ABSENT)
        and probe.source is Source.OWN
        and probe.path is Path.USUAL
        and probe.account in (Account.OWN, Account.NOBODY)
        and probe.credentials in (Credentials.NONE, Credentials.FRESH)
    )


def _is_login(probe: Probe) -> bool:
    return probe.account is Account.OWN and probe.credentials is Credentials.FRESH


@lru_cache(maxsize=64)
def _possible(home: int) -> tuple[int, ...]:
    every = candidates()
    return tuple(number for number, one in enumerate(every) if one.home == home and one.signature is not None)

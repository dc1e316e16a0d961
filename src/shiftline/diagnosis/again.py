"""One odd answer that divides what is believed is asked for once more before anybody is accused of it."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.by_turns import BARE, TOLD_APART
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.experiment import Done, Experiment, Permission, Risk
from shiftline.diagnosis.hypotheses import expected
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Load, Method
from shiftline.diagnosis.programme import programme_of

_ODD, _USUAL = 0.05, 0.5
"""How likely an answer is at most to a candidate that it surprises, and at least to one that it does not."""
_BY_CHANCE = (Outcome.FORBIDDEN, Outcome.UNAVAILABLE)
"""What one server of several may answer, though no other cause would."""
_LEAST_SHARE = 0.03
"""Of what is believed, on either side."""
_PASSED = (Outcome.OK, Outcome.CHALLENGE)
MOST_EQUAL = 15
"""One of five refuses thrice in so many questions, and what was asked before, in nine runs of ten."""
REST_SECONDS, _EACH = 10.5, 3
"""Limiters count in windows of up to ten seconds."""
_DIVIDED = 0.9
"""So much of what is believed has to be on one side or the other."""


def once_more(belief: Belief, permission: Permission, done: Sequence[Done]) -> Experiment | None:
    """The question whose one answer tells a fault from none; None if that is not what is open.

    A lost packet or a moment's trouble does not come twice; a fault does.
    """
    asked = [one.experiment for one in done]
    found: list[tuple[float, Experiment]] = []
    for trial in belief.evidence.trials:
        one = programme_of(permission.means).get(trial.experiment)
        if trial.outcome in _PASSED:
            continue
        if one is None or asked.count(one.id) != 1 or not permission.permits(one):
            continue
        if not (_is_cheap(one) or one.probe.load is Load.DURING):
            continue
        odd, usual = _sides(trial, belief)
        surprises_all = odd >= _DIVIDED and trial.outcome in _BY_CHANCE
        if surprises_all or (min(odd, usual) >= _LEAST_SHARE and odd + usual >= _DIVIDED):
            found.append((min(odd, usual), one))
    return max(found, key=lambda item: (item[0], item[1].id))[1] if found else None


def repeated(name: str, permission: Permission, done: Sequence[Done]) -> Experiment | None:
    """The experiment of that name, to be done a second time; None if it is dear, or has been.

    A load ends with its first refusal, and its canary has said that it is over; beside one, the question is
    asked with its load.
    """
    one = programme_of(permission.means).get(name)
    asked = [past.experiment for past in done].count(name)
    if one is None or asked != 1 or not permission.permits(one):
        return None
    return one if _is_cheap(one) or one.is_load else None


def _is_cheap(one: Experiment) -> bool:
    """A harmless one, or a binding that is removed again: its refusal is no failed login."""
    return (one.risk <= Risk.HARMLESS or one.probe.method is Method.REGISTER_CONTACT) and not one.is_load


def _sides(trial: Trial, belief: Belief) -> tuple[float, float]:
    """How much of what is believed the answer surprises, and how much it does not."""
    odd = usual = 0.0
    for one in belief.details:
        share = expected(one.numbers, trial.as_sent).get(trial.outcome, 0.0)
        odd += one.weight if share < _ODD else 0.0
        usual += one.weight if share > _USUAL else 0.0
    return odd, usual


def equal_again(belief: Belief, permission: Permission, done: Sequence[Done]) -> Experiment | None:
    """A question without a login that had both answers, as often as it takes to tell chance from a spell.

    If what had both can only be asked with one: the bare question, for what refuses whoever comes meets it.
    """
    told = next((mark for mark in belief.evidence.marks if mark.kind == TOLD_APART), None)
    if told is None:
        return None
    asked = [one.experiment for one in done]
    programme = programme_of(permission.means)
    for name in (*told.text.split(", "), BARE):
        one = programme.get(name)
        if one is not None and one.probe.credentials is Credentials.NONE and _is_cheap(one):
            return one if permission.permits(one) and asked.count(name) <= MOST_EQUAL else None
    return None


def after_a_rest(belief: Belief, permission: Permission, done: Sequence[Done]) -> Experiment | None:
    """What our own questions may have used up a limit for, to be asked when no window is full of them.

    Limiters count in windows of up to ten seconds (K2, K3, K4, O2): who is refused after a rest met no limit,
    and nobody else among those did. One such question tells of all.
    """
    paced = {trial.experiment for trial in belief.evidence.trials if trial.probe.load is Load.PACED}
    asked = [one.experiment for one in done]
    if any(asked.count(name) > 1 for name in paced):
        return None
    programme = programme_of(permission.means)
    found = [one for name, one in programme.items() if name in paced and _is_cheap(one)]
    return next((one for one in found if permission.permits(one)), None)


def rest_before_equal(one: Experiment, done: Sequence[Done]) -> float:
    """Seconds of silence before it: each third time so long that no limit is full of our own questions."""
    return REST_SECONDS if [past.experiment for past in done].count(one.id) % _EACH == 0 else 0.0

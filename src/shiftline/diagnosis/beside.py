"""What checks will meet that the verdict alone does not say: which method is refused, and who else.

Rules of this file: only what was seen of our own questions, one at a time, from the usual source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Source

METHOD = "policy.method"
_FORBIDDEN = (Outcome.FORBIDDEN, Outcome.FORBIDDEN_AFTER_CHALLENGE, Outcome.FORBIDDEN_RETRY_AFTER)
_REFUSES_METHOD = (*_FORBIDDEN, Outcome.NO_METHOD)
_CHECKED_BY = {Method.OPTIONS: "--method options", Method.REGISTER: "--method registration"}
"""Methods that a check may ask by, and how it is told to."""
_ABSENT = (
    "About the absent control it says 403, as it says to who may not ask at all: checks of agents who are"
    " absent cannot be told from refusals of the trunk."
)


def beside(trials: Iterable[Trial], causes: Iterable[str]) -> tuple[str, ...]:
    """Sentences that stand beside a verdict that names ``causes``."""
    own = [one for one in trials if _is_ours(one)]
    told = [_of_methods(own)] if METHOD in causes else []
    told += [_ABSENT] if _forbids_the_absent(own) else []
    return tuple(filter(None, told))


def passed_about_present(trials: Iterable[Trial]) -> Trial | None:
    """An OPTIONS about the present control that was answered as a check wants it, with our login."""
    return next(
        (
            one
            for one in trials
            if _is_ours(one)
            and (one.probe.method, one.probe.aim, one.outcome) == (Method.OPTIONS, Aim.PRESENT, Outcome.OK)
            and one.probe.credentials is Credentials.FRESH
        ),
        None,
    )


def _is_ours(one: Trial) -> bool:
    probe = one.probe
    return (probe.source, probe.account) == (Source.OWN, Account.OWN) and probe.load in (
        Load.SINGLE,
        Load.PACED,
    )


def _of_methods(own: Sequence[Trial]) -> str:
    """Which of those that a check may ask by is refused, and which passed."""
    passed = {one.probe.method for one in own if one.outcome is Outcome.OK}
    refused = {one.probe.method for one in own if one.outcome in _REFUSES_METHOD} - passed
    not_taken = [method for method in (*_CHECKED_BY, Method.SUBSCRIBE) if method in refused]
    if not not_taken:
        return ""
    told = f"It is {' and '.join(not_taken)} that it does not take"
    instead = [method for method in _CHECKED_BY if method in passed]
    if not instead:
        return f"{told}."
    ways = " or ".join(f"`{_CHECKED_BY[method]}`" for method in instead)
    return f"{told}; {' and '.join(instead)} passed: check with {ways}."


def _forbids_the_absent(own: Sequence[Trial]) -> bool:
    about = [one for one in own if one.probe.method is Method.OPTIONS]
    # What our own pace may have used up a limit for is the limit's answer.
    absent = {
        one.outcome for one in about if one.probe.aim is Aim.ABSENT and one.probe.load is not Load.PACED
    }
    present = {one.outcome for one in about if one.probe.aim is Aim.PRESENT}
    return bool(absent & set(_FORBIDDEN)) and bool(present) and not present & REFUSALS

"""Whether the hour in which schedules are published has to do with the trouble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.finding import Finding, SuspectVerdict, Suspicion
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.passive.hours import TOLD_AT
from shiftline.diagnosis.suspects import PUBLISH_WINDOW

_CAUSES = ("throttle.source", "schedule.time-of-day")
_LIMITS = ("throttle.", "ban.", "capacity.overload")
_OF_THE_HOUR = ("throttle.", "capacity.", "schedule.", "credentials.rotated")
"""What comes and goes with the load or with the hour; a ban that never ends does not."""
LONG_SECONDS = 6 * 3600.0
"""A record of this length has hours to compare: a window of an hour or two, and others."""
_LEAST_REQUESTS = 100
_CLEARED = 0.1


def judge_publish_window(beliefs: Sequence[Belief], findings: Sequence[Finding]) -> Suspicion:
    """What is said of the window."""
    verdict, sentence = _judged(beliefs, findings)
    return Suspicion(suspect=PUBLISH_WINDOW, causes=_CAUSES, verdict=verdict, sentence=sentence)


def _judged(beliefs: Sequence[Belief], findings: Sequence[Finding]) -> tuple[SuspectVerdict, str]:
    marks = [
        mark
        for belief in beliefs
        for mark in belief.evidence.marks
        if mark.kind in ("traffic.publish-window", "traffic.burst")
    ]
    declared = [mark for mark in marks if mark.kind == "traffic.publish-window"]
    is_limited = any(finding.cause.startswith(_LIMITS) for finding in findings)
    if marks and is_limited:
        return _of_burst((declared or marks)[0], is_declared=bool(declared))
    if any(_keeps_to_an_hour(finding) for finding in findings):
        return (
            SuspectVerdict.IT_IS,
            "The trouble keeps to that hour whatever the load: look for what else runs then.",
        )
    subject = max((belief.evidence.subject for belief in beliefs), key=lambda one: one.requests)
    if not subject.requests:
        told = "".join(f" {one}" for one in _told_at(beliefs))
        return (
            SuspectVerdict.CANNOT_TELL,
            "It cannot be told without a record of that hour; capture one and run `shiftline doctor read`."
            + told,
        )
    if is_limited:
        why = "the trouble follows the rate, but this record shows no burst of that hour"
        return SuspectVerdict.CANNOT_TELL, f"It cannot be told from this: {why}."
    is_long = subject.seconds >= LONG_SECONDS and subject.requests >= _LEAST_REQUESTS
    if not is_long or _share(beliefs) >= _CLEARED:
        many = "" if subject.requests == 1 else "s"
        seen = f"{subject.requests:,} request{many} in {_span(subject.seconds)}"
        todo = "record a quiet hour and one in which schedules are published"
        return SuspectVerdict.CANNOT_TELL, f"It cannot be told from {seen}; {todo}."
    if all(finding.cause == HEALTHY for finding in findings):
        return (
            SuspectVerdict.IT_IS_NOT,
            f"It is not, because nothing was refused in {_span(subject.seconds)}.",
        )
    return SuspectVerdict.IT_IS_NOT, "It is not, because the trouble does not follow the rate or the hour."


def _keeps_to_an_hour(finding: Finding) -> bool:
    """Whether two hours were compared: a moment, or one hour of a record, is every hour's.

    So the record has to be longer than a window.
    """
    is_named = finding.is_decided and finding.cause == "schedule.time-of-day"
    return is_named and finding.subject.requests > 0 and finding.subject.seconds >= LONG_SECONDS


def _told_at(beliefs: Sequence[Belief]) -> Iterator[str]:
    """Where the times of lines lie, if windows were declared."""
    for mark in (one for belief in beliefs for one in belief.evidence.marks if one.kind == TOLD_AT):
        inside = int(mark.figures["inside"])
        if mark.count == 1:
            where = f"{'inside' if inside else 'outside of'} the declared window"
            yield f"The time of the text ({mark.text}) is {where}."
        else:
            lines = f"{mark.count:,} lines with a time ({mark.text})"
            yield f"Of {lines}, {inside:,} are inside the declared window."


def _of_burst(burst: Mark, *, is_declared: bool) -> tuple[SuspectVerdict, str]:
    """A burst is one of the publish only where somebody said when that is."""
    if is_declared:
        occasion = f"the burst came {burst.text}, and the limit did the rest"
        return SuspectVerdict.IT_IS, f"It is the occasion, not the cause: {occasion}."
    if burst.figures.get("windows_declared"):
        why = f"the burst came {burst.text}, outside of the declared window"
        return SuspectVerdict.IT_IS_NOT, f"It is not, because {why}."
    told = f"There was a burst, {burst.text}"
    known = "a record does not say; give the option --window"
    return SuspectVerdict.CANNOT_TELL, f"{told}. Whether schedules were published then {known}."


def _share(beliefs: Sequence[Belief]) -> float:
    """How likely a limit or something of that hour is at work."""
    return max(
        sum(
            one.probability
            for one in belief.explanations
            if any(cause.startswith(_OF_THE_HOUR) for cause in one.causes)
        )
        for belief in beliefs
    )


def _span(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} minutes" if seconds < 7200.0 else f"{seconds / 3600.0:.0f} hours"

"""How what was done is shown: the answer, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Done
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.refusals import own_words
from shiftline.doctor.examination.question import NO_OTHER_DOMAIN

_REFUSED = "403-"
_OPTIONS: Mapping[str, str] = {NO_OTHER_DOMAIN: "--domain NAME"}
"""What to say on the command line for it to be asked."""


def phrases_of(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """By experiment, the reason phrase of its last refusal; of the phrases that every stack has none."""
    return {one.probe: words for one in exchanges if (words := own_words(one))}


def answer_of(done: Done, phrases: Mapping[str, str]) -> str:
    """The answer in one word and the server's own, or why there is none."""
    if done.outcome is None:
        return f"not asked: {why_not_asked(done)}"
    said = done.heard or phrases.get(done.experiment, "")
    if not said:
        return str(done.outcome)
    if done.outcome is Outcome.OK:
        return f'{done.outcome} (an answer on the way said "{said}")'
    if done.heard and done.outcome.startswith(_REFUSED):  # by another code that means the same
        return f"{said}, {done.outcome.removeprefix(_REFUSED).replace('-', ' ')}"
    return f"{done.outcome}: {said}"


def why_not_asked(done: Done) -> str | None:
    """Why it tells nothing, and what would change that; None if it was answered."""
    if done.outcome is not None:
        return None
    option = _OPTIONS.get(done.why_not)
    return f"{done.why_not}; say {option}" if option else done.why_not

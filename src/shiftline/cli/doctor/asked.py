"""How what was done is shown: the answer, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.diagnosis.experiment import Done
from shiftline.doctor.examination.question import NO_OTHER_DOMAIN

_OPTIONS: Mapping[str, str] = {NO_OTHER_DOMAIN: "--domain NAME"}
"""What to say on the command line for it to be asked."""


def answer_of(done: Done) -> str:
    """The answer in one word, or why there is none."""
    if done.outcome is None:
        return f"not asked: {why_not_asked(done)}"
    return f"{done.outcome}: {done.heard}" if done.heard else str(done.outcome)


def why_not_asked(done: Done) -> str | None:
    """Why it tells nothing, and what would change that; None if it was answered."""
    if done.outcome is not None:
        return None
    option = _OPTIONS.get(done.why_not)
    return f"{done.why_not}; say {option}" if option else done.why_not

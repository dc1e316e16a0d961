"""How what was done is shown: the answer, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from shiftline.diagnosis.exchange import Exchange, Place
from shiftline.diagnosis.experiment import Done
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.refusals import own_words
from shiftline.doctor.examination.question import NO_OTHER_DOMAIN
from shiftline.doctor.report.material import Asked

_REFUSED = "403-"
_OPTIONS: Mapping[str, str] = {NO_OTHER_DOMAIN: "--domain NAME"}
"""What to say on the command line for it to be asked."""


def phrases_of(exchanges: Iterable[Exchange]) -> dict[Place, str]:
    """By request, the reason phrase of its refusal; of the phrases that every stack has none."""
    return {place: words for one in exchanges if (words := own_words(one)) for place in one.places}


def phrase_of(done: Done, phrases: Mapping[Place, str]) -> str:
    """That of its own last refusal: the same question may be asked again, and be answered otherwise."""
    return next((phrases[place] for place in reversed(done.places) if place in phrases), "")


def rows_of(every: Iterable[Done], phrases: Mapping[Place, str]) -> Iterator[Asked]:
    """What was asked, in its order; the same with the same answer, several times in a row, once."""
    for (experiment, answer), alike in groupby(
        every, lambda one: (one.experiment, answer_of(one, phrases))
    ):  # fmt: skip
        together = list(alike)
        often = f" ({len(together)} times)" if len(together) > 1 else ""
        yield Asked(
            question=f"{PROGRAMME[experiment].title}{often}",
            risk=PROGRAMME[experiment].risk.word,
            answer=answer,
            requests=sum(one.requests for one in together),
            places=together[0].places[:2],
        )


def answer_of(done: Done, phrases: Mapping[Place, str]) -> str:
    """The answer in one word and the server's own, or why there is none."""
    if done.outcome is None:
        return f"not asked: {why_not_asked(done)}"
    said = done.heard or phrase_of(done, phrases)
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

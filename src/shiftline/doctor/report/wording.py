"""The report's sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup, escape

from shiftline.diagnosis.belief import UNKNOWN
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.finding import Diagnosis, Finding, Statement, SuspectVerdict
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.wording import LIMITS, limit_in_words

SUSPECT_WORDS = {
    SuspectVerdict.IT_IS: "it is",
    SuspectVerdict.IT_IS_NOT: "it is not",
    SuspectVerdict.CANNOT_TELL: "cannot be told",
}
_MANY = 8
_CODE = re.compile(r"`([^`]+)`")


def sureness(confidence: float) -> str:
    """A probability, never rounded to certainty."""
    return f"{min(confidence, 0.99):.0%}" if confidence < 0.995 else "more than 99%"


def headline(diagnosis: Diagnosis) -> str:
    """Whom it names, and how sure that is; of several, that it is one of them."""
    sure = sureness(diagnosis.confidence)
    main = diagnosis.findings[0]
    several = 1 + len(main.indistinguishable_from)
    if diagnosis.cause is not None and (several == 1 or diagnosis.cause == HEALTHY):
        return f"{diagnosis.cause}, {sure} sure"
    if diagnosis.cause is not None:
        return f"probably {diagnosis.cause} ({sure}), or one of {several - 1} that look like it"
    if several > 1:
        return f"undecided: one of {several} causes ({sure})"
    if main.cause == UNKNOWN:
        return f"none of the known causes ({sure})"
    return f"undecided: perhaps {main.cause} ({sure})"


def verdict(diagnosis: Diagnosis) -> str:
    """The verdict in one sentence; its confidence stands beside it."""
    main = diagnosis.findings[0]
    if diagnosis.cause == HEALTHY:
        if diagnosis.unasked:
            asked_with = "; ".join(str(one) for one in diagnosis.unasked)
            return f"Nothing is wrong as far as was asked. This run could not ask about: {asked_with}."
        return "Nothing is wrong with this trunk as far as can be seen."
    if diagnosis.cause is None:
        return undecided(main)
    if main.indistinguishable_from:
        return likeliest(main)
    sentence = meaning(diagnosis.cause)
    limit = limit_in_words(main.figures) if main.cause.startswith(LIMITS) else ""
    return f"{sentence.removesuffix('.')}: {limit}." if limit else sentence


def likeliest(finding: Finding) -> str:
    """What is the likeliest, and what looks like it."""
    others = [one for one in finding.indistinguishable_from if one != UNKNOWN]
    more = f" and {_others(len(others) - _MANY)}" if len(others) > _MANY else ""
    told = f"Likeliest: {meaning(finding.cause)}"
    return f"{told} It cannot be told here from {', '.join(others[:_MANY])}{more}." if others else told


def undecided(finding: Finding) -> str:
    """Between whom it lies."""
    names = [one for one in (finding.cause, *finding.indistinguishable_from) if one != UNKNOWN]
    if not names:
        return "It is none of the causes that the doctor knows."
    if len(names) == 1:
        return f"It may be {names[0]}, and that is not certain."
    more = f" and {_others(len(names) - _MANY)}" if len(names) > _MANY else ""
    shown = names[:_MANY]
    if more:
        return f"Undecided between {', '.join(shown)}{more}."
    return f"Undecided between {', '.join(shown[:-1])} and {shown[-1]}."


def meaning(cause: str) -> str:
    """One sentence of the catalogue."""
    entry = CATALOGUE.get(cause)
    return "It is none of the causes that the doctor knows." if entry is None else entry.meaning


def strength(statement: Statement) -> str:
    """How much a piece of evidence weighs, in a word (ratio of likelihoods 3, 20)."""
    size = abs(statement.weight)
    return "strong" if size >= 3.0 else "clear" if size >= 1.1 else "slight"


def moment(seconds: float | None, zone: tzinfo) -> str:
    """A time in its zone; empty for one that no calendar has."""
    if seconds is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # a capture may claim any time
        return ""


def places_in_words(places: Sequence[Place]) -> str:
    """Places, each file named once: "trunk.pcap #12, #14"."""
    numbers: dict[str, list[str]] = {}
    for place in places:
        numbers.setdefault(place.file, []).append(f"#{place.number}")
    return "; ".join(f"{file} {', '.join(told)}" for file, told in numbers.items())


def with_code(text: str) -> Markup:
    """Text for a page, with what stands between backquotes as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def count(number: int) -> str:
    """With thousands set off."""
    return f"{number:,}"


def _others(number: int) -> str:
    return "another" if number == 1 else f"{number} others"

"""The report's sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup, escape

from shiftline.diagnosis.belief import UNKNOWN
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.finding import Basis, Diagnosis, Finding, Statement, SuspectVerdict
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.losses import losses_in_short, losses_in_words
from shiftline.diagnosis.wording import LIMITS, limit_in_short

SUSPECT_WORDS = {
    SuspectVerdict.IT_IS: "it is",
    SuspectVerdict.IT_IS_NOT: "it is not",
    SuspectVerdict.CANNOT_TELL: "cannot be told",
}
_MANY = 8
_FEW = 7
_LIKELY = 0.7
"""Below this nothing is called healthy without a word about it."""
_UNTOLD = {
    Basis.NOTHING: "No question was answered. Nothing can be told from that: run it again.",
    Basis.HEARSAY: "It cannot be told from this. These lines tell at most that something was refused: not "
    "which request it was nor what passed beside it, and so not why. A capture or the PBX's log of that "
    "time tells more, or the trunk itself, if it is asked: `shiftline doctor run`.",
}
_OVERLOAD = "capacity.overload"
_WHO_LOSES = (
    "Either the way to the PBX loses packets, or the PBX cannot keep up: captures of both ends tell which."
)
_BY_SOURCE = frozenset({"throttle.source", "throttle.shared"})
_ONE_SOURCE = (
    "Whether each address is counted apart was not asked: that takes a second source "
    "(`--source IP --source IP2`)."
)
_ONE_SOURCE_RECORDED = (
    "Whether each address is counted apart this record does not show: record the burst with what another "
    "address asks meanwhile."
)
_PASSWORD = "credentials.wrong-password"  # noqa: S105 - a cause
_CODE = re.compile(r"`([^`]+)`")


def sureness(confidence: float) -> str:
    """A probability, never rounded to certainty."""
    return f"{min(confidence, 0.99):.0%}" if confidence < 0.995 else "more than 99%"


def headline(diagnosis: Diagnosis) -> str:
    """Whom it names, and how sure that is; of several, that it is one of them."""
    sure = sureness(diagnosis.confidence)
    main = diagnosis.findings[0]
    several = 1 + len(main.indistinguishable_from)
    if main.cause == _OVERLOAD and (lost := losses_in_short(main.figures)):
        return f"{lost}: a way that loses packets, or {_OVERLOAD} ({sure})"
    if diagnosis.shows_no_fault:
        # Undecided, the number is that of health and of all that was not looked at.
        return _health_in_short(diagnosis) + (f", {sure} sure" if diagnosis.cause else "")
    if diagnosis.basis in _UNTOLD:
        return "undecided"
    if diagnosis.cause is not None and several == 1:
        return f"{diagnosis.cause}, {sure} sure"
    if diagnosis.cause is not None:
        others = "another that looks" if several == 2 else f"one of {several - 1} that look"
        return f"probably {diagnosis.cause} ({sure}), or {others} like it"
    if several > 1:
        return f"undecided: one of {several} causes ({sure})"
    if main.cause == UNKNOWN:
        return f"none of the known causes ({sure})"
    return f"undecided: perhaps {main.cause} ({sure})"


def _health_in_short(diagnosis: Diagnosis) -> str:
    if lost := losses_in_short(diagnosis.findings[0].figures):
        return f"{lost}: a way that loses packets, or a PBX that cannot keep up; no other fault seen"
    if _is_unloaded(diagnosis):
        return f"no fault at single questions, {_not_looked_at(diagnosis)} not looked at"
    return HEALTHY if diagnosis.cause and diagnosis.confidence >= _LIKELY else "no fault seen"


def title(diagnosis: Diagnosis) -> str:
    """The verdict as short as a heading; `verdict` has the rest."""
    if diagnosis.shows_no_fault:
        return _health(diagnosis)
    if diagnosis.basis in _UNTOLD:
        told = _UNTOLD[diagnosis.basis]
        return told[: told.index(".") + 1]
    main = diagnosis.findings[0]
    names = _known(main)
    if diagnosis.cause is None and len(names) > 2:
        return f"Undecided between {len(names)} causes."
    return f"Likeliest: {meaning(main.cause)}" if _is_likeliest(diagnosis) else _verdict(diagnosis)


def verdict(diagnosis: Diagnosis) -> str:
    """The verdict in a sentence or two, and what checks will meet; its confidence stands beside it."""
    return " ".join((_verdict(diagnosis), *diagnosis.beside))


def _verdict(diagnosis: Diagnosis) -> str:
    main = diagnosis.findings[0]
    if diagnosis.shows_no_fault:
        return f"{_health(diagnosis)}{_not_asked_about(diagnosis)}"
    if main.cause == _OVERLOAD and (lost := losses_in_words(main.figures)):
        return f"{lost[0].upper()}{lost[1:]}. {_WHO_LOSES}"
    if diagnosis.basis in _UNTOLD:
        return _UNTOLD[diagnosis.basis]
    if diagnosis.cause is None:
        return undecided(main)
    if _is_likeliest(diagnosis):
        return likeliest(main, is_recorded=diagnosis.basis is Basis.RECORD)
    sentence = meaning(diagnosis.cause)
    limit = limit_in_short(main.figures) if main.cause.startswith(LIMITS) else ""
    return f"{sentence.removesuffix('.')}: {limit}." if limit else sentence


def _is_likeliest(diagnosis: Diagnosis) -> bool:
    return diagnosis.cause is not None and bool(diagnosis.findings[0].indistinguishable_from)


def _health(diagnosis: Diagnosis) -> str:
    """What was looked at and found well; a limit does not show at single questions."""
    if lost := losses_in_words(diagnosis.findings[0].figures):
        return f"{lost[0].upper()}{lost[1:]}. {_WHO_LOSES} No other fault was seen."
    if _is_unloaded(diagnosis):
        return f"No fault at single questions; {_not_looked_at(diagnosis)} were not looked at."
    if diagnosis.cause is None or diagnosis.confidence < _LIKELY:
        return "No fault was seen, and that is too little to be sure that nothing is wrong."
    if diagnosis.unasked:
        return "Nothing is wrong as far as was asked."
    return "Nothing is wrong with this trunk as far as can be seen."


def _not_looked_at(diagnosis: Diagnosis) -> str:
    """What single questions leave out, in a word; without a login that is more than limits."""
    hidden = {cause for one in diagnosis.unasked for cause in one.causes}
    return "credentials and limits" if _PASSWORD in hidden else "limits"


def _not_asked_about(diagnosis: Diagnosis) -> str:
    told = []
    for one in diagnosis.unasked:
        more = f" and {_others(len(one.causes) - _FEW)}" if len(one.causes) > _FEW else ""
        told.append(f"{', '.join(one.causes[:_FEW])}{more} ({' '.join(one.options)})")
    load = (
        " Limits show under a load alone (`--allow may-trip`, in a quiet hour)."
        if _is_unloaded(diagnosis)
        else ""
    )
    return load + (f" Not asked about: {'; '.join(told)}." if told else "")


def _is_unloaded(diagnosis: Diagnosis) -> bool:
    return diagnosis.basis is Basis.QUESTIONS


def likeliest(finding: Finding, *, is_recorded: bool = False) -> str:
    """What is the likeliest, and what looks like it."""
    others = [one for one in finding.indistinguishable_from if one != UNKNOWN]
    more = f" and {_others(len(others) - _MANY)}" if len(others) > _MANY else ""
    told = f"Likeliest: {meaning(finding.cause)}"
    if others:
        told += f" It cannot be told here from {', '.join(others[:_MANY])}{more}."
    if {finding.cause, *others} >= _BY_SOURCE:
        told += f" {_ONE_SOURCE_RECORDED if is_recorded else _ONE_SOURCE}"
    return told


def undecided(finding: Finding) -> str:
    """Between whom it lies."""
    names = _known(finding)
    if not names:
        return "It is none of the causes that the doctor knows."
    if len(names) == 1:
        return f"It may be {names[0]}, and that is not certain."
    more = f" and {_others(len(names) - _MANY)}" if len(names) > _MANY else ""
    shown = names[:_MANY]
    if more:
        return f"Undecided between {', '.join(shown)}{more}."
    return f"Undecided between {', '.join(shown[:-1])} and {shown[-1]}."


def names_in_words(finding: Finding) -> str:
    """Whom a finding names, as many as can be read."""
    others = finding.indistinguishable_from
    if finding.cause == HEALTHY:
        count = len(others)
        thing = "what could not be asked about" + (f" ({count} causes)" if count > 1 else "")
        return f"{HEALTHY}, or {thing}" if others else HEALTHY
    names = _known(finding)
    if not names:
        return "none of the known causes"
    if len(names) > _MANY:
        return f"{', '.join(names[:_MANY])} or {_others(len(names) - _MANY)}"
    return " or ".join(names)


def _known(finding: Finding) -> list[str]:
    return [one for one in (finding.cause, *finding.indistinguishable_from) if one != UNKNOWN]


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

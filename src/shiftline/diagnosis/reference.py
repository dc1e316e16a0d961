"""The catalogue as a document: docs/reference/causes.md is what this writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.catalogue.cause import Cause, Signature
from shiftline.diagnosis.classes import class_of
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.wording import OUTCOME_WORDS

FAMILY_NAMES = {
    Family.CHAN_SIP: "Asterisk chan_sip",
    Family.PJSIP: "Asterisk PJSIP",
    Family.FREESWITCH: "FreeSWITCH",
    Family.KAMAILIO: "Kamailio",
    Family.OPENSIPS: "OpenSIPS",
    Family.SBC: "border controller or carrier",
    Family.OTHER: "another PBX",
}
_OPENING = """\
# Causes

What the doctor can find, as its catalogue has it. `shiftline doctor explain CAUSE` shows one of them in a
terminal. The ids are stable: causes are added, never renamed. How they are weighed is told in
[the diagnosis](../explanation/diagnosis.md).

This page is written by `scripts/causes` from the catalogue; a test fails when it is out of date.

*Shows* has one row for each way in which a cause is known to show: where, how, and how well that is known.
The weaker its ground (measured, source code, RFC, vendor's document, thread with a trace, recalled from the
field), the less a row weighs. *Not told apart* are causes that all experiments of the doctor see alike on
that PBX, so that only a log or the operator can tell.
"""


def causes_document() -> str:
    """The whole page, in Markdown."""
    groups: dict[str, list[Cause]] = {}
    for cause in CATALOGUE.values():
        groups.setdefault(cause.id.partition(".")[0], []).append(cause)
    lines = [_OPENING, "| cause | meaning |", "|---|---|"]
    lines += [
        f"| [`{cause.id}`](#{anchor(cause.id)}) | {cause.meaning} |"
        for causes in groups.values()
        for cause in causes
    ]
    lines.append("")
    for causes in groups.values():
        for cause in causes:
            lines += _section(cause)
    return "\n".join(lines).rstrip() + "\n"


def cause_as_json(cause: Cause) -> dict[str, Any]:
    """One cause for machines; the keys are a contract, see docs/reference/json.md."""
    return {
        "id": cause.id,
        "meaning": cause.meaning,
        "seen": cause.seen,
        "tells": cause.tells,
        "refuted_by": cause.refuted_by,
        "remedy": list(cause.remedy.steps),
        "remedy_by_family": {str(family): list(steps) for family, steps in cause.remedy.by_family.items()},
        "indistinguishable_from": {
            str(family): list(others) for family, others in indistinguishable(cause).items()
        },
        "sources": list(cause.sources),
        "link": f"docs/reference/causes.md#{anchor(cause.id)}",
    }


def anchor(identity: str) -> str:
    """The anchor of a cause on the page, as GitHub makes it of its heading."""
    return identity.replace(".", "")


def indistinguishable(cause: Cause) -> dict[Family, tuple[str, ...]]:
    """For each family, what no experiment tells from it; families without such are left out."""
    found = {}
    for family in Family:
        others = class_of(cause.id, family) - {cause.id}
        if others:
            found[family] = tuple(sorted(others))
    return found


def _section(cause: Cause) -> Iterator[str]:
    yield f"## `{cause.id}`"
    yield ""
    yield cause.meaning
    yield ""
    yield f"- **Users see:** {cause.seen}"
    yield f"- **It is told by:** {cause.tells}"
    yield f"- **It is refuted by:** {cause.refuted_by}"
    alike = indistinguishable(cause)
    if alike:
        yield f"- **Not told apart:** {_alike_words(alike)}"
    yield f"- **Sources:** {'; '.join(cause.sources)}"
    yield ""
    yield "What to do:"
    yield ""
    yield from (f"{number}. {step}" for number, step in enumerate(cause.remedy.steps, 1))
    for family, steps in cause.remedy.by_family.items():
        yield f"- On {FAMILY_NAMES[family]}: {' '.join(steps)}"
    yield ""
    yield from _shows(cause)


def _alike_words(alike: dict[Family, tuple[str, ...]]) -> str:
    by_others: dict[tuple[str, ...], list[Family]] = {}
    for family, others in alike.items():
        by_others.setdefault(others, []).append(family)
    parts = []
    for others, families in by_others.items():
        where = "" if len(families) == len(Family) else f" on {_names(frozenset(families))}"
        parts.append(", ".join(f"`{other}`" for other in others) + where)
    return "; ".join(parts)


def _shows(cause: Cause) -> Iterator[str]:
    if not cause.signatures:
        yield "No question to a PBX shows it: logs and habits of the traffic speak for it."
        yield ""
        return
    yield "| row | on | shows | ground | source |"
    yield "|---|---|---|---|---|"
    for signature in cause.signatures:
        cells = (
            f"{signature.id}",
            _names(signature.families),
            _answers(signature),
            signature.grounds,
            signature.source,
        )
        yield f"| {' | '.join(str(cell) for cell in cells)} |"
    yield ""


def _answers(signature: Signature) -> str:
    usual = sorted(signature.answers.items(), key=lambda item: -item[1])
    words = "; ".join(OUTCOME_WORDS[outcome] for outcome, part in usual if part >= 0.1)
    if words and signature.over_other is not None:
        words = f"{words}; over the other transport {OUTCOME_WORDS[signature.over_other]}"
    return f"{signature.words} It is {words}." if words else signature.words


def _names(families: frozenset[Family]) -> str:
    if families == frozenset(Family):
        return "any PBX"
    return ", ".join(FAMILY_NAMES[family] for family in Family if family in families)

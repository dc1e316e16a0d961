"""Findings in a terminal, whether they were read or asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from textwrap import wrap

from rich.console import Console
from rich.markup import escape

from shiftline.cli.doctor.command import typed
from shiftline.diagnosis.finding import Basis, Diagnosis, Statement, SuspectVerdict
from shiftline.diagnosis.refusals import Refusal
from shiftline.diagnosis.wording import limit_in_short, limit_in_words
from shiftline.doctor.report.wording import (
    headline,
    names_in_words,
    places_in_words,
    sureness,
    title,
    verdict,
)

_VERDICTS = {SuspectVerdict.IT_IS: "+", SuspectVerdict.IT_IS_NOT: "-", SuspectVerdict.CANNOT_TELL: "?"}
_MOST_STATEMENTS = 6
_MOST_PLACES = 4
_MOST_REFUSALS = 5
FINE, FAULT, UNSEEN = 0, 1, 3
"""Exit codes: nothing is wrong; a fault, or nothing decided; no fault, but limits were not looked at."""


def _told(statement: Statement) -> str:
    """Its sentence, with the first few places where it can be looked up."""
    if not statement.places:
        return statement.sentence
    shown = places_in_words(statement.places[:_MOST_PLACES])
    return f"{statement.sentence} ({shown}{', …' if len(statement.places) > _MOST_PLACES else ''})"


def print_hanging(sign: str, text: str, console: Console) -> None:
    """A sentence whose further lines stand under its first word; in a file it stays one line."""
    lines = [sign + text]
    if console.is_terminal:
        lines = wrap(
            text,
            max(40, console.width),
            initial_indent=sign,
            subsequent_indent=" " * len(sign),
            break_long_words=False,
            break_on_hyphens=False,
        )
    for line in lines:
        console.print(escape(line), soft_wrap=True)


def exit_code(diagnosis: Diagnosis, *, is_over: bool = True) -> int:
    """What a monitor is told. ``is_over``: nothing was left to ask."""
    if not diagnosis.shows_no_fault or not is_over:
        return FAULT
    return FINE if diagnosis.is_clean else UNSEEN


def print_verdict(diagnosis: Diagnosis, refusals: Sequence[Refusal], console: Console) -> None:
    """The verdict in a sentence or two, then in whose words requests were refused."""
    told = verdict(diagnosis)
    if diagnosis.basis is Basis.QUESTIONS and diagnosis.shows_no_fault:
        told = told.removeprefix(title(diagnosis)).strip()  # the headline says so already
    print_hanging("", f"{headline(diagnosis)}. {told}", console)
    if refusals:
        console.print("Refused in these words:")
    for one in refusals[:_MOST_REFUSALS]:
        print_hanging("  ", str(one), console)
    if len(refusals) > _MOST_REFUSALS:
        console.print(f"  and {len(refusals) - _MOST_REFUSALS} more in the JSON", style="dim")


def addressed(diagnosis: Diagnosis, arguments: str) -> Diagnosis:
    """The same with commands that can be typed: ``arguments`` say whom they are about, and what was given."""
    separation = diagnosis.separation
    if separation is None:
        return diagnosis
    return replace(diagnosis, separation=replace(separation, command=typed(separation.command, arguments)))


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Each finding with its evidence and remedy, the usual suspects, and what would settle what is open.

    What would settle it comes first where nothing is decided.
    """
    if diagnosis.cause is None:
        _print_separation(diagnosis, console)
    console.print()
    for finding in diagnosis.findings:
        is_one_of = not finding.is_decided and finding.indistinguishable_from
        sure = f"{sureness(finding.confidence)}{' that it is one of these' if is_one_of else ''}"
        console.print(f"[bold]{escape(names_in_words(finding))}[/]  {sure}  ({escape(finding.subject.name)})")
        measured = limit_in_words(finding.figures)
        is_in_headline = diagnosis.cause is not None and measured == limit_in_short(finding.figures)
        if measured and not is_in_headline:
            print_hanging("  ", f"Measured: {measured}.", console)
        for statement in finding.statements[:_MOST_STATEMENTS]:
            sign = "+" if statement.speaks_for else "-"
            print_hanging(f"  {sign} ", _told(statement), console)
        for step in finding.remedy:
            print_hanging("  > ", step, console)
    if diagnosis.suspicions:
        console.print("\n[bold]The usual suspects[/]")
    for suspicion in diagnosis.suspicions:
        sign = _VERDICTS[suspicion.verdict]
        print_hanging(f"  {sign} ", f"{suspicion.suspect}: {suspicion.sentence}", console)
    if diagnosis.cause is not None:
        _print_separation(diagnosis, console)


def _print_separation(diagnosis: Diagnosis, console: Console) -> None:
    if diagnosis.separation is not None:
        console.print()
        print_hanging("What would settle it: ", diagnosis.separation.sentence, console)
        console.print(f"  {escape(diagnosis.separation.command)}", soft_wrap=True)

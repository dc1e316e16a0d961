"""Findings in a terminal, whether they were read or asked for."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from shiftline.diagnosis.finding import Diagnosis, Statement, SuspectVerdict
from shiftline.doctor.report.wording import places_in_words

_VERDICTS = {SuspectVerdict.IT_IS: "+", SuspectVerdict.IT_IS_NOT: "-", SuspectVerdict.CANNOT_TELL: "?"}
_MOST_STATEMENTS = 6
_MOST_PLACES = 4


def _told(statement: Statement) -> str:
    """Its sentence, with the first few places where it can be looked up."""
    if not statement.places:
        return statement.sentence
    shown = places_in_words(statement.places[:_MOST_PLACES])
    return f"{statement.sentence} ({shown}{', …' if len(statement.places) > _MOST_PLACES else ''})"


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Each finding with its evidence and remedy, the usual suspects, and what would settle what is open."""
    console.print()
    for finding in diagnosis.findings:
        console.print(
            f"[bold]{escape(finding.names)}[/]  {finding.confidence:.0%}  ({escape(finding.subject.name)})"
        )
        for statement in finding.statements[:_MOST_STATEMENTS]:
            sign = "+" if statement.speaks_for else "-"
            console.print(f"  {sign} {escape(_told(statement))}", soft_wrap=True)
        for step in finding.remedy:
            console.print(f"  > {escape(step)}", soft_wrap=True)
    if diagnosis.suspicions:
        console.print("\n[bold]The usual suspects[/]")
    for suspicion in diagnosis.suspicions:
        sign = _VERDICTS[suspicion.verdict]
        console.print(f"  {sign} {escape(suspicion.suspect)}: {escape(suspicion.sentence)}", soft_wrap=True)
    if diagnosis.separation is not None:
        console.print(f"\n{escape(diagnosis.separation.sentence)}", soft_wrap=True)
        console.print(f"  {escape(diagnosis.separation.command)}", soft_wrap=True)

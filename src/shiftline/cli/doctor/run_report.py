"""What ``shiftline doctor run`` prints and writes: the plan, the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shiftline.cli.doctor.accounts import clock_of
from shiftline.cli.doctor.asked import phrase_of, phrases_of, rows_of, why_not_asked
from shiftline.cli.doctor.findings import addressed, print_diagnosis, print_hanging, print_verdict
from shiftline.cli.doctor.plan import Examined
from shiftline.diagnosis.as_json import as_json as diagnosis_as_json
from shiftline.diagnosis.as_json import refusals_as_json
from shiftline.diagnosis.experiment import Experiment, Means, Permission
from shiftline.diagnosis.loads_passed import loads_passed
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.refusals import Refusal
from shiftline.diagnosis.statistics import statistics_of
from shiftline.doctor.examination import Examination

_WANTED = {
    Means.CREDENTIALS: "--user and --password-env",
    Means.KNOWN_GOOD_ACCOUNT: "--known-good",
    Means.SECOND_SOURCE: "a second --source",
    Means.METADATA: "--header",
    Means.CONTROLS: "--present and --absent",
    Means.SUBSCRIPTIONS: "--subscribes",
    Means.OTHER_CALLER: "--caller",
    Means.OTHER_HOST: "--domain, or a realm that names one",
    Means.OTHER_ADDRESS: "--public-address",
}


def as_json(examined: Examined, examination: Examination, again: datetime | None = None) -> dict[str, Any]:
    """The diagnosis, and beside it what was asked. Keys: docs/reference/json.md.

    ``again``: from when on an account may be asked with that bears no more.
    """
    stop, phrases = examination.stop, phrases_of(examination.exchanges)
    return diagnosis_as_json(addressed(examination.diagnosis(), examined.arguments)) | {
        "refusals": refusals_as_json(_refusals(examination)),
        "target": examined.name,
        "allowed": examination.permission.risk.word,
        "stopped": None
        if stop is None
        else {
            "reason": str(stop.reason),
            "sentence": stop.sentence,
            "again_after": None if again is None else again.isoformat(timespec="seconds"),
        },
        "experiments": [
            {
                "experiment": done.experiment,
                "title": PROGRAMME[done.experiment].title,
                "risk": PROGRAMME[done.experiment].risk.word,
                "outcome": None if done.outcome is None else str(done.outcome),
                "said": phrase_of(done, phrases) or None,
                "not_asked": why_not_asked(done),
                "requests": done.requests,
                "places": [str(place) for place in done.places],
            }
            for done in examination.done
        ],
    }


def print_result(
    examined: Examined, examination: Examination, console: Console, again: datetime | None = None
) -> None:
    """What was asked, what it came to, and what to do."""
    table = Table(title=f"What was asked of {escape(examined.name)}")
    for name in ("question", "answer", "requests"):
        table.add_column(name, justify="right" if name == "requests" else "left")
    for row in rows_of(examination.done, phrases_of(examination.exchanges)):
        table.add_row(row.question, escape(row.answer), str(row.requests))
    console.print(table)
    _print_owner(examined, console)
    diagnosis = addressed(examination.diagnosis(), examined.arguments)
    console.print()
    print_verdict(diagnosis, _refusals(examination), console)
    if examination.stop is None:
        console.print("It was ended before it was over.")
    else:
        wait = f" Ask again from {clock_of(again)} on." if again else ""
        console.print(f"{examination.stop.sentence}{wait}")
    if tried := loads_passed(examination.trials):
        console.print(tried)
    print_diagnosis(diagnosis, console)


def _refusals(examination: Examination) -> Sequence[Refusal]:
    return statistics_of(examination.exchanges, examination.words_at_rest).refusals


def print_plan(examined: Examined, console: Console) -> None:
    """What may be asked, with class and cost; nothing is sent."""
    permission = _permission(examined)
    table = Table(title=f"What may be asked of {escape(examined.name)}: {permission.risk.word} at most")
    for name in ("experiment", "question", "requests"):
        table.add_column(name, justify="right" if name == "requests" else "left")
    not_asked: dict[str, list[str]] = {}
    for risk in sorted({one.risk for one in PROGRAMME.values()}):
        asked = []
        for one in (one for one in PROGRAMME.values() if one.risk is risk):
            if why_not := ", ".join(_why_not(one, permission)):
                not_asked.setdefault(why_not, []).append(one.id)
            else:
                asked.append(one)
        if asked:
            table.add_section()
            table.add_row(f"[bold]{risk.word}[/]", "", "")
        for one in asked:
            table.add_row(one.id, one.title, str(one.cost))
    console.print(table)
    if not_asked:
        console.print("Not asked:")
    for why_not, experiments in not_asked.items():
        print_hanging("  - ", f"{why_not}: {', '.join(experiments)}", console)
    _print_owner(examined, console)
    console.print(
        f"Which of them, and in which order, the answers decide; {examined.plan.budget} requests at most,"
        " one question a second. Credentials that nothing proves are refused twice in 15 minutes at most,"
        " those that have passed before six times more."
        " A load ends with its first refusal. Nothing was sent."
    )
    if name := escape(examined.unconsented):
        console.print(
            f"{name} is a public address: the run itself asks it only if it is yours to ask, and you say so:"
            f" --i-may-load {name}",
            style="yellow",
        )


def _print_owner(examined: Examined, console: Console) -> None:
    if examined.owner:
        console.print(
            f"The worker {escape(examined.owner)} sends over this trunk as well: the doctor's questions come"
            " beside its rate, and loads are left away unless --allow names them.",
            style="yellow",
        )


def _permission(examined: Examined) -> Permission:
    plan = examined.plan
    return Permission(
        risk=plan.permission.risk,
        means=plan.case.means,
        patience_seconds=plan.permission.patience_seconds,
    )


def _why_not(one: Experiment, permission: Permission) -> Iterator[str]:
    if one.risk > permission.risk:
        yield f"wants --allow {one.risk.word}"
    for means in sorted(one.needs - permission.means):
        yield f"wants {_WANTED.get(means, means)}"
    if one.wait_seconds > permission.patience_seconds:
        yield f"wants --patience {one.wait_seconds:.0f}"

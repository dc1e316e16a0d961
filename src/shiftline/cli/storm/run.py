"""Carries a plan of ``shiftline storm`` out: the load, what explains it, and everything that is written."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from shiftline.cli.storm.report import print_conditions, print_knee, print_result, print_verdict
from shiftline.cli.storm.screen import StormScreen
from shiftline.cli.writing import explained, require_apart, require_writable, write_text
from shiftline.clock import clock_from_environment
from shiftline.errors import ConfigurationError
from shiftline.storm.asserts import Condition, Outcome
from shiftline.storm.examine import Examination, Examiner, spare_sources
from shiftline.storm.exporter import StormCollector, served
from shiftline.storm.figures import examination_figures
from shiftline.storm.interruption import Interruption, told_by_signals
from shiftline.storm.knee_run import (
    Ask,
    Knee,
    Rest,
    find_knee,
    first_rate,
    highest_rate,
    reason_not_to_search,
)
from shiftline.storm.manners import require_manners
from shiftline.storm.plan import Plan
from shiftline.storm.processors import TargetProcessors
from shiftline.storm.report import Page, render_report
from shiftline.storm.run import run
from shiftline.storm.sample import Result, Sample
from shiftline.storm.seconds_csv import seconds_csv

STANDARD_OUTPUT = Path("-")
_ROOM_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a run beside the load itself."""

    verdict: bool = True
    find_knee: bool = False
    may_load: str = ""
    conditions: tuple[Condition, ...] = ()
    metrics_port: int | None = None
    json_file: Path | None = None
    csv_file: Path | None = None
    report_file: Path | None = None
    users_file: Path | None = None
    """Is read."""

    def require_writable(self) -> None:
        """Raise ConfigurationError for a file that cannot be written, before anything is sent."""
        for path in (None if self.is_for_machines else self.json_file, self.csv_file, self.report_file):
            if path is not None:
                require_writable(path)
                _require_room(path)
        read = () if self.users_file is None else (self.users_file,)
        require_apart(self.json_file, self.csv_file, self.report_file, read=read)

    @property
    def is_for_machines(self) -> bool:
        """Whether standard output belongs to JSON."""
        return self.json_file == STANDARD_OUTPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Everything that a run brought."""

    plan: Plan
    examination: Examination
    knee: Knee | None
    outcomes: tuple[Outcome, ...]

    @property
    def exit_code(self) -> int:
        """0 if the figures are valid and what was asserted holds; without that, if every flow succeeded."""
        result = self.examination.result
        holds = [outcome.holds for outcome in self.outcomes] or [result.ok == result.flows]
        return 0 if result.valid and all(holds) else 1


def carry_out(plan: Plan, wanted: Wanted) -> int:
    """Run, explain, write; the exit code."""
    require_manners(plan, wanted.may_load)
    with ExitStack() as stack:
        interruption = stack.enter_context(told_by_signals())
        done = _load(plan, wanted, interruption)
        _write(done, wanted)
        return done.exit_code


def _load(plan: Plan, wanted: Wanted, interruption: Interruption) -> Done:
    with ExitStack() as stack:
        screen = stack.enter_context(StormScreen(Console(stderr=True, highlight=False)))
        collector = StormCollector()
        if wanted.metrics_port is not None:
            stack.enter_context(served(collector, wanted.metrics_port))

        def see(sample: Sample) -> None:
            screen.show(sample)
            collector.add(sample)

        def ask(asked: Plan, purpose: str) -> Result:
            interruption.require_none()
            screen.begin(purpose)
            return run(asked, see, may_load=wanted.may_load, interruption=interruption)

        examiner = Examiner(plan, ask, interruption.rest, spares=spare_sources(plan))
        if wanted.verdict:
            examination = examiner.examine(TargetProcessors(plan.target).since)
        else:
            examination = examiner.load_only()
        knee = _search(plan, examination, ask, interruption.rest) if wanted.find_knee else None
    outcomes = tuple(condition.check(examination.result) for condition in wanted.conditions)
    return Done(plan=plan, examination=examination, knee=knee, outcomes=outcomes)


def _search(plan: Plan, examination: Examination, ask: Ask, rest: Rest) -> Knee:
    if why := reason_not_to_search(examination):
        return Knee(rate=None, steps=(), ended=why)
    start, highest = first_rate(examination), highest_rate(plan)
    return find_knee(plan, ask, rest, start=start, highest=highest, tries=examination.tries)


def _write(done: Done, wanted: Wanted) -> None:
    figures = examination_figures(done.examination, done.plan)
    figures["search"] = None if done.knee is None else done.knee.as_json()
    figures["asserts"] = [
        {"condition": outcome.condition.text, "seen": outcome.seen, "holds": outcome.holds}
        for outcome in done.outcomes
    ]
    figures["command"] = _command()
    text = json.dumps(figures, indent=2) + "\n"
    if wanted.is_for_machines:
        typer.echo(text, nl=False)
    else:  # before the files: what can be told is told, whatever becomes of them
        _print(done, Console(highlight=False))
    failures: list[ConfigurationError] = []
    for path, content in (
        (wanted.json_file, text),
        (wanted.csv_file, seconds_csv(done.examination.result.samples)),
        (wanted.report_file, _report(done) if wanted.report_file else ""),
    ):
        if path is not None and path != STANDARD_OUTPUT:
            try:
                write_text(path, content)
            except ConfigurationError as error:  # the others are written all the same
                failures.append(error)
    if failures:
        raise ConfigurationError(
            " ".join(failure.message for failure in failures), remedy="Give another file next time."
        )


def _require_room(path: Path) -> None:
    """Raise ConfigurationError where the file system is full; a long run's figures take some megabytes."""
    with explained(path, "Give another file."):
        room = os.statvfs(path.parent)
    if room.f_bavail * room.f_frsize < _ROOM_BYTES:
        raise ConfigurationError(
            f"{path} cannot be written: its file system is full.", remedy="Make room, or give another file."
        )


def _report(done: Done) -> str:
    now = clock_from_environment()()
    return render_report(
        Page(
            examination=done.examination,
            plan=done.plan,
            command=_command(),
            title=f"{done.plan.target}, {now:%Y-%m-%d %H:%M} UTC",
            conditions=done.outcomes,
            knee=done.knee,
        )
    )


def _print(done: Done, console: Console) -> None:
    print_result(done.examination.result, done.plan, console)
    print_conditions(done.outcomes, console)
    if done.knee is not None:
        print_knee(done.knee, console)
    if done.examination.verdict is not None:
        print_verdict(done.examination.verdict, console)


def _command() -> str:
    """What was typed; it has no secret, since passwords come from the environment or a file."""
    return shlex.join(["shiftline", *sys.argv[1:]])

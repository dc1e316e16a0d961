"""Carries a plan of ``shiftline storm`` out: the load, what explains it, and everything that is written."""

from __future__ import annotations

import json
import shlex
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from shiftline.cli.storm_report import print_conditions, print_knee, print_result, print_verdict
from shiftline.cli.storm_screen import StormScreen
from shiftline.cli.writing import require_writable, write_text
from shiftline.clock import clock_from_environment
from shiftline.storm.asserts import Condition, Outcome
from shiftline.storm.examine import Examination, Examiner, spare_sources
from shiftline.storm.exporter import StormCollector, served
from shiftline.storm.figures import examination_figures
from shiftline.storm.knee_run import Ask, Knee, find_knee, first_rate, highest_rate, reason_not_to_search
from shiftline.storm.plan import Plan
from shiftline.storm.processors import TargetProcessors
from shiftline.storm.report import Page, render_report
from shiftline.storm.run import run
from shiftline.storm.sample import Result, Sample
from shiftline.storm.seconds_csv import seconds_csv

STANDARD_OUTPUT = Path("-")


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

    def require_writable(self) -> None:
        """Raise ConfigurationError for a file that cannot be written, before anything is sent."""
        for path in (self.json_file, self.csv_file, self.report_file):
            if path is not None and path != STANDARD_OUTPUT:
                require_writable(path)

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
    with ExitStack() as stack:
        screen = stack.enter_context(StormScreen(Console(stderr=True, highlight=False)))
        collector = StormCollector()
        if wanted.metrics_port is not None:
            stack.enter_context(served(collector, wanted.metrics_port))

        def see(sample: Sample) -> None:
            screen.show(sample)
            collector.add(sample)

        def ask(asked: Plan, purpose: str) -> Result:
            screen.begin(purpose)
            return run(asked, see, may_load=wanted.may_load)

        examiner = Examiner(plan, ask, time.sleep, spares=spare_sources(plan))
        if wanted.verdict:
            examination = examiner.examine(TargetProcessors(plan.target).since)
        else:
            examination = examiner.load_only()
        knee = _search(plan, examination, ask) if wanted.find_knee else None
    outcomes = tuple(condition.check(examination.result) for condition in wanted.conditions)
    done = Done(plan=plan, examination=examination, knee=knee, outcomes=outcomes)
    _write(done, wanted)
    return done.exit_code


def _search(plan: Plan, examination: Examination, ask: Ask) -> Knee:
    if why := reason_not_to_search(examination):
        return Knee(rate=None, steps=(), ended=why)
    start, highest = first_rate(examination), highest_rate(plan)
    return find_knee(plan, ask, time.sleep, start=start, highest=highest, tries=examination.tries)


def _write(done: Done, wanted: Wanted) -> None:
    figures = examination_figures(done.examination, done.plan)
    figures["search"] = None if done.knee is None else done.knee.as_json()
    figures["asserts"] = [
        {"condition": outcome.condition.text, "seen": outcome.seen, "holds": outcome.holds}
        for outcome in done.outcomes
    ]
    figures["command"] = _command()
    if wanted.csv_file is not None:
        write_text(wanted.csv_file, seconds_csv(done.examination.result.samples))
    if wanted.report_file is not None:
        write_text(wanted.report_file, _report(done))
    if wanted.json_file is not None:
        text = json.dumps(figures, indent=2) + "\n"
        if wanted.is_for_machines:
            typer.echo(text, nl=False)
        else:
            write_text(wanted.json_file, text)
    if not wanted.is_for_machines:
        _print(done, Console(highlight=False))


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

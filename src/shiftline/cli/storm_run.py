"""Carries a plan of ``shiftline storm`` out: the load, what explains it, and everything that is written."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from shiftline.cli.storm_report import print_result, print_verdict
from shiftline.cli.writing import require_writable, write_text
from shiftline.storm.examine import Examination, Examiner, spare_sources
from shiftline.storm.figures import examination_figures
from shiftline.storm.plan import Plan
from shiftline.storm.processors import TargetProcessors
from shiftline.storm.run import run
from shiftline.storm.sample import Result

STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a run beside the load itself."""

    verdict: bool = True
    may_load: str = ""
    json_file: Path | None = None

    def require_writable(self) -> None:
        """Raise ConfigurationError for a file that cannot be written, before anything is sent."""
        for path in (self.json_file,):
            if path is not None and path != STANDARD_OUTPUT:
                require_writable(path)

    @property
    def is_for_machines(self) -> bool:
        """Whether standard output belongs to JSON."""
        return self.json_file == STANDARD_OUTPUT


def carry_out(plan: Plan, wanted: Wanted) -> int:
    """Run, explain, write; the exit code."""
    wanted.require_writable()
    console = Console(stderr=True, highlight=False)

    def ask(asked: Plan, purpose: str) -> Result:
        console.print(f"[dim]{escape(purpose)}[/]")
        return run(asked, may_load=wanted.may_load)

    examiner = Examiner(plan, ask, time.sleep, spares=spare_sources(plan))
    if wanted.verdict:
        examination = examiner.examine(TargetProcessors(plan.target).since)
    else:
        examination = examiner.load_only()
    _write(examination, plan, wanted)
    result = examination.result
    return 0 if result.valid and result.ok == result.flows else 1


def _write(examination: Examination, plan: Plan, wanted: Wanted) -> None:
    if wanted.json_file is not None:
        text = json.dumps(examination_figures(examination, plan), indent=2) + "\n"
        if wanted.is_for_machines:
            typer.echo(text, nl=False)
        else:
            write_text(wanted.json_file, text)
    if not wanted.is_for_machines:
        console = Console(highlight=False)
        print_result(examination.result, plan, console)
        if examination.verdict is not None:
            print_verdict(examination.verdict, console)

"""``shiftline doctor``: why does the trunk refuse?"""

from __future__ import annotations

import typer

from shiftline.cli import doctor_causes, doctor_explain, doctor_read, doctor_run

app = typer.Typer(no_args_is_help=True, help="Says why a trunk refuses, with evidence and confidence.")
app.command("run")(doctor_run.run)
app.command("read")(doctor_read.run)
app.command("causes")(doctor_causes.run)
app.command("explain")(doctor_explain.run)

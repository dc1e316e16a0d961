"""``shiftline doctor``: why does the trunk refuse?"""

from __future__ import annotations

import typer

from shiftline.cli.doctor import causes, explain, read, run

app = typer.Typer(no_args_is_help=True, help="Says why a trunk refuses, with evidence and confidence.")
app.command("run")(run.run)
app.command("read")(read.run)
app.command("causes")(causes.run)
app.command("explain")(explain.run)

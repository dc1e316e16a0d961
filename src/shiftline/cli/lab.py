"""``shiftline lab``: pbx, org, faults."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Stand-ins to try things on: a PBX, a WFM organisation.")

"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="SHIFTLINE_CONFIG")
]
DEFAULT_CONFIG = Path("shiftline.toml")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

"""``shiftline trace``: show a stored trace again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from shiftline.cli.tracing import (
    AsLadder,
    HepCollector,
    HepKeyVariable,
    MermaidFile,
    PcapFile,
    TraceWishes,
    show_trace,
)
from shiftline.errors import ConfigurationError


def run(
    file: Annotated[Path, typer.Argument(help="What a [bold]--trace[/] option wrote.")],
    ladder: AsLadder = False,
    mermaid: MermaidFile = None,
    pcap: PcapFile = None,
    hep: HepCollector = "",
    hep_key_env: HepKeyVariable = "",
) -> None:
    """Show a stored trace of SIP messages again: as a ladder, or as what the options ask for.

    Example: [bold]shiftline trace check.json --pcap check.pcap[/]
    """
    from shiftline.sip.trace_json import read_trace_json

    wishes = TraceWishes(ladder=ladder, mermaid=mermaid, pcap=pcap, hep=hep, hep_key_env=hep_key_env)
    if not wishes.any:
        wishes = TraceWishes(ladder=True)
    wishes.check(read=[file])
    trace, epoch_offset = read_trace_json(_read(file))
    show_trace(Console(highlight=False), trace, wishes, epoch_offset=epoch_offset or 0.0)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{path} cannot be read: {why}.", remedy="Give a trace file.") from error

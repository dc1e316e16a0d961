"""The options of every verb that can show what went over the wire, and the one function that does it.

A verb takes the options, builds `TraceWishes`, calls `check` before it sends anything, gives a `Trace` to
its endpoint and calls `show_trace` at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shiftline.cli.writing import require_apart, require_writable

if TYPE_CHECKING:
    from rich.console import Console

    from shiftline.secrets import Secret
    from shiftline.sip.trace import Trace

STDOUT = Path("-")

AsLadder = Annotated[bool, typer.Option("--ladder", help="Draw the SIP messages as a ladder.")]
MermaidFile = Annotated[
    Path | None, typer.Option("--mermaid", metavar="FILE|-", help="Write them as a mermaid diagram.")
]
PcapFile = Annotated[
    Path | None,
    typer.Option("--pcap", metavar="FILE", help="Write them as a capture for Wireshark or sngrep."),
]
TraceFile = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE|-", help="Write them as JSON; [bold]shiftline trace[/] reads it."),
]
HepCollector = Annotated[
    str, typer.Option("--hep", metavar="HOST:PORT", help="Send them to a HOMER collector (HEPv3 over UDP).")
]
HepKeyVariable = Annotated[
    str, typer.Option("--hep-key-env", metavar="NAME", help="The variable that holds the collector's key.")
]
WithCredentials = Annotated[
    bool, typer.Option("--with-credentials", help="Leave digest responses, nonces and keys in all of these.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceWishes:
    """What is to become of a trace."""

    ladder: bool = False
    mermaid: Path | None = None
    pcap: Path | None = None
    trace: Path | None = None
    hep: str = ""
    hep_key_env: str = ""
    with_credentials: bool = False

    @property
    def any(self) -> bool:
        """Whether a trace is wanted at all."""
        return self.ladder or bool(self.mermaid or self.pcap or self.trace or self.hep)

    def check(self, read: Iterable[Path] = ()) -> None:
        """Raise ShiftlineError for what could not be done in the end, or would replace what is ``read``."""
        for path in (self.mermaid, self.pcap, self.trace):
            if path is not None and path != STDOUT:
                require_writable(path)
        require_apart(self.mermaid, self.pcap, self.trace, read=read)
        if self.hep:
            from shiftline.net.hep import look_up_collector

            look_up_collector(self.hep)
            self.hep_key()

    def hep_key(self) -> Secret | None:
        """The collector's key; ConfigurationError if its variable is not set."""
        from shiftline.config import secret

        return secret(self.hep_key_env) if self.hep_key_env else None


def show_trace(console: Console, trace: Trace, wishes: TraceWishes, *, epoch_offset: float) -> None:
    """Do what is wished. ``epoch_offset`` added to a message's ``at`` gives seconds since 1970.

    Files are readable by their owner only. Raises ConfigurationError or UnavailableError.
    """
    from shiftline.cli.ladder import print_ladder
    from shiftline.net.capture import write_pcap
    from shiftline.sip.ladder import ladder_of
    from shiftline.sip.mermaid import mermaid_of
    from shiftline.sip.trace_json import write_trace_json

    redacted = not wishes.with_credentials
    if wishes.ladder:
        print_ladder(console, trace, redacted=redacted)
    if wishes.mermaid:
        _write(wishes.mermaid, mermaid_of(ladder_of(trace, redacted=redacted)))
    if wishes.trace:
        _write(wishes.trace, write_trace_json(trace, redacted=redacted, epoch_offset=epoch_offset) + "\n")
    if wishes.pcap:
        write_pcap(wishes.pcap, trace, epoch_offset=epoch_offset, redacted=redacted)
    if wishes.hep:
        _send(trace, wishes, epoch_offset)


def _write(path: Path, text: str) -> None:
    from shiftline.net.capture import write_private

    if path == STDOUT:
        typer.echo(text, nl=False)
    else:
        write_private(path, text.encode())


def _send(trace: Trace, wishes: TraceWishes, epoch_offset: float) -> None:
    from shiftline.net.hep import HepSender, look_up_collector

    with HepSender.open(
        look_up_collector(wishes.hep),
        epoch_offset=lambda: epoch_offset,
        auth_key=wishes.hep_key(),
        redacted=not wishes.with_credentials,
    ) as collector:
        for message in trace:
            collector.send(message)
        if collector.dropped:
            typer.echo(
                f"{collector.dropped} of {len(trace)} messages did not leave for {wishes.hep}.", err=True
            )

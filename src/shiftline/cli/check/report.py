"""What ``shiftline check`` prints: a table with sentences, JSON, or one line for a monitoring system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shiftline.connector.families import BLIND
from shiftline.connector.qualification import NO_CONTROLS, QualificationState
from shiftline.connector.reading import Reading
from shiftline.net.checkup import Checkup, Found, Stop
from shiftline.net.list_checkup import NOT_TOLD, ListCheckup
from shiftline.sip.trace import Trace
from shiftline.sip.uri import SipUri
from shiftline.trades.model import EvidenceKind

COLOURS: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        EvidenceKind.AVAILABLE: "green",
        EvidenceKind.BUSY: "green",
        EvidenceKind.NOT_REGISTERED: "red",
        EvidenceKind.UNKNOWN_USER: "red",
        EvidenceKind.UNVERIFIABLE: "yellow",
    }
)
STOPS: Mapping[Stop, str] = MappingProxyType(
    {
        Stop.CREDENTIALS: "The server refuses our credentials, so nothing more was sent: check the user and "
        "its password before you try again, or the account may be locked.",
        Stop.OWN_CREDENTIALS: "The server refuses a REGISTER with these credentials: most PBXs want the "
        "agent's own. Use --method options, or check the password.",
        Stop.NO_CREDENTIALS: "The server asks who we are: give --user and --password-env.",
        Stop.REFUSED: "The server refuses one address after the other: it throttles us, bans us or does "
        "not admit this source. Wait a minute, ask more slowly (--rate 1), or have it admit our address.",
        Stop.SILENT: "The server does not answer: check its address and port, that it runs, and what "
        "filters the network between us.",
    }
)
_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "credentials.identity-mismatch": "REGISTER wants the agent's own credentials here; "
        "try --method options.",
        "credentials.wrong-password": "The server does not accept our credentials.",
        Stop.NO_CREDENTIALS: "The server asks for credentials: give --user and --password-env.",
        "network.unreachable": "Nobody answered in time.",
        NOT_TOLD: "The list does not say how this agent is.",
        "dns.failure": "The host name cannot be looked up.",
        "policy.account-disabled": "Refused, and once more after a pause.",
        "policy.method": "The server does not take this method.",
        "acl.source": "The server does not admit our address.",
    }
)
_NO_CONTROLS = (
    "No controls, no proof. "
    "Give --present, a user who is certainly there, and --absent, a real one who is not."
)
WIDE = 100  # columns; below it the method has no column of its own
LONGEST_ANSWER = 26


class Level(IntEnum):
    """What monitoring plugins exit with."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One address in the report; ``found`` is None when it was not asked, and ``cause`` says why."""

    uri: str
    found: Found | None
    cause: str | None = None

    @property
    def evidence(self) -> Reading:
        """What it is worth."""
        return self.found.evidence if self.found else Reading(EvidenceKind.UNVERIFIABLE, self.cause)

    @property
    def remark(self) -> str:
        """One sentence where something is odd; empty where nothing is."""
        found = self.found
        if found is None:
            return (
                _SENTENCES.get(self.cause or "", "Not asked.")
                if self.cause == "dns.failure"
                else "Not asked."
            )
        if found.evidence.cause == BLIND and found.reading.kind is not EvidenceKind.UNVERIFIABLE:
            return f"The answer says {found.reading.kind}, and nothing proves it."
        if found.evidence.cause == BLIND:
            return "This answer is about the box, not about the agent."
        if found.reading.kind is EvidenceKind.UNKNOWN_USER:
            return "The server does not know this address: a fault of the roster?"
        if found.status is None and found.phrase:
            return found.phrase  # the transport's own word: TLS, a closed port, a lost connection
        return _SENTENCES.get(found.reading.cause or "", "")

    def as_json(self) -> dict[str, Any]:
        """The keys of one entry of ``checks``."""
        found, evidence = self.found, self.evidence
        return {
            "uri": self.uri,
            "evidence": str(evidence.kind),
            "reading": str(found.reading.kind) if found else None,
            "method": found.method if found else None,
            "qualified": found.qualified if found else False,
            "seconds": round(found.seconds, 4) if found else None,
            "status": found.status if found else None,
            "cause": evidence.cause,
            "remark": self.remark or None,
        }


@dataclass(slots=True, kw_only=True)
class Report:
    """All lines in the order in which they were given, and what was odd about the whole."""

    lines: list[Line] = field(default_factory=list)
    qualifications: list[tuple[str, QualificationState, str]] = field(default_factory=list)
    """Method, state and sentence: of each server's method, then of those that were not taken."""
    stops: list[Stop] = field(default_factory=list)
    is_interrupted: bool = False
    trace: Trace = field(default_factory=Trace)
    """What went over the wire, if that was asked for."""
    epoch_offset: float = 0.0
    """What makes the trace's times seconds since 1970."""

    @property
    def is_fine(self) -> bool:
        """Every address is reachable, and that is proven."""
        return all(line.found is not None and line.found.is_reachable for line in self.lines)

    def put(self, found: Mapping[str, Found], uris: Sequence[SipUri], cause: str | None) -> None:
        """Fill in the lines of these addresses; what was not asked gets the cause."""
        asked = {str(uri) for uri in uris}
        self.lines = [
            replace(line, found=found.get(line.uri), cause=cause) if line.uri in asked else line
            for line in self.lines
        ]

    def close(self, checkup: Checkup | ListCheckup) -> None:
        """Note how a server's method stands, and why the rest was not asked, if it was not."""
        proof = checkup.qualification
        why = _NO_CONTROLS if proof is NO_CONTROLS else proof.why
        self.qualifications.append((checkup.method, proof.state, why))
        self.qualifications += [(name, other.state, other.why) for name, other in checkup.others]
        if checkup.stopped is not None:
            self.stops.append(checkup.stopped)

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "checks": [line.as_json() for line in self.lines],
            "qualifications": [
                {"method": method, "state": str(state), "why": why}
                for method, state, why in self.qualifications
            ],
            "stopped_by": [str(stop) for stop in self.stops],
            "interrupted": self.is_interrupted,
        }


def show(report: Report, console: Console) -> None:
    """Print the table and the sentences below it."""
    wide = console.width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("agent", overflow="fold")
    for name in ("evidence", "answer", *(("method",) if wide else ()), "proof"):
        table.add_column(name, no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for line in report.lines:
        table.add_row(*_cells(line, wide=wide))
    console.print(table)
    console.print()
    for sentence in _sentences(report):
        console.print(sentence)


def _cells(line: Line, *, wide: bool) -> list[Text | str]:
    found, agent = line.found, Text(line.uri.removeprefix("sip:"))
    if found is None:
        return [agent, Text("not asked", style="dim"), *["-"] * (4 if wide else 3)]
    kind = found.evidence.kind
    proof = Text("qualified", style="green") if found.qualified else Text("not qualified", style="yellow")
    cells = [agent, Text(str(kind), style=COLOURS[kind]), Text(_answer(found))]
    return [*cells, *((Text(found.method),) if wide else ()), proof, f"{found.seconds:.3f}"]


def _answer(found: Found) -> str:
    """The status, and what it says by itself where it says anything: "200 Available"."""
    told = found.reading.kind is not EvidenceKind.UNVERIFIABLE
    if found.status is None:
        return str(found.reading.kind) if told else "none"  # a list tells without a status
    return f"{found.status} {found.reading.kind if told else found.phrase}"[:LONGEST_ANSWER]


def _sentences(report: Report) -> list[str]:
    said = []
    for remark, lines in _by_remark(report.lines).items():
        whom = lines[0].uri.removeprefix("sip:") if len(lines) == 1 else f"{len(lines)} agents"
        said.append(f"{escape(whom)}: {escape(remark)}")
    for method, state, why in report.qualifications:
        if state is QualificationState.QUALIFIED:
            said.append(f"[green]{method} is qualified:[/] {escape(why)}")
        else:
            said.append(f"[yellow]{method} is not qualified:[/] {escape(why)}")
    said += [f"[bold red]Stopped:[/] {escape(STOPS[stop])}" for stop in report.stops]
    if report.is_interrupted:
        asked = sum(line.found is not None for line in report.lines)
        said.append(f"[bold]Interrupted:[/] {asked} of {len(report.lines)} agents asked.")
    return said


def _by_remark(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The odd lines by what is odd; what the method's own sentence says is left to it."""
    remarks: dict[str, list[Line]] = {}
    for line in lines:
        if line.remark and line.evidence.cause != BLIND and (line.found or line.cause == "dns.failure"):
            remarks.setdefault(line.remark, []).append(line)
    return remarks


def level_of(report: Report) -> Level:
    """The worst of all lines, in the order of monitoring plugins: critical, unknown, warning, ok."""
    levels = {_level(line) for line in report.lines}
    order = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING)
    return next((level for level in order if level in levels), Level.OK)


def _level(line: Line) -> Level:
    found = line.found
    if found is None:
        return Level.UNKNOWN
    if found.reading.kind in (EvidenceKind.NOT_REGISTERED, EvidenceKind.UNKNOWN_USER):
        return Level.CRITICAL
    if found.is_reachable:
        return Level.OK
    reached = found.reading.kind in (EvidenceKind.AVAILABLE, EvidenceKind.BUSY)
    return Level.WARNING if reached else Level.UNKNOWN


def nagios_line(report: Report) -> str:
    """One line with perfdata, as monitoring plugins print it."""
    counts = dict.fromkeys(EvidenceKind, 0)
    for line in report.lines:
        counts[line.evidence.kind] += 1
    reachable = sum(line.found is not None and line.found.is_reachable for line in report.lines)
    slowest = max((line.found.seconds for line in report.lines if line.found), default=0.0)
    words = f"{reachable} of {len(report.lines)} agents reachable"
    odd: Sequence[str] = [STOPS[stop] for stop in report.stops] or [
        why for _, state, why in report.qualifications if state is not QualificationState.QUALIFIED
    ]
    if odd:
        words += f"; {odd[0].replace('|', '/')}"
    perfdata = " ".join(f"{str(kind).lower()}={count}" for kind, count in counts.items())
    return f"SHIFTLINE {level_of(report).name} - {words} | {perfdata} slowest={slowest:.3f}s"

"""How the torture messages are put together: a plain message, and one trait that is not plain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Fate(Enum):
    """What the reader makes of a message."""

    ACCEPTED = auto()
    """Read by `parse_message`, and not one error among the notes."""
    NOTED = auto()
    """Read by `parse_message`; the notes hold errors."""
    REFUSED = auto()
    """Refused by `parse_message`; `inspect` still makes a message of it."""
    HOPELESS = auto()
    """Refused by `parse_message`, and no message for `inspect` either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message of a section; ``notes`` are the ids that must be among its notes."""

    section: str
    trait: str
    data: bytes
    fate: Fate
    notes: frozenset[str]


def accepted(section: str, trait: str, data: bytes, *remarks: str) -> Case:
    """A message that must be taken without an error; ``remarks`` may be made of it."""
    return Case(section=section, trait=trait, data=data, fate=Fate.ACCEPTED, notes=frozenset(remarks))


def noted(section: str, trait: str, data: bytes, *errors: str) -> Case:
    """A message that can be used, and is wrong."""
    return Case(section=section, trait=trait, data=data, fate=Fate.NOTED, notes=frozenset(errors))


def refused(section: str, trait: str, data: bytes, *errors: str) -> Case:
    """A message that only the tolerant reader takes."""
    return Case(section=section, trait=trait, data=data, fate=Fate.REFUSED, notes=frozenset(errors))


def hopeless(section: str, trait: str, data: bytes, *errors: str) -> Case:
    """Bytes that are no message for anybody."""
    return Case(section=section, trait=trait, data=data, fate=Fate.HOPELESS, notes=frozenset(errors))


def message(line: str, *changes: str | bytes, body: bytes = b"", without: str = "") -> bytes:
    """A message with one row for each needed header, unless ``changes`` has it or ``without`` names it.

    ``changes`` are header lines, told by their long names; CR LF is added, and so is Content-Length.
    """
    method = line.partition(" ")[0] if not line.startswith("SIP/2.0 ") else "OPTIONS"
    plain = [
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKshift{len(line)}",
        "Max-Forwards: 70",
        "From: <sip:planner@wfm.example>;tag=n7",
        f"To: <sip:agent0042@pbx.example>{';tag=u3' if line.startswith('SIP/2.0') else ''}",
        "Call-ID: trade-77@192.0.2.7",
        f"CSeq: 41 {method}",
        *(["Contact: <sip:planner@192.0.2.7>"] if method == "INVITE" else []),
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    rows = [row if isinstance(row, bytes) else row.encode() for row in changes]
    changed = {row.partition(b":")[0].strip().lower() for row in rows}
    changed |= {name.encode() for name in without.lower().split()}
    rows += [row.encode() for row in plain if row.partition(":")[0].lower().encode() not in changed]
    return b"\r\n".join([line.encode(), *rows, b"", body])

"""What is odd about a message: notes, and the catalogue of their ids.

Ids are stable: the doctor's evidence and users' filters name them. Add, never rename.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from shiftline.errors import SipSyntaxError

START_LINE = "start line"
HEADERS = "headers"
END_OF_HEADERS = "end of headers"
BODY = "body"


class Level(StrEnum):
    """How bad it is."""

    ERROR = auto()
    """A rule of the standard is broken."""
    REMARK = auto()
    """Legal, or legal once, and yet worth knowing: peers are known to stumble over it."""


CATALOGUE: dict[str, tuple[Level, str]] = {
    "start-line.missing": (Level.ERROR, "RFC 3261 section 7"),
    "start-line.preceded": (Level.REMARK, "RFC 3261 section 7.5"),
    "start-line.unreadable": (Level.ERROR, "RFC 3261 section 7.1"),
    "start-line.version": (Level.ERROR, "RFC 3261 section 7.1"),
    "start-line.uri": (Level.ERROR, "RFC 3261 section 7.1"),
    "start-line.uri-headers": (Level.ERROR, "RFC 3261 section 19.1.1"),
    "start-line.brackets": (Level.ERROR, "RFC 3261 section 7.1"),
    "start-line.blanks": (Level.ERROR, "RFC 3261 section 7.1"),
    "start-line.case": (Level.REMARK, "RFC 3261 section 7.1"),
    "start-line.status": (Level.ERROR, "RFC 3261 section 7.2"),
    "line.bare-lf": (Level.ERROR, "RFC 3261 section 7"),
    "line.control": (Level.ERROR, "RFC 3261 section 25.1"),
    "line.not-utf8": (Level.ERROR, "RFC 3261 section 7.3.1"),
    "headers.cut": (Level.ERROR, "RFC 3261 section 7"),
    "headers.too-many": (Level.ERROR, "our own bound"),
    "header.unreadable": (Level.ERROR, "RFC 3261 section 7.3.1"),
    "header.blank-before-colon": (Level.REMARK, "RFC 3261 section 7.3.1"),
    "header.folded": (Level.REMARK, "RFC 3261 section 7.3.1"),
    "header.missing": (Level.ERROR, "RFC 3261 section 8.1.1"),
    "header.repeated": (Level.ERROR, "RFC 3261 section 7.3.1"),
    "header.separators": (Level.ERROR, "RFC 3261 section 25.1"),
    "header.open-quote": (Level.ERROR, "RFC 3261 section 25.1"),
    "value.unreadable": (Level.ERROR, "RFC 3261 section 25.1"),
    "value.long": (Level.REMARK, "our own bound"),
    "value.range": (Level.ERROR, "RFC 3261 section 25.1"),
    "value.unknown-scheme": (Level.REMARK, "RFC 3261 section 8.2.2.1"),
    "via.branch": (Level.REMARK, "RFC 3261 section 8.1.1.7"),
    "via.branch-empty": (Level.ERROR, "RFC 3261 section 8.1.1.7"),
    "via.broadcast": (Level.REMARK, "RFC 3261 section 18.2.2"),
    "via.received-brackets": (Level.REMARK, "RFC 5118 section 4.5"),
    "contact.missing": (Level.REMARK, "RFC 3261 section 8.1.1.8"),
    "event.missing": (Level.ERROR, "RFC 6665 section 8.2.1"),
    "subscription-state.missing": (Level.ERROR, "RFC 6665 section 8.2.3"),
    "address.ipv6": (Level.ERROR, "RFC 5954 section 4.1"),
    "address.no-tag": (Level.REMARK, "RFC 3261 section 8.1.1.3"),
    "address.unbracketed": (Level.ERROR, "RFC 3261 section 20.10"),
    "address.blanks": (Level.ERROR, "RFC 3261 section 25.1"),
    "address.display-name": (Level.ERROR, "RFC 3261 section 25.1"),
    "cseq.method": (Level.ERROR, "RFC 3261 section 8.1.1.5"),
    "max-forwards.missing": (Level.REMARK, "RFC 3261 section 8.1.1.6"),
    "max-forwards.zero": (Level.REMARK, "RFC 3261 section 16.3"),
    "date.zone": (Level.ERROR, "RFC 3261 section 20.17"),
    "credentials.scheme": (Level.REMARK, "RFC 3261 section 22"),
    "content-length.missing": (Level.REMARK, "RFC 3261 section 18.3"),
    "content-length.unreadable": (Level.ERROR, "RFC 3261 section 20.14"),
    "content-length.short": (Level.ERROR, "RFC 3261 section 18.3"),
    "content-length.excess": (Level.REMARK, "RFC 3261 section 18.3"),
    "body.no-type": (Level.ERROR, "RFC 3261 section 20.15"),
    "body.multipart": (Level.ERROR, "RFC 2046 section 5.1.1"),
}
"""Id, level and rule of every note that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One oddity.

    ``where`` is a header's name, "start line", "headers", "end of headers" or "body". ``offset`` counts bytes
    from the beginning of the datagram; None where the place was not looked for. ``text`` is a sentence
    and may quote what was received, but never credentials.
    """

    id: str
    level: Level
    text: str
    rule: str
    where: str
    offset: int | None = None


Report = Callable[[Note], SipSyntaxError]
"""Takes a fault. Either raises, or returns what the reader raises if it cannot go on."""


def note(note_id: str, text: str, *, where: str = HEADERS, offset: int | None = None) -> Note:
    """A note of the catalogue."""
    level, rule = CATALOGUE[note_id]
    return Note(id=note_id, level=level, text=text, rule=rule, where=where, offset=offset)

"""A trace as a ladder: who stands beside whom, and which arrow goes from whom to whom in which row.

Only the layout: the terminal and the diagrams are drawn from it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shiftline.sip.events import Address, address_text
from shiftline.sip.glance import Glance, Kind, glance
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One end of arrows: an address of ours or a peer's."""

    address: Address
    is_ours: bool

    def __str__(self) -> str:
        return address_text(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One message, and how often it was sent again before anybody said anything else in that call.

    ``seconds`` counts from the first message; ``source`` and ``target`` are places in the ladder's
    participants; ``status`` is 0 for what is no response.
    """

    seconds: float
    source: int
    target: int
    label: str
    notes: tuple[str, ...]
    status: int
    transport: Transport
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Rows in the order of time; ``dropped`` messages went before them and are lost."""

    participants: tuple[Participant, ...]
    rows: tuple[Row, ...]
    dropped: int = 0


@dataclass(slots=True)
class _Drawing:
    """A ladder in the making: where everybody stands, and what each call said last."""

    places: dict[tuple[bool, Address], int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    transport: Transport = Transport.UDP
    last_of_call: dict[str, int] = field(default_factory=dict)
    row_of_message: dict[tuple[Direction, Address, Address, Transport, bytes], int] = field(
        default_factory=dict
    )

    def place(self, message: TracedMessage, direction: Direction) -> int:
        """Of the end that sends (SENT: ours) or the other one, in the order of first appearance."""
        ours = direction is Direction.SENT
        address = message.local if ours else message.peer
        return self.places.setdefault((ours, address), len(self.places))


def ladder_of(trace: Trace, *, redacted: bool = True) -> Ladder:
    """Lay the trace out. Repetitions of a message are one row, unless the call went on between them."""
    drawing = _Drawing()
    start: float | None = None
    for message in trace:
        start = message.at if start is None else start
        _draw(drawing, message, message.at - start, redacted=redacted)
    return Ladder(
        participants=tuple(Participant(address=address, is_ours=ours) for ours, address in drawing.places),
        rows=tuple(drawing.rows),
        dropped=trace.dropped,
    )


def _draw(drawing: _Drawing, message: TracedMessage, seconds: float, *, redacted: bool) -> None:
    key = (message.direction, message.local, message.peer, message.transport, message.data)
    seen = glance(message.redacted().data if redacted else message.data)
    before = drawing.row_of_message.get(key)
    if before is not None and drawing.last_of_call.get(seen.call_id) == before:
        row = drawing.rows[before]
        drawing.rows[before] = replace(row, times=row.times + 1)
        return
    ours, theirs = drawing.place(message, Direction.SENT), drawing.place(message, Direction.RECEIVED)
    sent = message.direction is Direction.SENT
    notes = _notes(seen) if before is None else (*_notes(seen), "sent again")
    if message.transport is not drawing.transport:  # told where it changes; UDP is what one expects
        notes = (f"over {message.transport}", *notes)
        drawing.transport = message.transport
    drawing.last_of_call[seen.call_id] = drawing.row_of_message[key] = len(drawing.rows)
    drawing.rows.append(
        Row(
            seconds=seconds,
            source=ours if sent else theirs,
            target=theirs if sent else ours,
            label=_label(seen, len(message.data)),
            notes=notes,
            status=seen.status,
            transport=message.transport,
        )
    )


def _label(seen: Glance, size: int) -> str:
    cseq = f" (CSeq {seen.cseq})" if seen.cseq else ""
    match seen.kind:
        case Kind.REQUEST:
            return f"{seen.method} {seen.subject}{cseq}"
        case Kind.RESPONSE:
            return f"{seen.status} {seen.subject}".rstrip() + cseq
        case Kind.KEEP_ALIVE:
            return "keep-alive"
        case Kind.OTHER:
            return f"no SIP message, {size} bytes"


def _notes(seen: Glance) -> tuple[str, ...]:
    notes = []
    if seen.kind is Kind.REQUEST and seen.has_credentials:
        notes.append("with credentials")
    if seen.status in (401, 407):
        notes.append(
            "challenge, stale nonce"
            if seen.is_stale
            else "challenge"
            if seen.has_challenge
            else "no challenge"
        )
    if seen.retry_after:
        notes.append(f"Retry-After {seen.retry_after}")
    return tuple(notes)

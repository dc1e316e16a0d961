"""The messages behind the evidence: each place's whole conversation, found again in what was read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.finding import Diagnosis
from shiftline.doctor.examination.records import TRACE
from shiftline.doctor.reading.sighting import Sighting
from shiftline.sip.events import Address
from shiftline.sip.glance import glance
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport

MOST_MESSAGES = 2000
"""Messages of an excerpt: enough for the eye, and small enough for a ticket."""
_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_TRANSPORTS = {str(one): one for one in Transport}

Named = tuple[str, Sighting]
"""A file's name, and a message seen in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """One message of the excerpt, and where it stands."""

    place: Place
    call_id: str
    message: TracedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Messages in the order of time. ``left_out`` counts those that there was no room for."""

    quoted: Sequence[Quoted] = ()
    left_out: int = 0

    def conversation(self, place: Place) -> tuple[Quoted, ...]:
        """All messages of the call that a place belongs to; empty if it is not here."""
        hit = next((one for one in self.quoted if one.place == place), None)
        if hit is None:
            return ()
        return tuple(
            one for one in self.quoted if one.call_id == hit.call_id and one.place.file == place.file
        )


def places_of(diagnosis: Diagnosis) -> frozenset[Place]:
    """Where the evidence of all findings stands."""
    return frozenset(
        place
        for finding in diagnosis.findings
        for statement in finding.statements
        for place in statement.places
    )


def excerpt_of_files(read: Callable[[], Iterator[Named]], places: Collection[Place]) -> Excerpt:
    """The conversations of these places. ``read`` gives all messages once more, and is called twice."""
    wanted = {(place.file, place.number) for place in places}
    calls: set[tuple[str, bytes]] = set()
    for file, (_, _, data, number) in read():
        if (file, number) in wanted:
            wanted.discard((file, number))
            calls.add((file, _call_id(data)))
            if not wanted:
                break
    found: list[tuple[str, Sighting]] = []
    left_out = 0
    for file, sighting in read() if calls else ():
        if (file, _call_id(sighting[2])) in calls:
            if len(found) < MOST_MESSAGES:
                found.append((file, sighting))
            else:
                left_out += 1
    servers = _servers(found)
    quoted = sorted(
        (_quoted(file, sighting, servers) for file, sighting in found), key=lambda one: one.message.at
    )
    return Excerpt(quoted=tuple(quoted), left_out=left_out)


def excerpt_of_trace(trace: Trace, places: Collection[Place], *, epoch_offset: float) -> Excerpt:
    """The same of messages that we sent and got; ``epoch_offset`` makes civil times of their times."""
    numbered = list(enumerate(trace, start=trace.dropped + 1))
    wanted = {place.number for place in places if place.file == TRACE}
    calls = {_call_id(message.data) for number, message in numbered if number in wanted}
    found = [(number, message) for number, message in numbered if _call_id(message.data) in calls]
    return Excerpt(
        quoted=tuple(
            Quoted(
                place=Place(file=TRACE, number=number),
                call_id=glance(message.data).call_id,
                message=TracedMessage(
                    at=message.at + epoch_offset,
                    direction=message.direction,
                    local=message.local,
                    peer=message.peer,
                    transport=message.transport,
                    data=message.data,
                ),
            )
            for number, message in found[:MOST_MESSAGES]
        ),
        left_out=max(0, len(found) - MOST_MESSAGES),
    )


def _call_id(data: bytes) -> bytes:
    found = _CALL_ID.search(data)
    return found[1].strip() if found else b""


def _servers(found: Iterable[Named]) -> frozenset[Address]:
    """Whoever got more requests than it sent: the others are the clients of a ladder."""
    balance: Counter[Address] = Counter()
    for _, (_, flow, data, _) in found:
        if not data.startswith(b"SIP/2.0 "):
            balance[flow.target, flow.target_port] += 1
            balance[flow.source, flow.source_port] -= 1
    return frozenset(address for address, count in balance.items() if count > 0)


def _quoted(file: str, sighting: Sighting, servers: frozenset[Address]) -> Quoted:
    at, flow, data, number = sighting
    source, target = (flow.source, flow.source_port), (flow.target, flow.target_port)
    is_sent = target in servers or source not in servers
    message = TracedMessage(
        at=at,
        direction=Direction.SENT if is_sent else Direction.RECEIVED,
        local=source if is_sent else target,
        peer=target if is_sent else source,
        transport=_TRANSPORTS.get(flow.transport, Transport.UDP),
        data=data,
    )
    return Quoted(place=Place(file=file, number=number), call_id=glance(data).call_id, message=message)

"""Our own traces: what a ``--trace`` option wrote (`shiftline.sip.trace_json`)."""

from __future__ import annotations

from collections.abc import Iterator

from shiftline.doctor.reading.frames import LATEST, Readable
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.reading.sighting import Flow, Sighting, looks_like_sip
from shiftline.errors import ConfigurationError
from shiftline.sip.trace_json import FORMAT, read_trace_json

LARGEST = 64 * 1024 * 1024
"""Bytes of a trace that are read: one holds at most 16 MiB of messages."""
MARK = FORMAT.encode()


def trace_sightings(file: Readable, entry: FileEntry) -> Iterator[Sighting]:
    """The messages of a trace, from its first byte on; ``entry`` is told why it cannot be read."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        entry.passed_over = f"it is larger than {LARGEST // 1024 // 1024} MB"
        return
    try:
        trace, offset = read_trace_json(content.decode())
    except (ConfigurationError, UnicodeDecodeError) as error:
        entry.passed_over = str(error).partition(" Give ")[0]
        return
    if trace.dropped:
        entry.notes.append(f"{trace.dropped} messages before its first were dropped when it was written")
    if offset is None:
        entry.notes.append("its times count from no known moment")
    offset = offset or 0.0
    if any(not 0.0 <= message.at + offset <= LATEST for message in trace):
        entry.passed_over = "it has times that no calendar has"
        return
    flows: dict[tuple[object, ...], Flow] = {}
    number = 0
    for number, message in enumerate(trace, start=1):
        way = (*message.source, *message.target, message.transport.value.upper())
        flow = flows.setdefault(way, Flow(*way))
        if looks_like_sip(message.data):
            yield message.at + offset, flow, message.data, number
    entry.packets = number

"""The reader as a whole: files in, exchanges and remarks out, and a ledger of what was and was not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from shiftline.diagnosis.exchange import Exchange, Remark
from shiftline.doctor.reading.blocks import pcapng_frames
from shiftline.doctor.reading.datagrams import Dissector
from shiftline.doctor.reading.frames import pcap_frames
from shiftline.doctor.reading.ledger import FileEntry, Ledger
from shiftline.doctor.reading.pairing import MOST_PAIRS, Pairing
from shiftline.doctor.reading.sighting import Sighting
from shiftline.doctor.reading.sources import OpenSource, Source, SourceKind, files_of, look_at
from shiftline.doctor.reading.survey import Survey, clusters, offset_between, survey
from shiftline.doctor.reading.texts import TextReader
from shiftline.doctor.reading.times import LogClock
from shiftline.doctor.reading.traces import trace_sightings

_MOST_SURVEYED = 200_000
"""Messages of each file that are looked at to compare clocks."""
_FEWEST_PAIRS = 2000
_FIRST_SEEN = 0.0


class Reading:
    """Reads files once, when iterated: exchanges in the order of their requests, remarks where they stand.

    What still rang for minutes comes late. ``ledger`` is complete when the iteration is over.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        zone: ZoneInfo | None = None,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``zone`` is that of logs which name none; ``on_bytes`` is told of progress towards ``total_bytes``.

        Raises ConfigurationError for a path where there is nothing.
        """
        self.ledger = Ledger()
        self._zone = zone
        self._on_bytes = on_bytes
        self._sources: list[tuple[Source, FileEntry]] = []
        self._look_at(files_of(paths))

    @property
    def total_bytes(self) -> int:
        """Bytes of the files that are read; of several, all are looked through before."""
        return sum(source.size for source, _ in self._sources)

    def _look_at(self, files: Sequence[Path]) -> None:
        names = _short_names(files)
        for path in files:
            entry = self.ledger.open(names[path])
            try:
                source = look_at(path)
            except OSError as error:
                entry.passed_over = f"it cannot be read: {error.strerror}"
                continue
            if source.kind is SourceKind.UNKNOWN:
                entry.passed_over = source.refusal
                continue
            entry.kind = "" if source.kind is SourceKind.TEXT else source.kind.value
            self._sources.append((source, entry))

    def __iter__(self) -> Iterator[Exchange | Remark]:
        if len(self._sources) == 1:
            groups = [[0]]
        else:
            surveys = [self._survey(source) for source, _ in self._sources]
            groups = clusters(surveys)
            for group in groups:
                self._align([surveys[position] for position in group], group)
        for group in groups:
            seen: set[int] | None = set() if len(group) > 1 else None
            most = max(_FEWEST_PAIRS, MOST_PAIRS // len(group))
            streams = [self._read(*self._sources[position], seen=seen, most_pairs=most) for position in group]
            yield from streams[0] if len(streams) == 1 else merge(*streams, key=_time)

    def _survey(self, source: Source) -> Survey:
        opened = OpenSource(source, lambda _: None)
        try:
            entry, ledger = FileEntry(name=""), Ledger()
            clock = LogClock(self._zone, written=source.written)
            messages = (
                one
                for one in self._sightings(source, opened, entry, ledger, clock)
                if not isinstance(one, Remark)
            )
            return survey(islice(messages, _MOST_SURVEYED))
        finally:
            opened.close()

    def _align(self, surveys: Sequence[Survey], group: Sequence[int]) -> None:
        """Set the clocks of a group after that of its largest record."""
        reference = max(surveys, key=lambda one: one.messages)
        for one, position in zip(surveys, group, strict=True):
            entry = self._sources[position][1]
            if one is reference or not one.messages:
                continue
            offset = offset_between(reference, one)
            if offset is None:
                entry.notes.append(
                    "its clock could not be compared: it shares no requests with the other files"
                )
            elif offset:
                entry.clock_offset = offset
                entry.notes.append(
                    f"its clock was {abs(offset):.3f} s {'behind' if offset > 0 else 'ahead'}: set right"
                )

    def _read(
        self, source: Source, entry: FileEntry, *, seen: set[int] | None, most_pairs: int
    ) -> Iterator[Exchange | Remark]:
        opened = OpenSource(source, self._on_bytes)
        clock = LogClock(self._zone, written=source.written)
        pairing = Pairing(
            entry.name,
            self.ledger.skipped,
            offset=entry.clock_offset,
            seen=seen,
            most_pairs=most_pairs,
            is_coarse=(lambda: not clock.is_fine) if source.kind is SourceKind.TEXT else None,
        )
        add, count = pairing.add, 0
        try:
            for one in self._sightings(source, opened, entry, self.ledger, clock):
                if isinstance(one, Remark):
                    at = None if one.at is None else one.at + entry.clock_offset
                    yield replace(one, at=at)
                    continue
                count += 1
                finished = add(one)
                if finished is not None:
                    yield from self._counted(finished)
            yield from self._counted(pairing.finish())
        finally:
            opened.close()
            entry.messages = count
            if opened.damage:
                entry.notes.append(opened.damage)

    def _counted(self, exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
        for exchange in exchanges:
            self.ledger.exchanges += 1
            yield exchange

    def _sightings(
        self, source: Source, opened: OpenSource, entry: FileEntry, ledger: Ledger, clock: LogClock
    ) -> Iterator[Sighting | Remark]:
        match source.kind:
            case SourceKind.PCAP:
                return Dissector(ledger.skipped).sightings(pcap_frames(opened, entry), entry)
            case SourceKind.PCAPNG:
                return Dissector(ledger.skipped).sightings(pcapng_frames(opened, entry), entry)
            case SourceKind.TRACE:
                return trace_sightings(opened, entry)
            case _:
                return TextReader(entry, clock, ledger.skipped).read(opened.lines())


def _time(one: Exchange | Remark) -> float:
    return _FIRST_SEEN if one.at is None else one.at


def _short_names(files: Sequence[Path]) -> dict[Path, str]:
    """The name alone where it is the only one of its kind, else with its folder."""
    names = [path.name for path in files]
    return {
        path: path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
        for path in files
    }

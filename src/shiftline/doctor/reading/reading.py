"""The reader as a whole: files in, exchanges and remarks out, and a ledger of what was and was not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from shiftline.diagnosis.exchange import Brief, Exchange, Remark
from shiftline.doctor.reading.blocks import pcapng_frames
from shiftline.doctor.reading.datagrams import Dissector
from shiftline.doctor.reading.frames import pcap_frames
from shiftline.doctor.reading.ledger import FileEntry, Ledger
from shiftline.doctor.reading.pairing import MOST_PAIRS, Pairing
from shiftline.doctor.reading.sighting import Sighting
from shiftline.doctor.reading.signals import Bounce
from shiftline.doctor.reading.sources import OpenSource, Source, SourceKind, files_of, look_at
from shiftline.doctor.reading.survey import Survey, clusters, offset_between, survey
from shiftline.doctor.reading.texts import TextReader
from shiftline.doctor.reading.times import LogClock
from shiftline.doctor.reading.traces import trace_sightings

_MOST_SURVEYED = 200_000
"""Messages of each file that are looked at to compare clocks."""
_FEWEST_PAIRS = 2000
_NOT_COMPARED = "its clock could not be compared: it shares no requests with the largest file"
_LINK = "it is a link, and links in folders are not followed: name what it leads to"
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
        named = list(paths)
        self._look_at(files_of(named), frozenset(named))

    @property
    def total_bytes(self) -> int:
        """Bytes of the files that are read; of several, all are looked through before."""
        return sum(source.size for source, _ in self._sources)

    def _look_at(self, files: Sequence[Path], named: frozenset[Path]) -> None:
        names = _short_names(files)
        for path in files:
            entry = self.ledger.open(names[path])
            if path.is_symlink() and path not in named:
                entry.passed_over = _LINK
                continue
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
        for one in self.briefs():
            yield one.exchange() if isinstance(one, Brief) else one

    def briefs(self) -> Iterator[Brief | Remark]:
        """The same, each exchange in brief: quicker for whoever needs no whole ones."""
        for group in self._groups():
            seen: set[int] | None = set() if len(group) > 1 else None
            most = max(_FEWEST_PAIRS, MOST_PAIRS // len(group))
            streams = [self._read(*self._sources[position], seen=seen, most_pairs=most) for position in group]
            yield from streams[0] if len(streams) == 1 else merge(*streams, key=_time)

    def sightings(self) -> Iterator[tuple[str, Sighting]]:
        """Every SIP message once more, with its file's name, its clock set right; for whoever quotes them.

        To be called when the iteration is over. The ledger is left as it is.
        """
        for source, entry in self._sources:
            opened = OpenSource(source, lambda _: None)
            try:
                clock = LogClock(self._zone, written=source.written)
                for one in self._sightings(source, opened, FileEntry(name=entry.name), Ledger(), clock):
                    if not isinstance(one, Bounce | Remark):
                        at, flow, data, number = one
                        yield entry.name, (at + entry.clock_offset, flow, data, number)
            finally:
                opened.close()

    def _groups(self) -> list[list[int]]:
        """Which files are read side by side, their clocks set after that of the largest record."""
        if len(self._sources) < 2:
            return [[position] for position in range(len(self._sources))]
        surveys = [self._survey(source) for source, _ in self._sources]
        reference = max(surveys, key=lambda one: one.messages)
        compared = [
            one is reference or self._align(reference, position, one) for position, one in enumerate(surveys)
        ]
        groups = clusters(surveys)
        for position in (position for group in groups if len(group) > 1 for position in group):
            if not compared[position] and surveys[position].messages:
                self._sources[position][1].notes.append(_NOT_COMPARED)
        return groups

    def _survey(self, source: Source) -> Survey:
        opened = OpenSource(source, lambda _: None)
        try:
            entry, ledger = FileEntry(name=""), Ledger()
            clock = LogClock(self._zone, written=source.written)
            found = self._sightings(source, opened, entry, ledger, clock)
            messages = (one for one in found if not isinstance(one, Bounce | Remark))
            return survey(islice(messages, _MOST_SURVEYED))
        finally:
            opened.close()

    def _align(self, reference: Survey, position: int, one: Survey) -> bool:
        """Set one file's clock after the reference; False if they cannot be compared."""
        offset = offset_between(reference, one)
        if offset:
            entry = self._sources[position][1]
            entry.clock_offset = offset
            way = "behind" if offset > 0 else "ahead"
            entry.notes.append(f"its clock was {abs(offset):.3f} s {way}: set right")
            one.first, one.last = one.first + offset, one.last + offset
        return offset is not None

    def _read(
        self, source: Source, entry: FileEntry, *, seen: set[int] | None, most_pairs: int
    ) -> Iterator[Brief | Remark]:
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
        exchanges = 0
        try:
            record = self._sightings(source, opened, entry, self.ledger, clock)
            for one in pairing.pair(record):
                if isinstance(one, Brief):
                    exchanges += 1
                    yield one
                else:
                    yield replace(one, at=None if one.at is None else one.at + entry.clock_offset)
        finally:
            opened.close()
            self.ledger.exchanges += exchanges
            entry.messages = pairing.messages
            if opened.damage:
                entry.notes.append(opened.damage)

    def _sightings(
        self, source: Source, opened: OpenSource, entry: FileEntry, ledger: Ledger, clock: LogClock
    ) -> Iterator[Sighting | Bounce | Remark]:
        match source.kind:
            case SourceKind.PCAP:
                return Dissector(ledger.skipped).sightings(pcap_frames(opened, entry), entry)
            case SourceKind.PCAPNG:
                return Dissector(ledger.skipped).sightings(pcapng_frames(opened, entry), entry)
            case SourceKind.TRACE:
                return trace_sightings(opened, entry)
            case _:
                return TextReader(entry, clock, ledger.skipped).read(opened.lines())


def _time(one: Brief | Remark) -> float:
    return _FIRST_SEEN if one.at is None else one.at


def _short_names(files: Sequence[Path]) -> dict[Path, str]:
    """The name alone where it is the only one of its kind, else with its folder."""
    names = [path.name for path in files]
    return {
        path: path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
        for path in files
    }

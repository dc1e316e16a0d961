"""Texts of any make: logs, consoles, dumps. Line by line, to SIP messages and remarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from shiftline.diagnosis.exchange import Place, Remark
from shiftline.doctor.reading import words
from shiftline.doctor.reading.heads import Heads
from shiftline.doctor.reading.layout import COMMON, SENT_BY
from shiftline.doctor.reading.ledger import FileEntry
from shiftline.doctor.reading.phrases import FAMILY_OF, phrase_in
from shiftline.doctor.reading.sighting import Flow, Sighting, looks_like_sip
from shiftline.doctor.reading.times import LogClock
from shiftline.doctor.reading.transcript import START_LINE, Draft, Introduction, introduction_in
from shiftline.sip.glance import printable
from shiftline.sip.redaction import redact

_NOBODY = Introduction(is_sent=None)
_MOST_FLOWS = 20_000
WITHOUT_TIME = "pasted messages without a time"
_STEP = 0.001
"""Seconds between messages of a text that gives no times: their order is all that is known."""


class TextReader:
    """Reads one text. ``entry`` is told what it was taken for."""

    def __init__(self, entry: FileEntry, clock: LogClock, skipped: Counter[str]) -> None:
        self._entry = entry
        self._clock = clock
        self._skipped = skipped
        self._kinds: Counter[str] = Counter()
        self._flows: dict[tuple[str, int, str, int, str], Flow] = {}
        self._heads = Heads()
        self._now: float | None = None
        self._draft: Draft | None = None
        self._introduction = _NOBODY
        self._began: tuple[float | None, int] = (None, 0)
        self._untimed = 0

    def read(self, lines: Iterable[str]) -> Iterator[Sighting | Remark]:
        """Each message and each remark, in the order of the lines."""
        number = 0
        for number, line in enumerate(lines, start=1):
            if self._draft is not None:
                if self._draft.take(line):
                    if self._draft.is_complete:
                        yield from self._finished()
                    continue
                yield from self._finished()
            yield from self._fresh(line, number)
        yield from self._finished()
        self._entry.packets = number
        self._entry.notes += self._clock.notes()
        if not self._entry.kind:
            self._entry.kind = self._kinds.most_common(1)[0][0] if self._kinds else "text"

    def _fresh(self, line: str, number: int) -> Iterator[Remark]:
        """A line outside any message."""
        if START_LINE.match(line):
            is_dotted = self._introduction is not _NOBODY and line.endswith(".")
            self._draft = Draft(indent=len(line) - len(line.lstrip()), is_dotted=is_dotted)
            self._draft.take(line)
            self._began = self._now, number
            return
        read = self._clock.at_start(line)
        text = line
        if read is not None:
            self._now, text = read[0], line[read[1] :]
        introduction = introduction_in(text)
        if introduction is not None:
            self._introduction = introduction
            if introduction.time:
                self._now = self._clock.clock_only(introduction.time, self._now) or self._now
            self._kinds["SIP messages as text"] += 1
            return
        found = phrase_in(text)
        if found is None:
            return
        kind, source, user = found
        self._kinds[FAMILY_OF[kind.partition(".")[0]]] += 1
        self._entry.remarks += 1
        yield Remark(
            at=self._now if read is not None else (self._clock.anywhere(text) or self._now),
            kind=kind,
            source=source,
            user=words.party[user.encode()][0] or printable(user.encode()),
            text=printable(redact(text.strip(" ]\t").encode())),
            place=Place(file=self._entry.name, number=number),
        )

    def _finished(self) -> Iterator[Sighting]:
        draft, self._draft = self._draft, None
        if draft is None:
            return
        data = draft.data()
        introduction, self._introduction = self._introduction, _NOBODY
        if not looks_like_sip(data):
            self._skipped["messages in texts that cannot be read"] += 1
            return
        at, number = self._began
        if at is None:
            self._skipped[WITHOUT_TIME] += 1
            self._untimed += 1
            at = self._untimed * _STEP
        self._kinds["SIP messages as text"] += 1
        yield at, self._flow(introduction, data), data, number

    def _flow(self, told: Introduction, data: bytes) -> Flow:
        """The way a message went; the writer's own host is taken from Via, where it put it."""
        is_response = data.startswith(b"SIP/")
        host, port = told.host, told.port
        if host and told.is_sent is None:
            way = (host, port, told.to_host, told.to_port, told.transport)
        else:
            sender = words.via_host[self._heads.read(_ANY, data)[COMMON].values[SENT_BY]]
            own = "" if told.is_sent is is_response else sender
            is_out = told.is_sent if host else not is_response
            way = (own, 0, host, port, told.transport) if is_out else (host, port, own, 0, told.transport)
            if not host:
                way = (sender, 0, "", 0, "UDP") if not is_response else ("", 0, sender, 0, "UDP")
        if len(self._flows) > _MOST_FLOWS:
            self._flows.clear()
        return self._flows.setdefault(way, Flow(*way))


_ANY = Flow("", 0, "", 0)

"""The tolerant reader: any bytes become a reading with notes; nothing is raised.

`inspect` costs several times what `parse_message` does. Read with `parse_message`; inspect what it refuses,
or what a person or the doctor asks about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shiftline.errors import SipSyntaxError
from shiftline.sip.headers import Headers, canonical_name
from shiftline.sip.message import Request, Response, has_tag, read_headers, read_message
from shiftline.sip.notes import BODY, HEADERS, START_LINE, Level, Note, note
from shiftline.sip.value_checks import TOKEN_LISTS, Oddity, check_request_uri, check_row, check_value

_MOST_NOTES = 64
_MOST_VALUES = 64
_LONGEST_VALUE = 8192
_NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
_ONCE = frozenset({
    "Call-ID", "CSeq", "Content-Length", "Content-Type", "Date", "Event", "Expires", "From", "Max-Forwards",
    "MIME-Version", "Min-Expires", "Retry-After", "Server", "Subject", "Subscription-State", "To",
    "User-Agent",
})  # fmt: skip
_HEAD_END = re.compile(rb"\n\r?\n")
_ROW = re.compile(rb"\n([^\s:]++)[ \t]*+:")
_LINE_ODDITIES = (
    ("line.bare-lf", re.compile(rb"(?<!\r)\n"), "A line ends with a bare LF."),
    ("header.folded", re.compile(rb"\n[ \t]"), "A header goes on in the next line."),
    ("header.blank-before-colon", re.compile(rb"\n[^\s:]++[ \t]++:"), "A blank stands before a colon."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was made of some bytes.

    ``message`` is the nearest legal reading, None when the start line or its address cannot be read;
    ``headers`` are its headers, and in that case what looks like them.
    ``data`` are the bytes themselves, all of them, as they came. There are at most 64 notes.
    """

    data: bytes
    message: Request | Response | None
    headers: Headers
    notes: tuple[Note, ...]

    @property
    def errors(self) -> tuple[Note, ...]:
        """The notes that tell of a broken rule."""
        return tuple(found for found in self.notes if found.level is Level.ERROR)


def inspect(data: bytes) -> Inspection:
    """Read a datagram as far as it can be read, and note what is odd. Raises nothing.

    Rows longer than 8 KiB and values beyond the first 64 of a message are not looked into.
    """
    notebook = _Notebook(data)
    message: Request | Response | None
    try:
        message = read_message(data, notebook.report)
        headers = message.headers
    except SipSyntaxError:  # it is in the notebook
        message = None
        headers = read_headers(data, notebook.report)
    _look_at_lines(data, notebook)
    if message is not None:
        _look_at_start_line(message, notebook)
        _look_at_presence(message, notebook)
        _look_at_body(message, notebook)
    _look_at_values(headers, notebook)
    return Inspection(data=data, message=message, headers=headers, notes=tuple(notebook.notes))


class _Notebook:
    """Collects notes and finds the place of each."""

    def __init__(self, data: bytes) -> None:
        self.notes: list[Note] = []
        self.data = data
        self.begin = len(data) - len(data.lstrip(b"\r\n"))
        end = _HEAD_END.search(data, self.begin)
        self.head_end = end.start() + 1 if end else len(data)
        self.body_begin = end.end() if end else len(data)
        self._rows: dict[str, list[int]] | None = None

    @property
    def head(self) -> bytes:
        """Start line and header lines."""
        return self.data[self.begin : self.head_end]

    @property
    def start_line(self) -> bytes:
        """The first line, without its end."""
        return self.head.partition(b"\n")[0].removesuffix(b"\r")

    def report(self, fault: Note) -> SipSyntaxError:
        """Take a fault of the reader's."""
        self._take(replace(fault, offset=self.begin) if fault.where == START_LINE else fault)
        return SipSyntaxError(fault.text)

    def add(self, note_id: str, text: str, where: str, offset: int | None = None) -> None:
        """Note something of the start line, the body, or a place that is known."""
        self._take(note(note_id, text, where=where, offset=offset))

    def add_of_row(self, oddity: Oddity, name: str, nth: int = 0) -> None:
        """Note something of the nth row of a header."""
        if len(self.notes) < _MOST_NOTES:
            offsets = self._offsets().get(name, [])
            self.add(*oddity, where=name, offset=offsets[nth] if nth < len(offsets) else None)

    def _take(self, found: Note) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(found)

    def _offsets(self) -> dict[str, list[int]]:
        if self._rows is None:
            self._rows = {}
            for row in _ROW.finditer(self.data, self.begin, self.head_end):
                name = canonical_name(row[1].decode(errors="surrogateescape"))
                self._rows.setdefault(name, []).append(row.start() + 1)
        return self._rows


def _look_at_lines(data: bytes, notebook: _Notebook) -> None:
    if notebook.begin:
        notebook.add("start-line.preceded", "Blank lines precede the start line.", START_LINE, 0)
    for note_id, pattern, text in _LINE_ODDITIES:
        if found := pattern.search(data, notebook.begin, notebook.head_end):
            notebook.add(note_id, text, HEADERS, found.start())
    try:
        notebook.head.decode()
    except UnicodeDecodeError as error:
        offset = notebook.begin + error.start
        notebook.add("line.not-utf8", "A line holds bytes that are no UTF-8.", HEADERS, offset)


def _look_at_start_line(message: Request | Response, notebook: _Notebook) -> None:
    line = notebook.start_line
    parts = line.split(b" ")
    version = parts[0] if isinstance(message, Response) else parts[-1]
    if len(parts) < 3 or b"" in parts[: 2 if isinstance(message, Response) else None]:
        text = "The parts of the start line are not separated by one blank each."
        notebook.add("start-line.blanks", text, START_LINE, notebook.begin)
    if version.upper() != version:
        notebook.add("start-line.case", "The version is in lower case.", START_LINE, notebook.begin)
    if isinstance(message, Request):
        for oddity in check_request_uri(message.uri):
            notebook.add(*oddity, START_LINE, notebook.begin)
        words = (message.headers.get("CSeq") or "").split()
        if len(words) == 2 and words[1] != message.method:
            text = f"The request is {message.method[:40]} and its CSeq names {words[1][:40]}."
            notebook.add_of_row(("cseq.method", text), "CSeq")


def _look_at_presence(message: Request | Response, notebook: _Notebook) -> None:
    counts = Counter(name for name, _ in message.headers)
    for name in _NEEDED:
        if not counts[name]:
            notebook.add("header.missing", f"There is no {name} header.", name)
    for name in sorted(_ONCE & counts.keys()):
        if counts[name] > 1:
            notebook.add_of_row(("header.repeated", f"There are {counts[name]} {name} headers."), name, 1)
    if not counts["Content-Length"]:
        notebook.add("content-length.missing", "There is no Content-Length header.", "Content-Length")
    for note_id, name in _missing_by_kind(message):
        if not counts[name]:
            notebook.add(note_id, f"There is no {name} header.", name)
    for name in ("From", "To") if isinstance(message, Response) and message.status > 100 else ("From",):
        value = message.headers.get(name)
        if value is not None and not has_tag(value):
            notebook.add_of_row(("address.no-tag", f"{name} has no tag."), name)


def _missing_by_kind(message: Request | Response) -> Iterator[tuple[str, str]]:
    _, _, method = (message.headers.get("CSeq") or "").strip().rpartition(" ")
    if isinstance(message, Response):
        if method == "INVITE" and 200 <= message.status <= 299:
            yield "contact.missing", "Contact"
        return
    yield "max-forwards.missing", "Max-Forwards"
    if message.method in {"INVITE", "SUBSCRIBE", "NOTIFY"}:
        yield "contact.missing", "Contact"
    if message.method in {"SUBSCRIBE", "NOTIFY", "PUBLISH"}:
        yield "event.missing", "Event"
    if message.method == "NOTIFY":
        yield "subscription-state.missing", "Subscription-State"


def _look_at_values(headers: Headers, notebook: _Notebook) -> None:
    seen: Counter[str] = Counter()
    left = _MOST_VALUES
    for name, value in headers:
        nth = seen[name]
        seen[name] += 1
        if len(value) > _LONGEST_VALUE:
            text = f"This {name} is longer than {_LONGEST_VALUE} bytes and was not looked into."
            notebook.add_of_row(("value.long", text), name, nth)
            continue
        for oddity in check_row(name, value):
            notebook.add_of_row(oddity, name, nth)
        parts = [value] if name in TOKEN_LISTS else headers.split(name, value)
        for part in parts[: max(left, 0)]:
            left -= 1
            for oddity in check_value(name, part):
                notebook.add_of_row(oddity, name, nth)


def _look_at_body(message: Request | Response, notebook: _Notebook) -> None:
    end = notebook.body_begin + len(message.body)
    excess = len(notebook.data) - end
    if excess > 0:
        text = f"{excess} bytes follow the body."
        notebook.add("content-length.excess", text, BODY, end)
    if message.body and message.headers.get("Content-Type") is None:
        notebook.add("body.no-type", "There is a body and no Content-Type.", BODY, notebook.body_begin)

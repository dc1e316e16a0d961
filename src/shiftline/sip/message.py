"""Requests and responses (RFC 3261 section 7): a tolerant reader and a strict writer.

The reader takes what the field sends: folded lines, compact names, blanks before the colon, bare LF as
line end, a missing Content-Length. It raises SipSyntaxError for what cannot be read and nothing else.
Header values stay unread until someone asks for them.

There is one reader for two users: `parse_message` refuses a message at its first fault, and
`shiftline.sip.inspection.inspect` collects the faults and reads on where that has a meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.grammar import TOKEN, refuse_unwritable, require_token
from shiftline.sip.headers import CANONICAL_NAMES, Headers, canonical_name
from shiftline.sip.notes import BODY, END_OF_HEADERS, HEADERS, START_LINE, Note, Report, note
from shiftline.sip.uri import SipUri

_MAX_START_LINE_BYTES = 8192
_LONG_START_LINE = _MAX_START_LINE_BYTES // 4  # characters; each is at most four bytes
_MAX_HEADER_LINES = 512
_MAX_COMMAS = 1024
_MAX_USUAL_SIZE = 1500
_COPIED_TO_RESPONSES = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_TAG = re.compile(r";\s*tag\s*=", re.IGNORECASE)

REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 408: "Request Timeout", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    489: "Bad Event", 500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline",
}  # fmt: skip


@dataclass(slots=True)
class Request:
    """A request. `bytes` writes it, with Content-Length if the headers lack one; MisuseError if it cannot."""

    method: str
    uri: SipUri
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _write(
            f"{require_token(self.method, 'method')} {self.uri} SIP/2.0\r\n", self.headers, self.body
        )


@dataclass(slots=True)
class Response:
    """A response. `bytes` writes it as it does a request."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __bytes__(self) -> bytes:
        reason = refuse_unwritable(self.reason, "reason phrase")
        return _write(f"SIP/2.0 {self.status:03d} {reason}\r\n", self.headers, self.body)


def _write(start_line: str, headers: Headers, body: bytes) -> bytes:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    length = headers.get("Content-Length")
    if length is None:
        lines += f"Content-Length: {len(body)}\r\n"
    elif length != str(len(body)):
        raise MisuseError(f"Content-Length says {length} and the body has {len(body)} bytes.")
    if len(start_line) > _LONG_START_LINE and len(_encode(start_line)) > _MAX_START_LINE_BYTES:
        # Escaping makes a URI longer than it was read; what we write we also read.
        raise MisuseError(f"The start line is longer than {_MAX_START_LINE_BYTES} bytes.")
    return _encode(f"{start_line}{lines}\r\n") + body


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def parse_message(data: bytes) -> Request | Response:
    """Read one datagram. Raises SipSyntaxError, and nothing else, for what is no SIP message.

    Bytes after Content-Length are dropped, a body shorter than Content-Length is an error (RFC 3261
    section 18.3). Which headers must be there is not judged here.
    """
    return read_message(data, _refuse)


def _refuse(fault: Note) -> SipSyntaxError:
    raise SipSyntaxError(fault.text)


def read_message(data: bytes, report: Report) -> Request | Response:
    """Read one datagram and tell ``report`` of each fault.

    Where ``report`` returns, the reader goes on with the nearest legal reading; where there is none, it
    raises what ``report`` returned. So nothing but SipSyntaxError leaves this function.
    """
    data = data.lstrip(b"\r\n")  # required on streams only (section 7.5), and harmless here
    end = data.find(b"\n", 0, _MAX_START_LINE_BYTES)
    if end < 0:
        raise report(note("start-line.missing", "There is no start line.", where=START_LINE))
    start = _decode(data[:end], START_LINE, report)
    parts = [part for part in start.split(" ") if part]
    if parts and parts[0].upper() == "SIP/2.0":
        status = _read_status(parts, report)
        headers, body = _read_rest(data, end + 1, report)
        return Response(status, " ".join(parts[2:]), headers, body)
    method, uri = _read_request_line(parts, start, report)
    headers, body = _read_rest(data, end + 1, report)
    return Request(method, uri, headers, body)


def read_headers(data: bytes, report: Report) -> Headers:
    """The headers of a datagram whatever its first line says; for a message that nobody can read."""
    data = data.lstrip(b"\r\n")
    end = data.find(b"\n", 0, _MAX_START_LINE_BYTES)
    return _read_rest(data, end + 1, report)[0] if end >= 0 else Headers()


def read_part_headers(head: bytes) -> Headers:
    """The headers of a body part (RFC 2046 section 5.1). Raises SipSyntaxError."""
    return Headers.of_checked_rows(_read_rows(head, _refuse))


def _read_request_line(parts: list[str], line: str, report: Report) -> tuple[str, SipUri]:
    if len(parts) != 3 or not TOKEN.fullmatch(parts[0]):
        text = f"The start line {line[:80]!r} is none of SIP."
        raise report(note("start-line.unreadable", text, where=START_LINE))
    if parts[2].upper() != "SIP/2.0":
        text = f"The version {parts[2][:20]!r} is not SIP/2.0."
        raise report(note("start-line.version", text, where=START_LINE))
    return parts[0], _read_uri(parts[1], report)


def _read_uri(address: str, report: Report) -> SipUri:
    try:
        return SipUri.parse(address)
    except SipSyntaxError as error:
        fault = error
    try:
        inner = SipUri.parse(address[1:-1] if address[:1] + address[-1:] == "<>" else "")
    except SipSyntaxError:
        raise report(note("start-line.uri", str(fault), where=START_LINE)) from fault
    report(note("start-line.brackets", str(fault), where=START_LINE))
    return inner


def _read_status(parts: list[str], report: Report) -> int:
    text = parts[1] if len(parts) > 1 else ""
    if len(text) != 3 or not text.isascii() or not text.isdigit() or not 100 <= int(text) <= 699:
        words = f"The status code {text[:20]!r} is not a number from 100 to 699."
        raise report(note("start-line.status", words, where=START_LINE))
    return int(text)


def _read_rest(data: bytes, start: int, report: Report) -> tuple[Headers, bytes]:
    # Either line end may stand before the blank line, so it begins at whichever comes first.
    crlf, bare = data.find(b"\n\r\n", start - 1), data.find(b"\n\n", start - 1)
    if crlf < 0 and bare < 0:
        text = "No blank line ends the headers; the message may have been cut short."
        report(note("headers.cut", text, where=END_OF_HEADERS, offset=len(data)))
        end, body = max(start - 1, data.rfind(b"\n")), b""  # a line without its end may be half a value
    elif bare < 0 or 0 <= crlf < bare:
        end, body = crlf, data[crlf + 3 :]
    else:
        end, body = bare, data[bare + 2 :]
    headers = Headers.of_checked_rows(_read_rows(data[start:end], report))
    written = headers.get("Content-Length")
    if written is None:
        return headers, body  # a datagram ends where it ends (section 18.3)
    length = _read_length(written, len(body), report)
    if written != str(length):
        headers.replace_first("Content-Length", str(length))
    return headers, body[:length]


def _read_rows(head: bytes, report: Report) -> list[tuple[str, str]]:
    return _read_usual_rows(head) or _read_any_rows(head, report)


def _read_usual_rows(head: bytes) -> list[tuple[str, str]]:
    """Nearly every head in half the time: lines end with CR LF, no folds, names we know. Else nothing."""
    text = head.removesuffix(b"\r").decode(errors="surrogateescape")
    lines = text.split("\r\n", _MAX_HEADER_LINES)
    ends = len(lines) - 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text or len(text) > _MAX_USUAL_SIZE:
        return []
    try:
        return [
            (CANONICAL_NAMES[name if colon else ""], value.strip(" \t"))
            for name, colon, value in [line.partition(":") for line in lines]
        ]
    except KeyError:
        return []


def _read_any_rows(head: bytes, report: Report) -> list[tuple[str, str]]:
    text = _decode(head, HEADERS, report)
    if not text:
        return []
    lines = text.split("\n", _MAX_HEADER_LINES)
    if len(lines) > _MAX_HEADER_LINES:
        report(note("headers.too-many", f"There are more than {_MAX_HEADER_LINES} header lines."))
        del lines[_MAX_HEADER_LINES:]
    if text.count(",") > _MAX_COMMAS:  # each may begin another value to be read
        report(note("headers.too-many", f"There are more than {_MAX_COMMAS} commas in the headers."))
    if "\n " in text or "\n\t" in text:
        lines = _unfold(lines)
    rows = []
    for line in lines:
        name, colon, value = line.partition(":")
        canonical = CANONICAL_NAMES.get(name)
        if canonical is None or not colon:
            canonical = _read_name(name.rstrip(" \t"), colon, report)
            if not canonical:
                continue
        rows.append((canonical, value.strip(" \t")))
    return rows


def _decode(lines: bytes, where: str, report: Report) -> str:
    """The lines as text, each ended by LF but the last. Bytes that are no UTF-8 become surrogates.

    An escaped NUL, which only a quoted string may hold (section 25.1), becomes U+FFFD: no value holds NUL.
    """
    text = lines.decode(errors="surrogateescape").replace("\r\n", "\n").removesuffix("\r")
    if "\0" in text:
        text = text.replace("\\\0", "\ufffd")
    if "\r" in text or "\0" in text:
        report(note("line.control", "A line holds a bare CR or NUL.", where=where))
        text = text.replace("\r", " ").replace("\0", " ")
    return text


def _read_name(name: str, colon: str, report: Report) -> str:
    """The canonical name; "" for a line to be skipped."""
    if not colon or not TOKEN.fullmatch(name):
        report(note("header.unreadable", f"The header line {name[:80]!r} has no name and colon."))
        return ""
    return canonical_name(name)


def _unfold(lines: list[str]) -> list[str]:
    """Join continuation lines: a line break and the blanks after it count as one blank (section 7.3.1)."""
    folds: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and folds:
            folds[-1].append(line.strip(" \t"))
        else:
            folds.append([line])
    return [" ".join(fold) for fold in folds]


def _read_length(text: str, available: int, report: Report) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        words = f"The Content-Length {text[:20]!r} is not a number."
        report(note("content-length.unreadable", words, where="Content-Length"))
        return available
    length = int(text)
    if length > available:
        words = f"Content-Length says {length} and the body has {available} bytes."
        report(note("content-length.short", words, where=BODY))
        return available
    return length


def response_to(request: Request, status: int, reason: str = "", *, to_tag: str | None = None) -> Response:
    """A response that copies Via, From, To, Call-ID and CSeq (RFC 3261 section 8.2.6.2).

    ``to_tag`` is added to To when To has none yet; 100 needs none, every other response does.
    """
    rows = [row for row in request.headers if row[0] in _COPIED_TO_RESPONSES]
    response = Response(status, reason or REASONS.get(status, ""), Headers.of_checked_rows(rows))
    if to_tag is not None and (to := response.headers.get("To")) is not None and not has_tag(to):
        response.headers.set("To", f"{to};tag={require_token(to_tag, 'tag')}")
    return response


def has_tag(value: str) -> bool:
    """Whether a From or To value carries a tag, without reading the rest of it."""
    return _TAG.search(value.rpartition(">")[2]) is not None

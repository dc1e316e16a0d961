"""SIP messages that stand in a text: what sngrep, sipgrep, Asterisk and FreeSWITCH print, or somebody pasted.

Each dump begins with a line that says whence and whither, except for a message that was pasted alone; it
ends after its body, or where a line can be no header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PEER = r"\[?(?P<host>[0-9A-Fa-f.:]{2,45}?|[\w.-]{1,253})\]?:(?P<port>\d{1,5})"
_INTRODUCTIONS = (
    # Asterisk: pjsip set logger on
    re.compile(
        r"<--- (?P<way>Received|Transmitting) SIP (?:request|response) \(\d+ bytes\) (?:from|to) "
        rf"(?P<transport>UDP|TCP|TLS|WSS?):{_PEER} --->"
    ),
    # Asterisk: sip set debug on
    re.compile(rf"<--- SIP (?P<way>read) from (?:(?P<transport>UDP|TCP|TLS|WSS?):)?{_PEER} --->"),
    re.compile(rf"(?:<--- )?(?:Reliably |Re)?(?P<way>[Tt]ransmitting)(?: #\d+)? \((?:no )?NAT\) to {_PEER}"),
    # FreeSWITCH: sofia global siptrace on
    re.compile(
        r"(?P<way>recv|send) \d+ bytes (?:from|to) (?P<transport>udp|tcp|tls|wss?)/"
        rf"{_PEER}(?: at (?P<time>[\d:.]+))?"
    ),
)
_ARROW = re.compile(
    r"(?P<host>[0-9A-Fa-f.:]{2,45}?):(?P<port>\d{1,5}) (?:-+>|=+>) "
    r"\[?(?P<to_host>[0-9A-Fa-f.:]{2,45}?)\]?:(?P<to_port>\d{1,5})(?=\s|$)"
)
_WORDS = ("->", "ransmitting", "Received SIP", "SIP read", "bytes to", "bytes from", "=>")
START_LINE = re.compile(r"\s*(?:SIP/2\.0 [1-6]\d\d(?: |$)|[A-Z]{3,16} (?:sips?|tel):\S+ SIP/2\.0\.?\s*$)")
_HEADER = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}[ \t]*:")
_LENGTH = re.compile(r"(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})", re.IGNORECASE)
_TIME_BEFORE = re.compile(r"\[[^\]\n]{8,40}\] ")
_MOST_LINES = 1000
_MOST_BODY = 65_535


@dataclass(frozen=True, slots=True)
class Introduction:
    """Whence and whither, as far as a dump's first line says it; an unknown host is empty."""

    is_sent: bool | None
    """Whether whoever wrote the log sent it; None where both ends are named or neither."""
    transport: str = "UDP"
    host: str = ""
    port: int = 0
    to_host: str = ""
    to_port: int = 0
    time: str = ""


def introduction_in(line: str) -> Introduction | None:
    """The introduction of a dump in a line, or None."""
    if not any(word in line for word in _WORDS):
        return None
    for pattern in _INTRODUCTIONS:
        found = pattern.search(line)
        if found is not None:
            groups = found.groupdict()
            return Introduction(
                is_sent=found["way"].lower() in ("transmitting", "send"),
                transport=(groups.get("transport") or "UDP").upper(),
                host=found["host"],
                port=_port(found["port"]),
                time=groups.get("time") or "",
            )
    found = _ARROW.search(line)
    if found is None:
        return None
    return Introduction(
        is_sent=None, host=found["host"], port=_port(found["port"]), to_host=found["to_host"],
        to_port=_port(found["to_port"]),
    )  # fmt: skip


def _port(text: str) -> int:
    return min(65_535, int(text))


@dataclass(slots=True)
class Draft:
    """A message while its lines come in."""

    indent: int
    is_dotted: bool = False
    """Whether each line ends in a dot: ngrep's sign for the CR."""
    lines: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    missing: int = -1
    """Bytes of the body that are still to come; -1 while the head is being read."""

    def take(self, line: str) -> bool:
        """Take the next line; False when it is none of this message, which is then over."""
        line = line.removesuffix(".") if self.is_dotted else line
        if self.missing >= 0:
            return self._take_body(line)
        text = _TIME_BEFORE.sub("", line, count=1) if line.startswith("[") else line
        text = text[self.indent :] if not text[: self.indent].strip() else text.lstrip()
        if not text.strip():
            length = next((found[1] for one in self.lines if (found := _LENGTH.match(one))), "0")
            self.missing = min(int(length), _MOST_BODY)
            return True
        is_row = text[0] in " \t" or _HEADER.match(text) is not None
        if not self.lines or (is_row and len(self.lines) < _MOST_LINES):
            self.lines.append(text)
            return True
        return False

    def _take_body(self, line: str) -> bool:
        if (
            self.missing <= 0
            or len(self.body) >= _MOST_LINES
            or START_LINE.match(line)
            or introduction_in(line)
        ):
            return False
        text = line[self.indent :] if not line[: self.indent].strip() else line
        self.body.append(text)
        self.missing -= len(text.encode()) + 2
        return True

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come."""
        return self.missing == 0 or (self.missing < 0 and bool(self.body))

    def data(self) -> bytes:
        """The message as it went over the wire, as far as the text tells."""
        head = "\r\n".join(self.lines)
        return f"{head}\r\n\r\n".encode() + "".join(f"{row}\r\n" for row in self.body).encode()

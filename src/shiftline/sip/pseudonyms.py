"""Other names for people and numbers in SIP messages, the same ones everywhere: a trace stays readable.

Learn from all messages first, then rewrite them. A name is the user of a URI, a telephone number, a digest
user name or a display name. Once learned it is replaced wherever it stands as a word of its own: in headers
that carry data, in bodies, in free text. Fields that are numbers by their nature (CSeq, lengths, times, the
status) are left alone, or user 200 would change each answer.

Hosts, addresses, Call-IDs and User-Agents stay: whoever runs a trunk finds the calls by them.

Rules of this file: never raise; a message without names is not changed. Redact (`redaction`) before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from shiftline.sip.redaction import body_length, with_length

_URI = re.compile(rb"\bsips?:([^@\s<>;?:\"]+)(?=[^@\s<>\"]*@)", re.IGNORECASE)
_TEL = re.compile(rb"\btel:(\+?[0-9.()*#-]+)", re.IGNORECASE)
_USERNAME = re.compile(rb"\busername\*?[ \t]*=[ \t]*\"([^\"\r\n]+)\"", re.IGNORECASE)
_DISPLAY = re.compile(
    rb"^[^:\r\n]{1,40}:[ \t]*(?:\"([^\"\r\n]+)\"|([^\"<>\r\n:;,]+?))[ \t]*<(?:sips?|tel):", re.IGNORECASE
)
_FIXED = re.compile(
    rb"(?:via|v|cseq|call-id|i|max-forwards|content-length|l|content-type|c|expires|min-expires|retry-after"
    rb"|date|timestamp|session-expires|x|min-se|rack|rseq|server|user-agent|allow|supported|k|require|accept"
    rb"|warning|event|o|sip/2\.0)(?:[ \t]*:|[ ])",
    re.IGNORECASE,
)
"""Lines of which only URIs and digest names are rewritten."""
_WORD = r"[\w.+-]"
_NUMBER = re.compile(r"\+?[0-9.()*#-]+")
_SHORTEST_NUMBER = 4
"""Digits of a number that is replaced in bodies and free text: shorter ones are anything."""


class Pseudonyms:
    """Names with what stands for them, in the order in which they were met: user1, number1, ..."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts = {"user": 0, "number": 0}
        self._in_headers: re.Pattern[str] | None = None
        self._in_text: re.Pattern[str] | None = None

    def learn(self, *names: str) -> None:
        """Give each a pseudonym, if it has none."""
        for name in names:
            if name and name not in self._given and name not in self._given.values():
                kind = "number" if _NUMBER.fullmatch(name) else "user"
                self._counts[kind] += 1
                self._given[name] = f"{kind}{self._counts[kind]}"
                self._in_headers = self._in_text = None

    def learn_from(self, messages: Iterable[bytes]) -> None:
        """Learn every name that messages write as one."""
        for data in messages:
            for pattern in (_URI, _TEL, _USERNAME):
                for found in pattern.finditer(data):
                    self.learn(*_names_of(found[1]))
            for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
                if shown := _DISPLAY.match(line):
                    self.learn((shown[1] or shown[2]).decode(errors="replace"))

    def text(self, text: str) -> str:
        """Free text with the learned names replaced; a text that is a name as a whole is replaced, too."""
        if text in self._given:
            return self._given[text]
        return self._pattern(in_text=True).sub(lambda found: self._given[found[0]], text)

    def message(self, data: bytes) -> bytes:
        """A message with the learned names replaced; Content-Length follows the body."""
        head, end, body = data.partition(b"\r\n\r\n")
        lines = [self._line(line) for line in head.split(b"\r\n")]
        shown = b"\r\n".join(lines) + end + self._uris(self._free(body, in_text=True))
        return with_length(shown, body_length(shown) - body_length(data))

    def _line(self, line: bytes) -> bytes:
        line = self._uris(line)
        return line if _FIXED.match(line) else self._free(line, in_text=False)

    def _uris(self, data: bytes) -> bytes:
        for pattern in (_URI, _TEL, _USERNAME):
            data = pattern.sub(self._of_match, data)
        return data

    def _of_match(self, found: re.Match[bytes]) -> bytes:
        start = found.start(1) - found.start()
        name, rest = _split(found[1])
        given = self._given.get(name.decode(errors="replace"))
        if given is None:
            return found[0]
        return found[0][:start] + given.encode() + rest + found[0][start + len(found[1]) :]

    def _free(self, data: bytes, *, in_text: bool) -> bytes:
        if not data:
            return data
        text = data.decode("latin-1")  # every byte comes back as it was
        return self._pattern(in_text=in_text).sub(lambda found: self._given[found[0]], text).encode("latin-1")

    def _pattern(self, *, in_text: bool) -> re.Pattern[str]:
        known = self._in_text if in_text else self._in_headers
        if known is not None:
            return known
        names = [one for one in self._given if not in_text or _is_long(one)]
        longest_first = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
        made = re.compile(rf"(?<!{_WORD})(?:{longest_first})(?!{_WORD})" if names else r"(?!)")
        if in_text:
            self._in_text = made
        else:
            self._in_headers = made
        return made


def _names_of(value: bytes) -> tuple[str, ...]:
    name, _ = _split(value)
    return (name.decode(errors="replace"),)


def _split(value: bytes) -> tuple[bytes, bytes]:
    """A digest user name may carry its domain."""
    name, at, domain = value.partition(b"@")
    return name, at + domain


def _is_long(name: str) -> bool:
    return len(name) >= _SHORTEST_NUMBER if _NUMBER.fullmatch(name) else len(name) > 1

"""Other names for people and numbers in SIP messages, the same ones everywhere: a trace stays readable.

Learn from all messages first, then rewrite them. A name is the user of a URI, a telephone number, a digest
user name or a display name. Once learned it is replaced wherever it stands as a word of its own, in whatever
case: in headers, warnings, reason phrases, Call-IDs, in free text. Fields that are numbers by their nature
(CSeq, lengths, times, the status) are left alone, or user 200 would change each answer.

Bodies other than session descriptions are left out, and of those the lines that are written for people:
they name whom no header names. So are the ids of devices (``+sip.instance``), which hold MAC addresses.

Hosts, addresses and programs stay, and Call-IDs but for names in them: whoever runs a trunk finds the calls
by them.

Rules of this file: never raise; a head without names is not changed. Redact (`redaction`) before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto

from shiftline.sip.redaction import body_length, with_length

_URI = re.compile(rb"\bsips?:([^@\s<>;?:\"]+)(?=[^@\s<>\"]*@)", re.IGNORECASE)
_TEL = re.compile(rb"\btel:(\+?[0-9.()*#-]+)", re.IGNORECASE)
_USERNAME = re.compile(rb"\busername\*?[ \t]*=[ \t]*\"([^\"\r\n]+)\"", re.IGNORECASE)
_DISPLAY = re.compile(
    rb"(?:^[^:\r\n]{1,40}:|[,'])[ \t]*(?:\"([^\"\r\n]+)\"|([^\"<>\r\n:;,\s][^\"<>\r\n:;,]*?))"
    rb"[ \t]*<(?:sips?|tel):",
    re.IGNORECASE,
)
_FIXED = re.compile(
    rb"(?:via|v|cseq|max-forwards|content-length|l|content-type|c|expires|min-expires|retry-after"
    rb"|date|timestamp|session-expires|x|min-se|rack|rseq|allow|supported|k|require|accept|event|o)[ \t]*:",
    re.IGNORECASE,
)
"""Lines of which only URIs and digest names are rewritten."""
_TOLD = re.compile(
    rb"(SIP/2\.0 [0-9]{3} |(?:warning|user-agent|server)[ \t]*:)(.*)", re.IGNORECASE | re.DOTALL
)
"""Lines that begin with what is fixed, and go on as free text."""
_CALL_ID = re.compile(rb"((?:call-id|i)[ \t]*:)(.*)", re.IGNORECASE | re.DOTALL)
_FIELD = re.compile(rb"([^:\s]{1,60}[ \t]*:|[A-Z]{1,20} )?(.*)", re.DOTALL)
"""A header's name, or a request's method, and the rest."""
_CONTENT = re.compile(rb"\r\n(?:content-type|c)[ \t]*:[ \t]*([^\r\n;]*)", re.IGNORECASE)
_DEVICE = re.compile(rb"\burn:(?:uuid|gsma|imei|esn|meid)[:%][^\s\"<>;,]+", re.IGNORECASE)
_FOR_PEOPLE = re.compile(rb"^([siuep]=)[^\r\n]+", re.MULTILINE)
"""Subject, information, web address, e-mail and telephone of a session description (RFC 8866)."""
_BEFORE, _AFTER = r"(?<!\w)(?<!\w[.+-])", r"(?!\w|[.+-]\w)"
_BEFORE_PART, _AFTER_PART = r"(?<![^\W_])", r"(?![^\W_])"
"""In a Call-ID a name is joined to what makes it unique by any sign."""
_NUMBER = re.compile(r"\+?[0-9.()*#-]+")
_SHORTEST_NUMBER, _SHORTEST_IN_CALL_ID = 4, 7
"""Digits of a number that is replaced in free text and in Call-IDs: shorter ones are anything."""
_OF_THE_PROTOCOL = frozenset({"sip", "sips", "tel", "udp", "tcp", "tls", "phone", "user", "digest"})
"""Words that every message has: a user of that name is renamed in URIs only."""


_LEFT_OUT = re.compile(rb"\([0-9]+ bytes left out\)")


class _Where(Enum):
    """In what a name is looked for."""

    HEADER = auto()
    TEXT = auto()
    CALL_ID = auto()


class Pseudonyms:
    """Names with what stands for them, in the order in which they were met: user1, number1, ..."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._folded: dict[str, str] = {}
        self._devices: dict[bytes, bytes] = {}
        self._patterns: dict[_Where, re.Pattern[str]] = {}

    def learn(self, *names: str, kind: str = "user") -> None:
        """Give each a pseudonym of its kind, if it has none; a user's that is a number says so."""
        for name in names:
            if name and name not in self._given and name not in self._given.values():
                kind_of_it = "number" if kind == "user" and _NUMBER.fullmatch(name) else kind
                self._counts[kind_of_it] += 1
                self._give(name, f"{kind_of_it}{self._counts[kind_of_it]}")

    def _give(self, name: str, pseudonym: str) -> None:
        self._given[name] = pseudonym
        self._folded.setdefault(name.casefold(), pseudonym)
        if name.startswith("+"):  # some write the number without it
            self._given.setdefault(name[1:], pseudonym)
        self._patterns.clear()

    def learn_from(self, messages: Iterable[bytes]) -> None:
        """Learn every name that messages write as one."""
        for data in messages:
            for pattern in (_URI, _TEL, _USERNAME):
                for found in pattern.finditer(data):
                    self.learn(*_names_of(found[1]))
            for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
                for shown in _DISPLAY.finditer(line):
                    self.learn((shown[1] or shown[2]).decode(errors="replace"))

    def text(self, text: str) -> str:
        """Free text with the learned names replaced; a text that is a name as a whole is replaced, too."""
        if text in self._given:
            return self._given[text]
        return self._replaced(text, _Where.TEXT)

    def argument(self, text: str) -> str:
        """What a command line gives to a name: short numbers mean it there, as they do in headers."""
        if text in self._given:
            return self._given[text]
        addressed = self._uris(text.encode(errors="surrogateescape"))
        return self._replaced(addressed.decode(errors="surrogateescape"), _Where.HEADER)

    def message(self, data: bytes) -> bytes:
        """A message with the learned names replaced; Content-Length follows the body."""
        head, end, body = data.partition(b"\r\n\r\n")
        lines = [self._line(line) for line in head.split(b"\r\n")]
        shown = self._without_devices(b"\r\n".join(lines)) + end + self._body(head, body)
        return with_length(shown, body_length(shown) - body_length(data))

    def _line(self, line: bytes) -> bytes:
        line = self._uris(line)
        if _FIXED.match(line):
            return line
        for pattern, where in ((_TOLD, _Where.TEXT), (_CALL_ID, _Where.CALL_ID), (_FIELD, _Where.HEADER)):
            if found := pattern.fullmatch(line):
                return (found[1] or b"") + self._free(found[2], where)
        return line

    def _body(self, head: bytes, body: bytes) -> bytes:
        """A session description without what it tells people; of any other body only its size."""
        if not body.strip():
            return body
        kind = _CONTENT.search(head)
        if kind is not None and kind[1].strip().lower() == b"application/sdp":
            plain = _FOR_PEOPLE.sub(rb"\1-", body)
            return self._uris(self._free(plain, _Where.TEXT))
        return body if _LEFT_OUT.fullmatch(body) else b"(%d bytes left out)" % len(body)

    def _without_devices(self, head: bytes) -> bytes:
        return _DEVICE.sub(self._device, head)

    def _device(self, found: re.Match[bytes]) -> bytes:
        if found[0] in self._devices.values():
            return found[0]
        return self._devices.setdefault(found[0], b"urn:uuid:device%d" % (len(self._devices) + 1))

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

    def _free(self, data: bytes, where: _Where) -> bytes:
        if not data:
            return data
        text = data.decode(errors="surrogateescape")  # every byte comes back as it was
        return self._replaced(text, where).encode(errors="surrogateescape")

    def _replaced(self, text: str, where: _Where) -> str:
        return self._pattern(where).sub(self._of_word, text)

    def _of_word(self, found: re.Match[str]) -> str:
        """By its own writing, else by that in another case; letters fold in ways of their own."""
        word = found[0]
        return self._given.get(word) or self._folded.get(word.casefold(), "user")

    def _pattern(self, where: _Where) -> re.Pattern[str]:
        known = self._patterns.get(where)
        if known is not None:
            return known
        names = [one for one in self._given if one.casefold() not in _OF_THE_PROTOCOL and _stands(one, where)]
        longest_first = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
        before, after = (_BEFORE_PART, _AFTER_PART) if where is _Where.CALL_ID else (_BEFORE, _AFTER)
        made = re.compile(rf"{before}(?:{longest_first}){after}" if names else r"(?!)", re.IGNORECASE)
        self._patterns[where] = made
        return made


def _names_of(value: bytes) -> tuple[str, ...]:
    name, _ = _split(value)
    return (name.decode(errors="replace"),)


def _split(value: bytes) -> tuple[bytes, bytes]:
    """A digest user name may carry its domain."""
    name, at, domain = value.partition(b"@")
    return name, at + domain


def _stands(name: str, where: _Where) -> bool:
    """Whether such a text means the name where it is met in such a place, and not just anything."""
    if where is _Where.HEADER:
        return True
    shortest = _SHORTEST_IN_CALL_ID if where is _Where.CALL_ID else _SHORTEST_NUMBER
    return len(name) >= shortest if _NUMBER.fullmatch(name) else len(name) > 1

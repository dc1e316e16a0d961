"""Messages as templates: what does not change is bytes, what does is a slot; built once per source address.

The language is SIPp's, as far as a generator of requests needs it: ``[branch] [call_id] [call_number]
[cseq] [field0] [service] [authentication] [peer_tag_param] [remote_ip] [remote_port] [local_ip]
[local_port] [transport] [len]``. `render` is the hot path: one tuple, one C-level pick, one join.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from operator import itemgetter

from shiftline.errors import ConfigurationError

COOKIE = "z9hG4bK"
"""What every branch begins with (RFC 3261 section 8.1.1.7)."""
KEY_BYTES = 9
"""Of the key of a transaction: eight digits of the flow's number and the letter of its attempt."""
_WORD = re.compile(r"\[(?![0-9a-fA-F:.]+\])([A-Za-z][^\s\]]*)(?:\s[^\]]*)?\]")
"""A word in brackets, with what it is given; an IPv6 address is none."""
_AUTHENTICATION = re.compile(r"\[authentication[^\]]*\](?:\r\n)?", re.IGNORECASE)


class Slot(IntEnum):
    """What changes from request to request, in the order in which `Template.render` takes it."""

    FLOW = 0
    """Eight hexadecimal digits, another for each flow of a process."""
    ATTEMPT = 1
    """One letter, another for each transaction of a flow."""
    CSEQ = 2
    USER = 3
    AUTHORIZATION = 4
    """The whole row with its line end, or nothing."""
    PEER_TAG = 5
    """``;tag=...`` of the other side's To, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a template's messages go and come from; ``mark`` is a text that no other process's run has."""

    remote_host: str
    remote_port: int
    local_host: str
    local_port: int
    transport: str
    mark: str

    @property
    def branch_start(self) -> bytes:
        """What the branches of all our requests begin with; the transaction's key follows."""
        return f"{COOKIE}{self.mark}".encode()


Values = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
"""What fills the slots, in the order of `Slot`."""


class Template:
    """One request, ready for one source address. Raises ConfigurationError for a word we do not know."""

    __slots__ = ("_pieces", "pick", "statics")

    def __init__(self, text: str, place: Place) -> None:
        self._pieces = pieces = _pieces(_with_length(_lines(text), place), place)
        self.statics: tuple[bytes, ...] = tuple(piece for piece in pieces if isinstance(piece, bytes))
        order: list[int] = []
        static = len(Slot)
        for piece in pieces:
            if isinstance(piece, bytes):
                order.append(static)
                static += 1
            else:
                order.append(int(piece))
        # One empty piece more: a pick of a single index would be no tuple.
        self.statics += (b"",)
        self.pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]] = itemgetter(*order, static)

    def render(self, values: Values) -> bytes:
        """The message with these values."""
        return b"".join(self.pick(values + self.statics))

    def fixed_start_of(self, method: str) -> bytes:
        """The Request-URI if no slot stands before its end; else nothing."""
        first = self._pieces[0]
        start = len(method) + 1
        end = first.find(b" SIP/2.0\r\n") if isinstance(first, bytes) else -1
        return first[start:end] if isinstance(first, bytes) and end >= 0 else b""


def _lines(text: str) -> str:
    """The text with CRLF, without the indent that XML gave it, and with the empty line that ends the head."""
    lines = [line.strip() for line in text.strip().splitlines()]
    head, empty, body = "\r\n".join(lines).partition("\r\n\r\n")
    return f"{head}\r\n\r\n{body}\r\n" if empty and body else f"{head}\r\n\r\n"


def _with_length(text: str, place: Place) -> str:
    if "[len]" not in text:
        return text
    _, _, body = text.partition("\r\n\r\n")
    whole = _pieces(body, place) if body else []
    if any(isinstance(piece, Slot) for piece in whole):
        raise ConfigurationError(
            "The body of a message has a word that changes from call to call, so [len] cannot be known.",
            remedy="Leave such words out of the body.",
        )
    return text.replace("[len]", str(sum(len(piece) for piece in whole if isinstance(piece, bytes))))


def _pieces(text: str, place: Place) -> list[bytes | Slot]:
    pieces: list[bytes | Slot] = []
    at = 0
    text = _AUTHENTICATION.sub("[authentication]", text)
    for found in _WORD.finditer(text):
        _append(pieces, text[at : found.start()])
        for piece in _meaning(found[1].lower(), found[0], place):
            if isinstance(piece, str):
                _append(pieces, piece)
            else:
                pieces.append(piece)
        at = found.end()
    _append(pieces, text[at:])
    return pieces


def _append(pieces: list[bytes | Slot], text: str) -> None:
    """Add static text, joined to static text before it."""
    if not text:
        return
    data = text.encode()
    last = pieces[-1] if pieces else None
    if isinstance(last, bytes):
        pieces[-1] = last + data
    else:
        pieces.append(data)


def _meaning(word: str, written: str, place: Place) -> tuple[str | Slot, ...]:
    if (fixed := _fixed_words(place).get(word)) is not None:
        return (fixed,)
    if (slots := _SLOT_WORDS.get(word)) is not None:
        return slots
    if word == "branch":
        return (f"{COOKIE}{place.mark}", Slot.FLOW, Slot.ATTEMPT)
    if word == "call_id":
        return (place.mark, Slot.FLOW, f"@{place.local_host}")
    raise ConfigurationError(
        f"The word {written} of the scenario is none that storm knows.",
        remedy=f"It knows: {', '.join(f'[{name}]' for name in sorted(known_words()))}.",
    )


_SLOT_WORDS: Mapping[str, tuple[Slot, ...]] = {
    "call_number": (Slot.FLOW,),
    "cseq": (Slot.CSEQ,),
    "field0": (Slot.USER,),
    "service": (Slot.USER,),
    "authentication": (Slot.AUTHORIZATION,),
    "peer_tag_param": (Slot.PEER_TAG,),
}


def _fixed_words(place: Place) -> dict[str, str]:
    return {
        "remote_ip": _written(place.remote_host),
        "remote_port": str(place.remote_port),
        "local_ip": _written(place.local_host),
        "local_port": str(place.local_port),
        "local_ip_type": "6" if ":" in place.local_host else "4",
        "media_ip": place.local_host,
        "media_ip_type": "6" if ":" in place.local_host else "4",
        "media_port": "9",
        "transport": place.transport,
        "pid": place.mark,
    }


def known_words() -> frozenset[str]:
    """Every word that a template may have."""
    nowhere = Place(remote_host="", remote_port=0, local_host="", local_port=0, transport="", mark="")
    return frozenset({*_SLOT_WORDS, *_fixed_words(nowhere), "branch", "call_id", "len"})


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host

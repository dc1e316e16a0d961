"""What was asked and what came back, whoever saw it: a capture's reader, a log's reader or our own probes.

The doctor reasons over these records alone, so that passive and active evidence meet in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, TypedDict, TypeVar, dataclass_transform

NO_HINTS: Mapping[str, str] = MappingProxyType({})
Record = TypeVar("Record")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(kind: type[Record]) -> type[Record]:
    """A dataclass that the type checker keeps frozen, and that is cheap to make.

    A capture of a million messages makes millions of these. Frozen at run time, too, an exchange costs
    3.6 us instead of 1.3: a fifth of all the time that reading takes.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(kind)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def wide_record(kind: type[Record]) -> type[Record]:
    """A record of many fields, without slots: `like` copies it whole, in a third of the time of making it."""
    return dataclass(kw_only=True, unsafe_hash=True)(kind)


@record
class Place:
    """Where a reader can look it up: a file's name and the number of the packet (from 1) or line in it."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}#{self.number}"


@record
class Carried:
    """The Authorization or Proxy-Authorization of a request, without its response value."""

    username: str
    realm: str
    nonce: str
    nonce_count: int | None = None
    algorithm: str = "MD5"


@record
class Challenge:
    """What a 401 or 407 asked for (RFC 3261 section 20.44); ``algorithms`` in the server's order."""

    realm: str
    nonce: str
    algorithms: tuple[str, ...] = ("MD5",)
    is_stale: bool = False


@wide_record
class Exchange:
    """One SIP request with its copies and its final answer.

    ``at`` is when the first copy was seen: seconds since the epoch in a capture, the driver's clock in a
    probe; only differences count. Hosts are texts as they were written, without a port. What a source
    cannot tell is empty or None: a log knows no sizes.
    """

    at: float
    source: str
    source_port: int = 0
    target: str = ""
    target_port: int = 0
    transport: str = "UDP"
    method: str
    user: str = ""
    """Of To for a REGISTER, else of the Request-URI."""
    uri_host: str = ""
    from_user: str = ""
    from_host: str = ""
    contact_host: str = ""
    via_host: str = ""
    user_agent: str = ""
    call_id: str = ""
    event: str = ""
    headers: tuple[str, ...] = ()
    """The names of the request's header fields as they were written, in their order; empty where a source
    cannot tell."""
    size: int = 0
    """Bytes of the first copy."""
    carried: Carried | None = None
    copies: int = 1
    """The request and its retransmissions."""
    copied_after: tuple[float, ...] = ()
    """Seconds from the first copy to the later ones, where a reader saw them; at most the first 16. A limiter
    counts each of them."""
    status: int | None = None
    """Of the final answer; None is silence until the record ends or the client gave up."""
    reason: str = ""
    answered_after: float | None = None
    """Seconds from the first copy to the final answer."""
    challenge: Challenge | None = None
    hints: Mapping[str, str] = field(default_factory=lambda: NO_HINTS)
    """What the answer said of itself, by lower-case header name: server, retry-after, warning, reason,
    p-registrar-error, ms-diagnostics, allow, unsupported, min-expires, date, contact. Without an answer,
    ``icmp``: what the network said of the request; ``heard``: what came that was no final answer."""
    file: str = ""
    """The name of the file that it was read from; empty where there is none."""
    packet: int = 0
    """The number of the packet or line of the request in it, from 1."""
    answer_packet: int = 0
    """That of the final answer; 0 without."""
    probe: str = ""
    """The id of the experiment that sent it; empty for the traffic of others."""
    alike: object = field(default=None, compare=False, repr=False)
    """The same object in exchanges that differ only in time, Call-ID, nonce, copies, size, place, and the
    answer's Date and Contact: what follows from the rest is found out once. None if nobody compared."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the request and its final answer can be looked up."""
        return _places(self.file, self.packet, self.answer_packet)


def _places(file: str, *numbers: int) -> tuple[Place, ...]:
    return tuple([Place(file=file, number=at) for at in numbers if at])


class Own(TypedDict, total=False):
    """What an exchange does not share with those that are alike."""

    at: float
    call_id: str
    size: int
    carried: Carried | None
    copies: int
    copied_after: tuple[float, ...]
    answered_after: float | None
    challenge: Challenge | None
    hints: Mapping[str, str]
    file: str
    packet: int
    answer_packet: int


_new = object.__new__


def like(model: Exchange, own: Own) -> Exchange:
    """An exchange that differs from ``model`` in what is its own."""
    made = _new(Exchange)
    made.__dict__ = model.__dict__ | own
    return made


class Brief(NamedTuple):
    """An exchange in brief: what is its own, and a model that has the rest in common with others.

    A reader makes one for each exchange, in a sixth of the time of the exchange itself; what has no name
    here is the model's. A batch of them is turned into columns at once.
    """

    at: float
    size: int
    copies: int
    copied_after: tuple[float, ...]
    answered_after: float | None
    call_id: str
    nonce: str
    """Of the login: the model's `Exchange.carried` may have none."""
    nonce_count: int | None
    new_nonce: str
    """Of the challenge that came back: the model's may have none."""
    date: str
    contact: str
    """Of the answer's hints: the model's may lack them."""
    file: str
    packet: int
    answer_packet: int
    model: Exchange

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the request and its final answer can be looked up."""
        return _places(self.file, self.packet, self.answer_packet)

    def exchange(self) -> Exchange:
        """The whole exchange."""
        model, told = self.model, {"date": self.date, "contact": self.contact}
        own: Own = {
            "at": self.at,
            "size": self.size,
            "copies": self.copies,
            "copied_after": self.copied_after,
            "answered_after": self.answered_after,
            "call_id": self.call_id,
            "carried": model.carried
            and replace(model.carried, nonce=self.nonce, nonce_count=self.nonce_count),
            "challenge": model.challenge and replace(model.challenge, nonce=self.new_nonce),
            "file": self.file,
            "packet": self.packet,
            "answer_packet": self.answer_packet,
        }
        if self.date or self.contact:
            own["hints"] = {**model.hints, **{name: text for name, text in told.items() if text}}
        return like(model, own)


def brief(exchange: Exchange) -> Brief:
    """An exchange that stands alone, as its own model."""
    carried, challenge, hints = exchange.carried, exchange.challenge, exchange.hints
    return Brief(
        at=exchange.at,
        size=exchange.size,
        copies=exchange.copies,
        copied_after=exchange.copied_after,
        answered_after=exchange.answered_after,
        call_id=exchange.call_id,
        nonce="" if carried is None else carried.nonce,
        nonce_count=None if carried is None else carried.nonce_count,
        new_nonce="" if challenge is None else challenge.nonce,
        date=hints.get("date", ""),
        contact=hints.get("contact", ""),
        file=exchange.file,
        packet=exchange.packet,
        answer_packet=exchange.answer_packet,
        model=exchange,
    )


@record
class Remark:
    """What a log line says of a refusal, an overload or a fault in words of its own.

    ``kind`` is the reader's name for it, such as ``asterisk.wrong-password``: the table of them is in the
    catalogue, each with the causes it speaks for. ``text`` is redacted.
    """

    at: float | None
    """Seconds since the epoch; None where the log gives no time."""
    kind: str
    source: str = ""
    user: str = ""
    text: str = ""
    place: Place

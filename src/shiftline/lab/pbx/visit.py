"""One request on its way through the practice PBX, and the stages it passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.notifier import Peer
from shiftline.sip.address import NameAddr
from shiftline.sip.message import Request
from shiftline.sip.via import Via


class Stage(StrEnum):
    """Where a PBX judges a request. Families differ in the order, not in the stages."""

    BAN = "ban"
    """Whether anything of this source is heard at all: a firewall, a table of banned addresses."""
    STATE = "state"
    """The box as a whole: overloaded, under maintenance, closed at this hour."""
    SOURCE = "source"
    """The address the request came from, before any challenge."""
    DIALOG = "dialog"
    """Requests within a dialog are answered here."""
    RATE = "rate"
    """How much comes, whatever credentials it carries."""
    SHAPE = "shape"
    """The message itself: its headers, its size, who wrote it."""
    KEEPALIVE = "keepalive"
    """OPTIONS to the box itself is answered here."""
    METHOD = "method"
    PLACE = "place"
    """The domains it names."""
    USER = "user"
    """What is known of the account that the credentials name, before they are verified."""
    DIGEST = "digest"
    ACCOUNT = "account"
    """What the account may do, once it has proven who it is."""
    TARGET = "target"
    """The registrar, the phones, the event packages."""


@dataclass
class Visit:
    """A request, not an ACK, with what the stages want to know of it.

    ``now`` is monotonic seconds, ``elapsed`` seconds since the PBX's first request, ``size`` bytes.
    """

    request: Request
    peer: Peer
    now: float
    elapsed: float
    size: int
    account: str | None
    """Whose credentials it carries, unproven."""
    digest: dict[str, str] = field(default_factory=dict, repr=False)
    """Those credentials."""
    service_seconds: float = 0.0
    """So long it takes to handle it."""

    @property
    def method(self) -> str:
        """Its method."""
        return self.request.method

    @property
    def source(self) -> str:
        """The address it came from, as the PBX sees it."""
        return self.peer.address[0]

    @cached_property
    def user(self) -> str | None:
        """Whom it is about (`target_user`)."""
        return target_user(self.request)

    @cached_property
    def from_user(self) -> str:
        """Of From; empty where there is none."""
        address = _address(self.request.headers.get("From"))
        return (address.uri.user or "") if address else ""

    @cached_property
    def from_host(self) -> str:
        """Of From; empty where it cannot be read."""
        address = _address(self.request.headers.get("From"))
        return address.uri.host if address else ""

    @cached_property
    def contact_host(self) -> str | None:
        """Of the first Contact that is a URI; None without one."""
        contacts = self.request.headers.get_all("Contact")
        address = _address(contacts[0]) if contacts and contacts[0] != "*" else None
        return address.uri.host if address else None

    @cached_property
    def via_host(self) -> str:
        """What the topmost Via names as its sender."""
        try:
            return Via.parse((self.request.headers.get_all("Via") or [""])[0]).host
        except SipSyntaxError:
            return ""

    @property
    def user_agent(self) -> str:
        """Its User-Agent, or nothing."""
        return self.request.headers.get("User-Agent") or ""


def target_user(request: Request) -> str | None:
    """The user a request is about: of To for a REGISTER, else of the Request-URI; None if there is none."""
    if request.method != "REGISTER":
        return request.uri.user
    address = _address(request.headers.get("To"))
    return address.uri.user if address else None


def _address(value: str | None) -> NameAddr | None:
    try:
        return NameAddr.parse(value or "")
    except SipSyntaxError:
        return None

"""SIP without I/O: messages, digest, transactions and an agent, fed with time and datagrams by a driver.

What is named here is the library's surface (`docs/reference/sip-library.md`); an asyncio driver for it is
`shiftline.net.endpoint`. A name is loaded when it is first asked for, so importing one part stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shiftline.sip.address import Contact, NameAddr
    from shiftline.sip.agent import SipAgent
    from shiftline.sip.digest import Challenge, ChallengeOutcome, DigestAccount, DigestClient
    from shiftline.sip.digest_server import DigestServer, DigestVerdict
    from shiftline.sip.digest_values import AuthenticationInfo
    from shiftline.sip.events import (
        Address,
        Datagram,
        Event,
        MalformedReceived,
        RequestReceived,
        RequestTimedOut,
        ResponseReceived,
        SendFailed,
    )
    from shiftline.sip.headers import Headers
    from shiftline.sip.inspection import Reading, inspect
    from shiftline.sip.message import Request, Response, parse_message, response_to
    from shiftline.sip.multipart import Part, parse_multipart, write_multipart
    from shiftline.sip.notes import Level, Note
    from shiftline.sip.requests import ack, bye, invite, next_attempt, options, register, register_query
    from shiftline.sip.trace import Direction, TracedMessage
    from shiftline.sip.transactions import Timers
    from shiftline.sip.transport import Transport
    from shiftline.sip.uri import SipUri
    from shiftline.sip.values import (
        CSeq,
        DeltaSeconds,
        EventType,
        MediaType,
        Reason,
        SubscriptionState,
        TokenList,
        WarningValue,
    )
    from shiftline.sip.via import Via

_HOMES = {
    "address": ("Contact", "NameAddr"),
    "agent": ("SipAgent",),
    "digest": ("Challenge", "ChallengeOutcome", "DigestAccount", "DigestClient"),
    "digest_server": ("DigestServer", "DigestVerdict"),
    "digest_values": ("AuthenticationInfo",),
    "events": (
        "Address",
        "Datagram",
        "Event",
        "MalformedReceived",
        "RequestReceived",
        "RequestTimedOut",
        "ResponseReceived",
        "SendFailed",
    ),
    "headers": ("Headers",),
    "inspection": ("Reading", "inspect"),
    "message": ("Request", "Response", "parse_message", "response_to"),
    "multipart": ("Part", "parse_multipart", "write_multipart"),
    "notes": ("Level", "Note"),
    "requests": ("ack", "bye", "invite", "next_attempt", "options", "register", "register_query"),
    "trace": ("Direction", "TracedMessage"),
    "transactions": ("Timers",),
    "transport": ("Transport",),
    "uri": ("SipUri",),
    "values": (
        "CSeq",
        "DeltaSeconds",
        "EventType",
        "MediaType",
        "Reason",
        "SubscriptionState",
        "TokenList",
        "WarningValue",
    ),
    "via": ("Via",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Address",
    "AuthenticationInfo",
    "CSeq",
    "Challenge",
    "ChallengeOutcome",
    "Contact",
    "Datagram",
    "DeltaSeconds",
    "DigestAccount",
    "DigestClient",
    "DigestServer",
    "DigestVerdict",
    "Direction",
    "Event",
    "EventType",
    "Headers",
    "Level",
    "MalformedReceived",
    "MediaType",
    "NameAddr",
    "Note",
    "Part",
    "Reading",
    "Reason",
    "Request",
    "RequestReceived",
    "RequestTimedOut",
    "Response",
    "ResponseReceived",
    "SendFailed",
    "SipAgent",
    "SipUri",
    "SubscriptionState",
    "Timers",
    "TokenList",
    "TracedMessage",
    "Transport",
    "Via",
    "WarningValue",
    "ack",
    "bye",
    "inspect",
    "invite",
    "next_attempt",
    "options",
    "parse_message",
    "parse_multipart",
    "register",
    "register_query",
    "response_to",
    "write_multipart",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return __all__

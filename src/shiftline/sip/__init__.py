"""SIP without I/O: messages, transactions, registrations, subscriptions, fed with time and bytes by a driver.

What is named here is the library's surface (`docs/reference/sip-library.md`); an asyncio driver for it is
`shiftline.net.endpoint`. A name is loaded when it is first asked for, so importing one part stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shiftline.sip.address import Contact, NameAddr
    from shiftline.sip.agent import SipAgent
    from shiftline.sip.digest import ChallengeOutcome, DigestClient, ServerProof
    from shiftline.sip.digest_server import DigestServer, DigestVerdict
    from shiftline.sip.digest_values import AuthenticationInfo, Challenge, DigestAccount
    from shiftline.sip.events import (
        Address,
        CancelReceived,
        Datagram,
        Event,
        MalformedReceived,
        RequestReceived,
        RequestTimedOut,
        ResponseReceived,
        SendFailed,
    )
    from shiftline.sip.framing import KeepAlive, StreamFramer
    from shiftline.sip.headers import Headers
    from shiftline.sip.inspection import Inspection, inspect
    from shiftline.sip.ladder import Ladder, ladder_of
    from shiftline.sip.mermaid import mermaid_of
    from shiftline.sip.message import Request, Response, parse_message, response_to
    from shiftline.sip.multipart import Part, parse_multipart, write_multipart
    from shiftline.sip.notes import Level, Note
    from shiftline.sip.packages.catalogue import PACKAGES, Package, PackageState, package_of, parse_state
    from shiftline.sip.packages.dialog_info import DialogInfo, parse_dialog_info
    from shiftline.sip.packages.presence import Presence, parse_presence
    from shiftline.sip.packages.registration_info import RegistrationInfo, parse_registration_info
    from shiftline.sip.packages.resource_list import Member, ResourceList, parse_resource_list
    from shiftline.sip.redaction import redact
    from shiftline.sip.register_answer import Failure
    from shiftline.sip.registration import (
        Binding,
        Registered,
        Registration,
        RegistrationEvent,
        RegistrationFailed,
        RegistrationRefused,
        Unregistered,
    )
    from shiftline.sip.requests import ack, bye, invite, next_attempt, options, register, register_query
    from shiftline.sip.subscription import Subscription, SubscriptionPlan
    from shiftline.sip.subscription_events import (
        Accepted,
        End,
        Ended,
        Notified,
        SubscriptionEvent,
        resubscribe_after_seconds,
    )
    from shiftline.sip.targets import Naptr, Question, Srv, Target, plan_targets
    from shiftline.sip.trace import Direction, Trace, TracedMessage
    from shiftline.sip.trace_json import read_trace_json, write_trace_json
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
        read_seconds,
    )
    from shiftline.sip.via import Via

_HOMES = {
    "address": "Contact NameAddr",
    "agent": "SipAgent",
    "digest": "ChallengeOutcome DigestClient ServerProof",
    "digest_server": "DigestServer DigestVerdict",
    "digest_values": "AuthenticationInfo Challenge DigestAccount",
    "events": (
        "Address CancelReceived Datagram Event MalformedReceived RequestReceived RequestTimedOut "
        "ResponseReceived SendFailed"
    ),
    "framing": "KeepAlive StreamFramer",
    "headers": "Headers",
    "inspection": "Inspection inspect",
    "ladder": "Ladder ladder_of",
    "mermaid": "mermaid_of",
    "message": "Request Response parse_message response_to",
    "multipart": "Part parse_multipart write_multipart",
    "notes": "Level Note",
    "packages.catalogue": "PACKAGES Package PackageState package_of parse_state",
    "packages.dialog_info": "DialogInfo parse_dialog_info",
    "packages.presence": "Presence parse_presence",
    "packages.registration_info": "RegistrationInfo parse_registration_info",
    "packages.resource_list": "Member ResourceList parse_resource_list",
    "redaction": "redact",
    "register_answer": "Failure",
    "registration": (
        "Binding Registered Registration RegistrationEvent RegistrationFailed RegistrationRefused "
        "Unregistered"
    ),
    "requests": "ack bye invite next_attempt options register register_query",
    "subscription": "Subscription SubscriptionPlan",
    "subscription_events": "Accepted End Ended Notified SubscriptionEvent resubscribe_after_seconds",
    "targets": "Naptr Question Srv Target plan_targets",
    "trace": "Direction Trace TracedMessage",
    "trace_json": "read_trace_json write_trace_json",
    "transactions": "Timers",
    "transport": "Transport",
    "uri": "SipUri",
    "values": (
        "CSeq DeltaSeconds EventType MediaType Reason SubscriptionState TokenList WarningValue read_seconds"
    ),
    "via": "Via",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "PACKAGES",
    "Accepted",
    "Address",
    "AuthenticationInfo",
    "Binding",
    "CSeq",
    "CancelReceived",
    "Challenge",
    "ChallengeOutcome",
    "Contact",
    "Datagram",
    "DeltaSeconds",
    "DialogInfo",
    "DigestAccount",
    "DigestClient",
    "DigestServer",
    "DigestVerdict",
    "Direction",
    "End",
    "Ended",
    "Event",
    "EventType",
    "Failure",
    "Headers",
    "Inspection",
    "KeepAlive",
    "Ladder",
    "Level",
    "MalformedReceived",
    "MediaType",
    "Member",
    "NameAddr",
    "Naptr",
    "Note",
    "Notified",
    "Package",
    "PackageState",
    "Part",
    "Presence",
    "Question",
    "Reason",
    "Registered",
    "Registration",
    "RegistrationEvent",
    "RegistrationFailed",
    "RegistrationInfo",
    "RegistrationRefused",
    "Request",
    "RequestReceived",
    "RequestTimedOut",
    "ResourceList",
    "Response",
    "ResponseReceived",
    "SendFailed",
    "ServerProof",
    "SipAgent",
    "SipUri",
    "Srv",
    "StreamFramer",
    "Subscription",
    "SubscriptionEvent",
    "SubscriptionPlan",
    "SubscriptionState",
    "Target",
    "Timers",
    "TokenList",
    "Trace",
    "TracedMessage",
    "Transport",
    "Unregistered",
    "Via",
    "WarningValue",
    "ack",
    "bye",
    "inspect",
    "invite",
    "ladder_of",
    "mermaid_of",
    "next_attempt",
    "options",
    "package_of",
    "parse_dialog_info",
    "parse_message",
    "parse_multipart",
    "parse_presence",
    "parse_registration_info",
    "parse_resource_list",
    "parse_state",
    "plan_targets",
    "read_seconds",
    "read_trace_json",
    "redact",
    "register",
    "register_query",
    "response_to",
    "resubscribe_after_seconds",
    "write_multipart",
    "write_trace_json",
]  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return __all__

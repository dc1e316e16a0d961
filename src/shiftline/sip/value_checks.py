"""What is odd about a single header value, by the name of its header.

The classes that read values for everybody judge here too; only what they forgive is looked for besides.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import Contact, NameAddr
from shiftline.sip.digest import Challenge, parse_digest
from shiftline.sip.digest_values import AuthenticationInfo
from shiftline.sip.grammar import TOKEN, read_number, without_quoted
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
from shiftline.sip.via import MAGIC_COOKIE, Via

Oddity = tuple[str, str]
"""A note's id and its text."""
Check = Callable[[str], Iterator[Oddity]]

_SEPARATORS = re.compile(r"\A\s*[,;]|[,;]\s*[,;]|[,;]\s*\Z")
_ANGLED = re.compile(r"<[^<>]*+>")
_OTHER_SCHEME = re.compile(r"(?!sips?:|tel:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_DISPLAY_NAME = re.compile(r"(?:[A-Za-z0-9!%*_+`'~.-]|\s)*+")
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
    r"[0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)


def check_value(name: str, value: str) -> Iterator[Oddity]:
    """The oddities of one value of the header called ``name`` (canonical); of a whole row for TOKEN_LISTS."""
    check = _CHECKS.get(name)
    if check is None:
        return
    try:
        yield from check(value)
    except SipSyntaxError as error:
        yield "value.unreadable", error.message


def check_row(name: str, value: str) -> Iterator[Oddity]:
    """The oddities of a row as it stands, before it is split into values."""
    if not value and name in _NEVER_EMPTY:
        yield "value.unreadable", f"{name} is empty."
    if name not in _CHECKS or name in _UNLISTED:
        return
    bare, is_open = without_quoted(value)
    if is_open:
        yield "header.open-quote", f"A quoted string in {name} does not end."
    elif _SEPARATORS.search(_ANGLED.sub("<>", bare)):
        yield "header.separators", f"{name} has a separator with nothing before or after it."


def check_host(host: str) -> Iterator[Oddity]:
    """Whether what stands in brackets is an IPv6 address."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            yield "address.ipv6", f"{host[:60]} is not an IPv6 address."


def _via(value: str) -> Iterator[Oddity]:
    via = Via.parse(value)
    yield from check_host(via.host)
    if via.host == "255.255.255.255":
        yield "via.broadcast", "A Via names the broadcast address."
    if not (via.branch or "").startswith(MAGIC_COOKIE):
        yield "via.branch", "A Via has no branch of RFC 3261; the peer may be of RFC 2543."
    elif via.branch == MAGIC_COOKIE:
        yield "via.branch-empty", "A Via's branch is the magic cookie and nothing more."
    if (via.parameter("received") or "").startswith("["):
        yield "via.received-brackets", "The received parameter of a Via has brackets."


def _address(value: str) -> Iterator[Oddity]:
    bracketed = without_quoted(value)[0].partition("<")
    inside = bracketed[2].partition(">")[0] if bracketed[1] else bracketed[0].strip()
    if _OTHER_SCHEME.match(inside.strip()):
        yield "value.unknown-scheme", f"The address {inside[:40]!r} is of a scheme we do not know."
        return
    address = NameAddr.parse(value)
    yield from check_host(address.uri.host)
    if not bracketed[1] and "?" in inside:
        yield "address.unbracketed", "An address with a question mark stands without angle brackets."
    if bracketed[1] and inside != inside.strip():
        yield "address.blanks", "There are blanks within the angle brackets."
    if bracketed[1] and not _DISPLAY_NAME.fullmatch(bracketed[0]):
        yield "address.display-name", "A display name without quotes holds more than tokens."


def _contact(value: str) -> Iterator[Oddity]:
    if value.strip() == "*":
        return
    yield from _address(value)
    if _OTHER_SCHEME.match(value.partition("<")[2] or value):
        return
    contact = Contact.parse(value)
    for name, read in (("expires", contact.expires_seconds), ("q", contact.q)):
        written = contact.address.parameter(name) if contact.address else None
        if written is not None and read is None:
            yield "value.range", f"The {name} {written[:40]!r} of a Contact is out of range."


def _cseq(value: str) -> Iterator[Oddity]:
    if CSeq.parse(value).number >= 2**31:
        yield "value.range", "The CSeq number is 2**31 or more."


def _max_forwards(value: str) -> Iterator[Oddity]:
    number = read_number(value.strip(), most=255)
    if number is None:
        yield "value.range", f"Max-Forwards {value[:40]!r} is not a number from 0 to 255."
    elif number == 0:
        yield "max-forwards.zero", "Max-Forwards is 0: no proxy may pass the request on."


def _date(value: str) -> Iterator[Oddity]:
    if not _DATE.fullmatch(value.strip()):
        yield "date.zone", f"The Date {value[:40]!r} is not of the one form allowed, in GMT."


def _warning(value: str) -> Iterator[Oddity]:
    if not 300 <= WarningValue.parse(value).code <= 399:
        yield "value.range", "A warning code is not from 300 to 399."


def _content_type(value: str) -> Iterator[Oddity]:
    media_type = MediaType.parse(value)
    if media_type.type == "multipart" and not media_type.parameter("boundary"):
        yield "body.multipart", "A multipart type has no boundary."


def _call_id(value: str) -> Iterator[Oddity]:
    if not value or re.search(r"\s", value):
        yield "value.unreadable", "The Call-ID is empty or holds a blank."


def _challenge(value: str) -> Iterator[Oddity]:
    if other := _other_scheme(value):
        yield other
    else:
        Challenge.parse(value)


def _credentials(value: str) -> Iterator[Oddity]:
    if other := _other_scheme(value):
        yield other
    elif missing := {"username", "realm", "nonce", "uri", "response"} - parse_digest(value).keys():
        yield "value.unreadable", f"Digest credentials lack {', '.join(sorted(missing))}."


def _other_scheme(value: str) -> Oddity | None:
    scheme = value.split(None, 1)[0] if value.strip() else ""
    if scheme.lower() == "digest":
        return None
    if not TOKEN.fullmatch(scheme):
        return "value.unreadable", "The authentication scheme is not a token."
    return "credentials.scheme", f"The authentication scheme {scheme[:20]!r} is not Digest."


def _readable(parse: Callable[[str], object]) -> Check:
    def check(value: str) -> Iterator[Oddity]:
        parse(value)
        return iter(())

    return check


_CHECKS: dict[str, Check] = {
    "Via": _via,
    "Contact": _contact,
    "CSeq": _cseq,
    "Call-ID": _call_id,
    "Max-Forwards": _max_forwards,
    "Date": _date,
    "Warning": _warning,
    "Content-Type": _content_type,
    "Event": _readable(EventType.parse),
    "Subscription-State": _readable(SubscriptionState.parse),
    "Authentication-Info": _readable(AuthenticationInfo.parse),
    "Reason": _readable(Reason.parse),
    "WWW-Authenticate": _challenge,
    "Proxy-Authenticate": _challenge,
    "Authorization": _credentials,
    "Proxy-Authorization": _credentials,
}
_CHECKS |= dict.fromkeys(
    ("From", "To", "Route", "Record-Route", "Path", "Service-Route", "Reply-To", "Refer-To", "Referred-By"),
    _address,
)
_CHECKS |= dict.fromkeys(("Expires", "Min-Expires", "Retry-After"), _readable(DeltaSeconds.parse))
TOKEN_LISTS = frozenset({"Allow", "Allow-Events", "Proxy-Require", "Require", "Supported", "Unsupported"})
"""Headers whose rows are checked whole: their members are too many and too small to take one by one."""
_CHECKS |= dict.fromkeys(TOKEN_LISTS, _readable(TokenList.parse))
_NEVER_EMPTY = frozenset({"Contact", "Path", "Record-Route", "Route", "Service-Route", "Via"})
_UNLISTED = frozenset({"Call-ID", "Date", "Max-Forwards", "CSeq", "Retry-After"})


def check_request_uri(uri: SipUri) -> Iterator[Oddity]:
    """The oddities of a Request-URI beyond what keeps it from being read."""
    yield from check_host(uri.host)
    if uri.headers or uri.parameter("method") is not None:
        yield "start-line.uri-headers", "The Request-URI carries headers or a method."

"""Header values and URIs; the first byte chooses the reader."""

from __future__ import annotations

from collections.abc import Callable

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.address import Contact, NameAddr
from shiftline.sip.digest_values import AuthenticationInfo
from shiftline.sip.headers import Headers
from shiftline.sip.uri import SipUri
from shiftline.sip.value_checks import check_row, check_value
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

READERS: tuple[Callable[[str], object], ...] = (
    SipUri.parse, Via.parse, NameAddr.parse, Contact.parse, CSeq.parse, DeltaSeconds.parse, EventType.parse,
    MediaType.parse, Reason.parse, SubscriptionState.parse, TokenList.parse, WarningValue.parse,
    AuthenticationInfo.parse,
)  # fmt: skip
NAMES = (
    "Via", "From", "Contact", "CSeq", "Call-ID", "Max-Forwards", "Date", "Warning", "Content-Type", "Event",
    "Subscription-State", "Reason", "WWW-Authenticate", "Authorization", "Expires", "Allow",
)  # fmt: skip


def one(data: bytes) -> None:
    """A value read can be written or not; what was written is one line and means the same when read again."""
    if not data:
        return
    text = data[1:].decode(errors="surrogateescape")
    name = NAMES[data[0] % len(NAMES)]
    list(check_row(name, text))
    for part in (text, *Headers.split(name, text)[:64]):
        list(check_value(name, part))
    read = READERS[data[0] % len(READERS)]
    try:
        value = read(text)
        written = str(value)
    except (SipSyntaxError, MisuseError):
        return
    assert not set("\r\n\0") & set(written)
    assert read(written) == value
    assert str(read(written)) == written
    if isinstance(value, SipUri):
        assert value.equivalent(value)

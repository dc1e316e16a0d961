"""Typed header values: what is read, what is refused, and what cannot be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.address import Contact, NameAddr
from shiftline.sip.digest_values import AuthenticationInfo
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
    essence_of,
    read_seconds,
)
from shiftline.sip.via import Via


def test_a_contact_says_how_long_and_how_gladly() -> None:
    """``expires`` and ``q`` are read where they can be (RFC 3261 section 20.10)."""
    contact = Contact.parse('"Desk, 7" <sip:a@h;lr>;q=0.7;expires=3600')
    assert (contact.q, contact.expires_seconds) == (0.7, 3600)
    odd = Contact.parse("<sip:a@h>;q=1.5;expires=soon")
    assert (odd.q, odd.expires_seconds) == (None, None)
    assert (Contact.parse("sip:a@h").q, Contact.parse("sip:a@h").expires_seconds) == (None, None)


def test_a_star_is_every_contact() -> None:
    """``*`` names no address (RFC 3261 section 10.2.2)."""
    star = Contact.parse(" * ")
    assert (star.address, star.q, star.expires_seconds, str(star)) == (None, None, None, "*")


def test_an_event_has_a_package_and_an_id() -> None:
    """The id tells two subscriptions of one dialog apart (RFC 6665 section 8.2.1)."""
    event = EventType.parse(" dialog.winfo ;id=a7")
    assert (event.package, event.id, str(event)) == ("dialog.winfo", "a7", "dialog.winfo;id=a7")
    assert EventType.parse("presence").id is None


@pytest.mark.parametrize(
    ("other", "matches"),
    [("dialog;x=y;id=7", True), ("dialog", False), ("dialog;id=8", False), ("Dialog;id=7", False)],
)
def test_an_event_matches_by_package_and_id_alone(other: str, matches: bool) -> None:
    """Byte by byte, unlike most of SIP; other parameters do not count (RFC 6665 section 8.2.1)."""
    assert EventType.parse("dialog;id=7").matches(EventType.parse(other)) is matches


def test_a_subscription_state_says_what_is_next() -> None:
    """Expiry, reason and time to wait (RFC 6665 section 4.1.3)."""
    state = SubscriptionState.parse("terminated;reason=Probation;retry-after=5")
    assert (state.value, state.reason, state.retry_after_seconds) == ("terminated", "probation", 5)
    active = SubscriptionState.parse("Active;expires=60")
    assert (active.value, active.expires_seconds, active.reason) == ("active", 60, None)


@pytest.mark.parametrize("written", ["active;expires=soon", "active;expires=", "active;expires=-1", "active"])
def test_an_unreadable_time_counts_as_absent(written: str) -> None:
    """The state itself is what matters."""
    state = SubscriptionState.parse(written)
    assert (state.value, state.expires_seconds) == ("active", None)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120),
        (" 007 ", 7),
        ("0", 0),
        ("18 (I'm (very) busy);duration=60", 18),
        ("5;duration=3600", 5),
        ("60 (never closed", 60),
        ("9999999999", 2**32 - 1),
        ("9" * 5000, 2**32 - 1),
        ("soon", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1.5", None),
        ("\N{ARABIC-INDIC DIGIT TWO}", None),
    ],
)
def test_seconds_are_read_as_far_as_they_can_be(written: str | None, seconds: int | None) -> None:
    """A time too long is the longest (RFC 3261 section 20.19); nonsense is none."""
    assert read_seconds(written) == seconds


@pytest.mark.parametrize(
    ("text", "seconds", "comment", "duration"),
    [
        ("120", 120, "", None),
        ("18000;duration=3600", 18000, "", 3600),
        ("120 (I'm in a (long) meeting) ;duration=5", 120, "I'm in a (long) meeting", 5),
        ("4294967295", 4294967295, "", None),
    ],
)
def test_seconds_may_have_a_comment_and_parameters(
    text: str, seconds: int, comment: str, duration: int | None
) -> None:
    """As Retry-After allows (RFC 3261 section 20.33)."""
    value = DeltaSeconds.parse(text)
    assert (value.seconds, value.comment, value.duration_seconds) == (seconds, comment, duration)


def test_a_media_type_is_blind_to_case_and_keeps_its_boundary() -> None:
    """Type and subtype are words, parameters may be quoted (RFC 3261 section 20.15)."""
    value = MediaType.parse('Multipart / Related ;boundary="a b";type="application/rlmi+xml"')
    assert (value.essence, value.parameter("boundary")) == ("multipart/related", "a b")
    assert MediaType.parse(str(value)) == value


@pytest.mark.parametrize(
    ("written", "essence"),
    [('Application/RLMI+xml ; charset="x"', "application/rlmi+xml"), (None, ""), ("", ""), ("text", "")],
)
def test_what_a_body_is_may_be_missing(written: str | None, essence: str) -> None:
    """Without a readable Content-Type a body is nothing we asked for."""
    assert essence_of(written) == essence


def test_a_warning_has_three_parts() -> None:
    """Code, agent and quoted words (RFC 3261 section 20.43)."""
    value = WarningValue.parse('399 pbx.example:5060 "too \\"busy\\", sorry"')
    assert (value.code, value.agent, value.text) == (399, "pbx.example:5060", 'too "busy", sorry')
    assert WarningValue.parse(str(value)) == value


def test_a_reason_has_a_cause_and_words() -> None:
    """Whose cause, which number, and why (RFC 3326 section 2)."""
    value = Reason.parse('Q.850 ;cause=16 ;text="Normal, clearing"')
    assert (value.protocol, value.cause, value.text) == ("Q.850", 16, "Normal, clearing")
    assert (Reason.parse("SIP").cause, Reason.parse("SIP").text) == (None, "")


def test_authentication_info_keeps_its_secrets() -> None:
    """The next nonce and the server's own digest are read, and no repr tells them (RFC 7616 section 3.5)."""
    value = AuthenticationInfo.parse('nextnonce="n\\"2", qop=auth, rspauth="c0ffee", nc=00000001, odd=1')
    assert (value.nextnonce, value.rspauth, value.nc, value.cnonce) == ('n"2', "c0ffee", "00000001", None)
    assert AuthenticationInfo.parse(str(value)) == value
    assert "c0ffee" not in repr(value)
    assert "n" + '"2' not in repr(value)


def test_a_token_list_knows_its_members() -> None:
    """Allow, Supported and their kin; empty is legal."""
    value = TokenList.parse("INVITE,ACK ,, OPTIONS")
    assert value.tokens == ("INVITE", "ACK", "OPTIONS")
    assert "ACK" in value
    assert "ack" not in value
    assert TokenList.parse("").tokens == ()


@pytest.mark.parametrize("written", ["2001:db8::7", "[2001:db8::7]"])
def test_received_is_an_address_without_brackets(written: str) -> None:
    """Peers write both (RFC 5118 section 4.5)."""
    assert Via.parse(f"SIP/2.0/UDP [2001:db8::1];received={written}").received == "2001:db8::7"
    assert Via.parse("SIP/2.0/UDP h").received is None


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (EventType.parse, ""),
        (EventType.parse, "dia log"),
        (EventType.parse, ";id=1"),
        (EventType.parse, "\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (SubscriptionState.parse, ""),
        (SubscriptionState.parse, "act ive"),
        (DeltaSeconds.parse, ""),
        (DeltaSeconds.parse, "-1"),
        (DeltaSeconds.parse, "4294967296"),
        (DeltaSeconds.parse, "1" * 5000),
        (DeltaSeconds.parse, "60 (open"),
        (DeltaSeconds.parse, "\u0665"),
        (MediaType.parse, "text"),
        (MediaType.parse, "/plain"),
        (MediaType.parse, "text/pl ain"),
        (WarningValue.parse, "399 agent unquoted"),
        (WarningValue.parse, '39 agent "words"'),
        (Reason.parse, "Q 850"),
        (TokenList.parse, "INVITE, A B"),
        (AuthenticationInfo.parse, "nextnonce"),
        (AuthenticationInfo.parse, "x=y"),
        (Contact.parse, "**"),
        (Contact.parse, ""),
        (Via.parse, "SIP/2.0/UDP h" + ";a" * 513),
        (SipUri.parse, "sip:h" + ";a" * 513),
        (SipUri.parse, "sip:" + "h" * 9000),
    ],
)
def test_an_unreadable_value_is_a_syntax_error(parse: Callable[[str], object], text: str) -> None:
    """Nothing else is raised."""
    with pytest.raises(SipSyntaxError):
        parse(text)


@pytest.mark.parametrize(
    "value",
    [
        EventType(package="a\r\nb"),
        EventType(package="dialog", parameters=(("a b", None),)),
        EventType(package="dialog", parameters=(("id", "7\r\nVia: x"),)),
        SubscriptionState(value=""),
        DeltaSeconds(seconds=1, comment="a)b"),
        DeltaSeconds(seconds=1, comment="a\nb"),
        MediaType(type="a/b", subtype="c"),
        MediaType(type="text", subtype="plain", parameters=(("charset", "a\r\nX: y"),)),
        WarningValue(code=399, agent="a b", text="words"),
        WarningValue(code=399, agent="a", text="line\r\nbreak"),
        Reason(protocol="SIP", parameters=(("text", "\0"),)),
        TokenList(tokens=("a, b",)),
        AuthenticationInfo(nextnonce="a\r\nb"),
        AuthenticationInfo(qop="a, b"),
        CSeq(number=1, method="A\nB"),
        Contact(address=NameAddr(display_name="\n", uri=SipUri(host="h"))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_would_leave_its_place_is_not_written(value: object) -> None:
    """A MisuseError, and never a message with another meaning."""
    with pytest.raises(MisuseError):
        str(value)

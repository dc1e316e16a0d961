"""Event and Subscription-State: what counts for the match, and what the notifier may get wrong."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.event_header import EventHeader, SubscriptionState, delta_seconds


@pytest.mark.parametrize(
    ("written", "package", "event_id"),
    [
        ("presence", "presence", None),
        ("dialog;id=77", "dialog", "77"),
        (" reg ; foo=bar ; id=a.b", "reg", "a.b"),
        ("presence.winfo", "presence.winfo", None),
    ],
)
def test_an_event_is_a_package_and_an_id(written: str, package: str, event_id: str | None) -> None:
    """Other parameters are no part of the match (RFC 6665 section 8.2.1)."""
    assert EventHeader.parse(written) == EventHeader(package=package, event_id=event_id)


def test_packages_are_compared_byte_by_byte() -> None:
    """Case matters, unlike in most of SIP."""
    assert EventHeader.parse("Presence") != EventHeader.parse("presence")


@pytest.mark.parametrize("written", ["", ";id=1", "two words", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_an_event_without_a_package_is_an_error(written: str) -> None:
    """The reader raises SipSyntaxError."""
    with pytest.raises(SipSyntaxError):
        EventHeader.parse(written)


def test_an_event_is_written_as_it_is_read() -> None:
    """And no value can leave its place."""
    assert str(EventHeader(package="dialog", event_id="7")) == "dialog;id=7"
    with pytest.raises(MisuseError):
        str(EventHeader(package="dialog", event_id="7\r\nVia: x"))


def test_a_state_has_reason_and_times() -> None:
    """Words are lowered: they are compared without case."""
    assert SubscriptionState.parse("Terminated;reason=Probation;retry-after=120") == SubscriptionState(
        value="terminated", reason="probation", retry_after_seconds=120
    )
    assert SubscriptionState.parse("active ; expires = 60").expires_seconds == 60


@pytest.mark.parametrize("written", ["active;expires=soon", "active;expires=", "active;expires=-1", "active"])
def test_an_unreadable_time_counts_as_absent(written: str) -> None:
    """The state itself is what matters."""
    state = SubscriptionState.parse(written)
    assert (state.value, state.expires_seconds) == ("active", None)


def test_a_missing_state_is_an_error() -> None:
    """Subscription-State is mandatory in a NOTIFY."""
    with pytest.raises(SipSyntaxError):
        SubscriptionState.parse("")


def test_delta_seconds_are_bounded() -> None:
    """At most 2**32 - 1 (RFC 3261 section 20.19)."""
    assert delta_seconds("9999999999") == 2**32 - 1
    assert delta_seconds("99999999999") is None
    assert delta_seconds("\N{ARABIC-INDIC DIGIT TWO}") is None

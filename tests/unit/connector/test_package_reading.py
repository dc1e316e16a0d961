"""What the state of a package says about an agent, by PBX family."""

from __future__ import annotations

import pytest
from tests.unit.sip.packages.bodies import dialog_info, pidf, reginfo

from shiftline.connector.package_reading import GENERIC, family_of, read_notify, read_subscribe_answer
from shiftline.connector.reading import Reading
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.values import SubscriptionState
from shiftline.trades.model import EvidenceKind

ACTIVE = SubscriptionState(value="active")
FETCHED = SubscriptionState.parse("terminated;reason=timeout")
AVAILABLE = Reading(EvidenceKind.AVAILABLE)
BUSY = Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)
BLIND = Reading(EvidenceKind.UNVERIFIABLE, "method.blind")


@pytest.mark.parametrize(
    ("package", "body", "reading"),
    [
        ("presence", pidf("open"), AVAILABLE),
        ("presence", pidf("open", activity="on-the-phone"), BUSY),
        ("presence", pidf("open", activity="busy"), AVAILABLE),
        ("presence", pidf("closed"), NOT_REGISTERED),
        ("presence", pidf("closed", activity="away"), NOT_REGISTERED),
        ("presence", pidf(), BLIND),
        ("presence", b"", BLIND),
        ("dialog", dialog_info("confirmed"), BUSY),
        ("dialog", dialog_info("early"), BUSY),
        ("dialog", dialog_info("terminated"), BLIND),
        ("dialog", dialog_info(), BLIND),
        ("reg", reginfo("active", "active"), AVAILABLE),
        ("reg", reginfo("terminated", "terminated"), NOT_REGISTERED),
        ("reg", reginfo("init"), NOT_REGISTERED),
        ("reg", b'<reginfo version="0" state="full"/>', BLIND),
    ],
)
@pytest.mark.parametrize("state", [ACTIVE, FETCHED])
def test_a_state_says(package: str, body: bytes, reading: Reading, state: SubscriptionState) -> None:
    """The table of docs/reference/availability-methods.md; a fetch reads as a subscription does."""
    described = PACKAGES[package]
    assert read_notify(described, state, described.media_type, body) == reading


@pytest.mark.parametrize(
    ("package", "body", "reading"),
    [
        ("dialog", dialog_info(), AVAILABLE),
        ("dialog", dialog_info("confirmed"), BUSY),
        ("dialog", b"", AVAILABLE),
        ("presence", b"", NOT_REGISTERED),
        ("presence", pidf(), NOT_REGISTERED),
        ("presence", pidf("open"), AVAILABLE),
        ("reg", b"", NOT_REGISTERED),
        ("reg", reginfo("active", "active"), AVAILABLE),
    ],
)
def test_where_absence_shows_saying_nothing_says_something(
    package: str, body: bytes, reading: Reading
) -> None:
    """On a qualified method a line without calls has a phone, and an agent nobody published has none."""
    described = PACKAGES[package]
    found = read_notify(described, ACTIVE, described.media_type, body, absence_shows=True)
    assert found == reading


@pytest.mark.parametrize("family", ["asterisk-pjsip", "chan_sip"])
@pytest.mark.parametrize(
    ("basic", "activity", "reading"),
    [
        ("open", "busy", BUSY),
        ("closed", "busy", BUSY),
        ("closed", "away", NOT_REGISTERED),
        ("open", "on-the-phone", BUSY),
    ],
)
def test_asterisk_says_busy_for_a_call(basic: str, activity: str, reading: Reading, family: str) -> None:
    """Also with basic closed, when every phone of the extension is in use."""
    package = PACKAGES["presence"]
    body = pidf(basic, activity=activity)
    assert read_notify(package, ACTIVE, package.media_type, body, family) == reading


@pytest.mark.parametrize(
    ("state", "reading"),
    [
        (SubscriptionState(value="pending"), Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package")),
        (
            SubscriptionState.parse("terminated;reason=rejected"),
            Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package"),
        ),
        (SubscriptionState.parse("terminated;reason=noresource"), Reading(EvidenceKind.UNKNOWN_USER)),
        (
            SubscriptionState.parse("terminated;reason=probation"),
            Reading(EvidenceKind.UNVERIFIABLE, "capacity.overload"),
        ),
    ],
)
def test_the_subscription_comes_before_the_body(state: SubscriptionState, reading: Reading) -> None:
    """A pending or rejected one gives a neutral body, which may say open (RFC 3856 section 6.6.2)."""
    package = PACKAGES["presence"]
    assert read_notify(package, state, package.media_type, pidf("open")) == reading


@pytest.mark.parametrize(
    ("content_type", "body"), [("text/plain", b"open"), (None, pidf("open")), ("application/pidf+xml", b"<")]
)
def test_what_cannot_be_read_says_nothing(content_type: str | None, body: bytes) -> None:
    """Another type, no type, broken XML."""
    found = read_notify(PACKAGES["presence"], ACTIVE, content_type, body)
    assert found == Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")


@pytest.mark.parametrize(
    ("status", "reading"),
    [
        (200, Reading(EvidenceKind.UNVERIFIABLE, "network.filtered")),
        (403, Reading(EvidenceKind.UNVERIFIABLE, "policy.account-disabled")),
        (404, Reading(EvidenceKind.UNKNOWN_USER)),
        (405, Reading(EvidenceKind.UNVERIFIABLE, "policy.method")),
        (480, NOT_REGISTERED),
        (489, Reading(EvidenceKind.UNVERIFIABLE, "policy.event-package")),
        (501, Reading(EvidenceKind.UNVERIFIABLE, "policy.method")),
    ],
)
def test_a_subscribe_without_a_notify(status: int, reading: Reading) -> None:
    """The refusal speaks; a 2xx alone does not."""
    assert read_subscribe_answer(PACKAGES["presence"], status) == reading


@pytest.mark.parametrize(
    ("product", "family"),
    [
        ("Asterisk PBX 18.9.0", "asterisk-pjsip"),
        ("FPBX-16.0.40(18.9)", "asterisk-pjsip"),
        ("FreeSWITCH-mod_sofia/1.10", "freeswitch"),
        ("kamailio (5.6.3 (x86_64/linux))", "kamailio"),
        ("Cisco-CUCM12.5", "cucm"),
        ("Practice PBX", GENERIC),
        (None, GENERIC),
    ],
)
def test_a_family_is_told_by_its_product_name(product: str | None, family: str) -> None:
    """Server or User-Agent; nothing known is generic."""
    assert family_of(product) == family

"""List notifications become readings: full and partial documents, endings, and what is lost between."""

from __future__ import annotations

from tests.unit.sip.packages.bodies import dialog_info, pidf, reginfo

from shiftline.connector.list_reading import ListReading
from shiftline.connector.reading import Reading
from shiftline.sip.packages.catalogue import PACKAGES
from shiftline.sip.packages.resource_list import Member, ResourceList
from shiftline.trades.model import EvidenceKind

AGENT = "sip:agent0001@lab"
AVAILABLE = Reading(EvidenceKind.AVAILABLE)
BUSY = Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)
BLIND = Reading(EvidenceKind.UNVERIFIABLE, "method.blind")


def told(
    package: str, *bodies: bytes, state: str | None = "active", reason: str | None = None
) -> ResourceList:
    kind = PACKAGES[package].media_type
    members = tuple(
        Member(uri=AGENT, state=state, reason=reason, content_type=kind, body=body) for body in bodies
    )
    return ResourceList(uri="sip:everyone@lab", version=0, is_full=False, members=members)


def test_each_notification_says_who_changed() -> None:
    """By URI; who is not in it has not changed."""
    reading = ListReading(PACKAGES["presence"])
    assert reading.take(told("presence", pidf("open"))) == {AGENT: AVAILABLE}
    assert reading.take(told("presence")) == {}
    assert reading.take(told("presence", pidf("closed"))) == {AGENT: NOT_REGISTERED}


def test_a_partial_document_is_laid_over_what_is_known() -> None:
    """The first call ends, the second goes on: still busy."""
    reading = ListReading(PACKAGES["dialog"])
    assert reading.take(told("dialog", dialog_info("confirmed", "confirmed"))) == {AGENT: BUSY}
    ends = dialog_info("terminated", version=1, state="partial")
    assert reading.take(told("dialog", ends)) == {AGENT: BUSY}


def test_a_lost_document_makes_the_member_unknown() -> None:
    """Until full state comes; nothing is guessed."""
    reading = ListReading(PACKAGES["reg"])
    reading.take(told("reg", reginfo("active", "active")))
    gone = reginfo("terminated", "terminated", version=2, state="partial")
    assert reading.take(told("reg", gone)) == {AGENT: BLIND}
    assert reading.take(told("reg", reginfo("active", "active", version=3))) == {AGENT: AVAILABLE}


def test_a_member_that_is_only_named_is_left_out() -> None:
    """Without an instance nothing is known; without a new state nothing has changed."""
    reading = ListReading(PACKAGES["presence"])
    assert reading.take(told("presence", b"", state=None)) == {}
    reading.take(told("presence", pidf("open")))
    assert reading.take(told("presence", b"")) == {}


def test_the_list_servers_own_subscription_may_end() -> None:
    """Its reason speaks as that of a subscription of ours does."""
    reading = ListReading(PACKAGES["presence"])
    ended = told("presence", b"", state="terminated", reason="noresource")
    assert reading.take(ended) == {AGENT: Reading(EvidenceKind.UNKNOWN_USER)}


def test_absence_and_broken_bodies_read_as_in_a_fetch() -> None:
    """The same rules for the same states."""
    reading = ListReading(PACKAGES["presence"], absence_shows=True)
    assert reading.take(told("presence", pidf())) == {AGENT: NOT_REGISTERED}
    broken = Reading(EvidenceKind.UNVERIFIABLE, "message.malformed")
    assert reading.take(told("presence", b"<presence")) == {AGENT: broken}

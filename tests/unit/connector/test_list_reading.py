"""List notifications become readings: full and partial documents, endings, and what is lost between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.sip.packages.bodies import dialog_info, pidf, reginfo

from shiftline.connector.list_reading import ListedAgents, ListReading
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


NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
PRESENT, ABSENT = "sip:here@lab", "sip:gone@lab"


def listing(version: int, *, full: bool = True, **states: str | None) -> ResourceList:
    """A notification of these members; None is one of whom nothing is known yet."""
    kind = PACKAGES["presence"].media_type
    members = [
        Member(uri=f"sip:{user}@lab")
        if basic is None
        else Member(uri=f"sip:{user}@lab", state="active", content_type=kind, body=pidf(basic))
        for user, basic in states.items()
    ]
    return ResourceList(uri="sip:everyone@lab", version=version, is_full=full, members=tuple(members))


def listed(*told: ResourceList) -> ListedAgents:
    agents = ListedAgents(PACKAGES["presence"], (PRESENT, ABSENT))
    for one in told:
        agents.take(one, NOW)
    return agents


def test_a_list_is_believed_while_its_controls_differ() -> None:
    """Not before both are told of, and no longer than they do."""
    agents = listed(listing(0, here="open", gone=None, ada="open"))
    assert (agents.qualification.state, agents.reading_of("sip:ada@lab")) == ("unknown", None)
    assert not agents.is_complete
    agents.take(listing(1, full=False, gone="closed"), NOW)
    assert (agents.qualification.state, agents.reading_of("sip:ada@lab")) == ("qualified", AVAILABLE)
    assert agents.is_complete
    agents.take(listing(2, full=False, gone="open"), NOW)
    assert (agents.qualification.state, agents.reading_of("sip:ada@lab")) == ("blind", None)


def test_an_address_is_its_user_and_host() -> None:
    """Lists and rosters write the rest as they like; what is no address is nobody's."""
    agents = listed(listing(0, here="open", gone="closed"))
    assert agents.reading_of("sips:here@LAB:5061;transport=tls") == AVAILABLE
    assert agents.reading_of("sip:here@elsewhere") is None
    assert agents.reading_of("here at lab") is None


def test_full_state_drops_who_is_no_member_any_more() -> None:
    """And keeps the state of one who is only named again."""
    agents = listed(listing(0, here="open", gone="closed", ada="open", ben="open"))
    agents.take(listing(1, here="open", gone="closed", ada=None), NOW)
    assert agents.reading_of("sip:ada@lab") == AVAILABLE
    assert (agents.reading_of("sip:ben@lab"), len(agents)) == (None, 3)


@pytest.mark.parametrize("version", [0, 2, 7])
def test_a_gap_makes_all_unknown(version: int) -> None:
    """Every notification has the version after the last one's; full state mends it."""
    agents = listed(listing(0, here="open", gone="closed", ada="open"))
    agents.take(listing(version, full=False, here="open", gone="closed"), NOW)
    assert (agents.qualification.state, agents.reading_of("sip:ada@lab")) == ("qualified", None)
    agents.take(listing(version + 1, here="open", gone="closed", ada="closed"), NOW)
    assert agents.reading_of("sip:ada@lab") == NOT_REGISTERED


def test_nobody_is_absent_because_the_list_says_nothing() -> None:
    """No state, a subscription that is over or pending, two instances: he must be asked."""
    quiet = Member(uri="sip:ada@lab", state="active")
    over = Member(uri="sip:ada@lab", state="terminated", reason="timeout")
    waits = Member(uri="sip:ada@lab", state="pending")
    open_one = listing(0, ada="open").members[0]
    for members in ((quiet,), (over,), (waits,), (open_one, open_one)):
        first = listing(0, here="open", gone="closed")
        agents = listed(replace(first, members=(*first.members, *members)))
        assert agents.qualification.state == "qualified"
        assert agents.reading_of("sip:ada@lab") is None


def test_a_member_whose_subscription_ends_is_unknown_again() -> None:
    """Unless the reason says that there is no such user."""
    for reason, reading in (("timeout", None), ("noresource", Reading(EvidenceKind.UNKNOWN_USER))):
        agents = listed(listing(0, here="open", gone="closed", ada="open"))
        ended = Member(uri="sip:ada@lab", state="terminated", reason=reason)
        agents.take(replace(listing(1, full=False), members=(ended,)), NOW)
        assert agents.reading_of("sip:ada@lab") == reading


def test_a_change_of_what_was_lost_is_no_absence() -> None:
    """Even where absence shows: the base of a partial document is missing."""
    reading = ListReading(PACKAGES["reg"], absence_shows=True)
    gone = reginfo("terminated", "terminated", version=2, state="partial")
    assert reading.take(told("reg", gone)) == {AGENT: BLIND}

"""The registrations of an address, full and partial."""

from __future__ import annotations

import pytest
from tests.unit.sip.packages.bodies import reginfo

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.registration_info import RegistrationInfo, parse_registration_info


@pytest.mark.parametrize(
    ("registration", "contacts", "reachable"),
    [
        ("active", ("active",), True),
        ("active", ("terminated", "active"), True),
        ("active", ("terminated",), False),
        ("terminated", ("terminated",), False),
        ("init", (), False),
        ("terminated", ("active",), False),
    ],
)
def test_an_active_contact_of_an_active_registration(
    registration: str, contacts: tuple[str, ...], reachable: bool
) -> None:
    """Both states must be active (RFC 3680 section 3.1)."""
    (one,) = parse_registration_info(reginfo(registration, *contacts)).registrations
    assert one.has_active_contact is reachable


def test_a_contact_has_its_uri_and_what_happened_last() -> None:
    """As written."""
    (one,) = parse_registration_info(reginfo("active", "active")).registrations
    (contact,) = one.contacts
    assert (one.aor, contact.uri, contact.event) == ("sip:agent0001@lab", "sip:0@127.0.0.10", "registered")


@pytest.mark.parametrize("body", [reginfo("maybe"), reginfo("active", state="half"), b"<list/>"])
def test_words_of_no_standard_are_errors(body: bytes) -> None:
    """An unknown state could mean anything."""
    with pytest.raises(SipSyntaxError):
        parse_registration_info(body)


def known(body: bytes) -> RegistrationInfo:
    return parse_registration_info(body)


def test_partial_state_is_laid_over_full_state() -> None:
    """A second phone comes: the first one stays (RFC 3680 section 5.1)."""
    first = known(reginfo("active", "active", version=4))
    updated = first.updated_by(
        known(reginfo("active", "active", version=5, state="partial", first_contact=1))
    )
    assert updated is not None
    assert [contact.contact_id for contact in updated.registrations[0].contacts] == ["c0", "c1"]
    last = updated.updated_by(known(reginfo("terminated", "terminated", version=6, state="partial")))
    assert last is not None
    assert not last.registrations[0].has_active_contact


def test_a_gap_asks_for_full_state() -> None:
    """Full state needs none before it; an old partial document changes nothing."""
    first = known(reginfo("active", "active", version=1))
    assert first.updated_by(known(reginfo("init", version=3, state="partial"))) is None
    assert first.updated_by(known(reginfo("init", version=3))) == known(reginfo("init", version=3))
    assert first.updated_by(known(reginfo("init", version=1, state="partial"))) is first

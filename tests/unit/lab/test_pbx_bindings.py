"""The practice PBX's registrar."""

from __future__ import annotations

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.bindings import Bindings, ExpiresLimits, TooBrief
from shiftline.sip.message import Request
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

AOR = SipUri(user="agent0001", host="lab")


def a_register(*contacts: str, expires: str | None = None) -> Request:
    request = register_query(AOR, registrar=SipUri(host="lab"), token=lambda: "t")
    for contact in contacts:
        request.headers.add("Contact", contact)
    if expires is not None:
        request.headers.add("Expires", expires)
    return request


def bindings(**limits: int) -> Bindings:
    return Bindings(ExpiresLimits(**limits))


def test_each_contact_has_its_own_time() -> None:
    """The parameter wins over the header, and both over the default; all are capped."""
    kept = bindings(longest=5000)
    kept.take("a", a_register("<sip:a@x>;expires=60", "<sip:a@y>", expires="90"), 0.0)
    kept.take("a", a_register("<sip:a@z>;expires=9999"), 0.0)
    assert kept.of("a", 10.0) == {"<sip:a@x>": 60.0, "<sip:a@y>": 90.0, "<sip:a@z>": 5000.0}
    assert kept.of("a", 60.0) == {"<sip:a@y>": 90.0, "<sip:a@z>": 5000.0}
    assert kept.of("b", 0.0) is None


def test_a_wish_too_brief_changes_nothing() -> None:
    """All or nothing (RFC 3261 section 10.3, step 7); 0 is a removal, and never too brief."""
    kept = bindings(shortest=600)
    assert (
        kept.take("a", a_register("<sip:a@x>;expires=900", "<sip:a@y>;expires=60"), 0.0) is TooBrief.TOO_BRIEF
    )
    assert not kept.of("a", 0.0)
    assert kept.take("a", a_register("<sip:a@x>", expires="600"), 0.0) is None
    assert kept.take("a", a_register("<sip:a@x>", expires="0"), 1.0) is None
    assert kept.of("a", 1.0) == {}


def test_one_contact_is_removed_and_the_others_stay() -> None:
    """Expires 0 is meant for the contacts beside it."""
    kept = bindings()
    kept.take("a", a_register("<sip:a@x>", "<sip:a@y>", expires="60"), 0.0)
    kept.take("a", a_register("<sip:a@x>", expires="0"), 1.0)
    assert kept.of("a", 1.0) == {"<sip:a@y>": 60.0}


def test_the_star_removes_all_and_stands_alone() -> None:
    """With anything beside it, or without Expires 0, it is malformed (section 10.2.2)."""
    kept = bindings()
    kept.take("a", a_register("<sip:a@x>", "<sip:a@y>", expires="60"), 0.0)
    for wrong in (a_register("*"), a_register("*", expires="60"), a_register("*", "<sip:a@x>", expires="0")):
        with pytest.raises(SipSyntaxError):
            kept.take("a", wrong, 1.0)
    kept.take("a", a_register("*", expires="0"), 1.0)
    assert not kept.of("a", 1.0)

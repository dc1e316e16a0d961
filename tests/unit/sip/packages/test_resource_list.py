"""List notifications: who is on the list, and what each part says."""

from __future__ import annotations

import pytest
from tests.unit.sip.packages.bodies import LIST_TYPE, pidf, resource_list

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.resource_list import Member, parse_resource_list


def test_each_member_has_the_part_that_its_instance_names() -> None:
    """By Content-ID, whatever the order of the parts (RFC 4662 section 5.2)."""
    found = parse_resource_list(
        resource_list(
            ("agent0001", "active", pidf("open")), ("agent0002", "active", pidf("closed")), version=7
        ),
        LIST_TYPE,
    )
    assert (found.uri, found.version, found.is_full) == ("sip:everyone@lab", 7, True)
    assert [(member.uri, member.body) for member in found.members] == [
        ("sip:agent0001@lab", pidf("open")),
        ("sip:agent0002@lab", pidf("closed")),
    ]
    assert {member.content_type for member in found.members} == {"application/pidf+xml"}


def test_a_member_of_whom_nothing_is_known() -> None:
    """A resource without an instance, and an instance without a part."""
    found = parse_resource_list(
        resource_list(("agent0001", "", b""), ("agent0002", "terminated", b""), full=False), LIST_TYPE
    )
    assert found.members == (
        Member(uri="sip:agent0001@lab"),
        Member(uri="sip:agent0002@lab", state="terminated"),
    )
    assert not found.is_full


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (resource_list(), "application/rlmi+xml"),
        (b"--cut\r\nContent-Type: text/plain\r\n\r\nhello\r\n--cut--", LIST_TYPE),
        (resource_list().replace(b"<list", b"<l!st"), LIST_TYPE),
        (resource_list().replace(b'version="0"', b""), LIST_TYPE),
    ],
)
def test_what_is_no_list_is_an_error(body: bytes, content_type: str) -> None:
    """Not multipart, no list document in it, one that cannot be read."""
    with pytest.raises(SipSyntaxError):
        parse_resource_list(body, content_type)

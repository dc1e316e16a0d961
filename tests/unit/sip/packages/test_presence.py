"""Presence documents: open, closed, both, neither, and what the person is doing."""

from __future__ import annotations

import pytest
from tests.unit.sip.packages.bodies import pidf

from shiftline.sip.packages.presence import Basic, parse_presence


@pytest.mark.parametrize(
    ("basics", "is_open", "is_closed"),
    [
        (("open",), True, False),
        (("closed",), False, True),
        (("closed", "open"), True, False),
        ((), False, False),
        (("maybe",), False, False),
        (("OPEN",), True, False),
    ],
)
def test_one_open_tuple_is_enough(basics: tuple[str, ...], is_open: bool, is_closed: bool) -> None:
    """RFC 3863 section 4.1.4; no tuple says neither."""
    presence = parse_presence(pidf(*basics))
    assert (presence.is_open, presence.is_closed) == (is_open, is_closed)


def test_a_tuple_has_id_basic_and_contact() -> None:
    """As written."""
    (one,) = parse_presence(pidf("open")).tuples
    assert (one.tuple_id, one.basic, one.contact) == ("t0", Basic.OPEN, "sip:0@lab")


def test_activities_are_found_wherever_they_stand() -> None:
    """In the person (RFC 4480), or within a tuple's status as older phones write them."""
    assert parse_presence(pidf("open", activity="on-the-phone")).activities == {"on-the-phone"}
    older = (
        b'<presence entity="x"><tuple id="1"><status><basic>open</basic>'
        b"<activities><busy/></activities></status></tuple></presence>"
    )
    assert parse_presence(older).activities == {"busy"}

"""The torture messages of RFC 4475 and RFC 5118: taken, noted or refused, each as its section says."""

from __future__ import annotations

import pytest
from tests.unit.sip.torture import rfc4475, rfc5118
from tests.unit.sip.torture.cases import Case, Fate

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.inspection import inspect
from shiftline.sip.message import parse_message
from shiftline.sip.multipart import parse_multipart
from shiftline.sip.notes import Level
from shiftline.sip.values import CSeq, MediaType
from shiftline.sip.via import Via

CASES = [*rfc4475.CASES, *rfc5118.CASES]
SECTIONS_OF_4475 = {
    *(f"3.1.1.{number}" for number in range(1, 14)),
    *(f"3.1.2.{number}" for number in range(1, 20)),
    "3.2.1",
    *(f"3.3.{number}" for number in range(1, 16)),
    "3.4.1",
}
SECTIONS_OF_5118 = {f"4.{number}" for number in range(1, 11)}


def test_every_section_has_its_message() -> None:
    """None of the RFCs' messages is left out."""
    assert {case.section for case in rfc4475.CASES} == SECTIONS_OF_4475
    assert {case.section for case in rfc5118.CASES} == SECTIONS_OF_5118


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section} {case.trait}")
def test_the_message_meets_its_fate(case: Case) -> None:
    """Valid ones are read without an error, invalid ones with a note or refused by a SipSyntaxError."""
    reading = inspect(case.data)
    assert reading.data == case.data
    assert case.notes <= {found.id for found in reading.notes}
    assert bool(reading.errors) == (case.fate is not Fate.ACCEPTED)
    assert (reading.message is None) == (case.fate is Fate.HOPELESS)
    if case.fate in (Fate.REFUSED, Fate.HOPELESS):
        with pytest.raises(SipSyntaxError):
            parse_message(case.data)
    else:
        assert parse_message(case.data) == reading.message


def values_of(section: str, name: str) -> list[str]:
    (case, *_) = (case for case in CASES if case.section == section)
    return parse_message(case.data).headers.get_all(name)


def test_the_tortuous_message_means_what_it_says() -> None:
    """3.1.1.1: behind all the blanks are plain values."""
    (to,), (sender,) = values_of("3.1.1.1", "To"), values_of("3.1.1.1", "From")
    assert (str(NameAddr.parse(to).uri), NameAddr.parse(to).tag) == ("sip:agent0042@pbx.example", "zz9")
    assert NameAddr.parse(sender).display_name == 'The \\ "Planner"'
    assert CSeq.parse(*values_of("3.1.1.1", "CSeq")) == CSeq(number=7, method="INVITE")
    vias = [Via.parse(value) for value in values_of("3.1.1.1", "Via")]
    assert [(via.transport, via.host, via.branch) for via in vias] == [
        ("UDP", "192.0.2.7", "of-long-ago"),
        ("TCP", "inner.example", "z9hG4bKa7"),
        ("UDP", "192.0.2.8", "z9hG4bKb8"),
    ]


def test_an_escaped_nul_is_no_nul() -> None:
    """3.1.1.2: a quoted string may hold NUL behind a backslash; no value of ours ever holds one."""
    (to,) = values_of("3.1.1.2", "To")
    assert NameAddr.parse(to).display_name == "TAB:\t NUL:\ufffd DEL:\x7f BELL:\x07"


def test_the_parts_are_read_and_the_body_stays() -> None:
    """3.1.1.11: binary parts survive."""
    (case,) = (case for case in CASES if case.section == "3.1.1.11")
    message = parse_message(case.data)
    assert message.body == rfc4475.PARTS
    parts = parse_multipart(message.body, MediaType.parse(message.headers.get("Content-Type") or ""))
    assert [part.body for part in parts] == [b"Swap?", b"\x00\xff\r\n\r\n--not-it\r\n"]


def test_every_note_has_a_place_and_a_rule() -> None:
    """Who reads a note can look up what it means and where it is."""
    for case in CASES:
        for found in inspect(case.data).notes:
            assert found.rule.startswith("RFC ")
            assert found.level in Level
            if found.offset is not None:
                assert 0 <= found.offset <= len(case.data)

"""The tolerant reader: notes say what is odd, where and by which rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.sip.torture.cases import message

from shiftline.sip.inspection import inspect
from shiftline.sip.message import Request, Response
from shiftline.sip.notes import CATALOGUE, Level

OPTIONS = "OPTIONS sip:agent0042@pbx.example SIP/2.0"
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "sip-library.md"


def ids(data: bytes) -> set[str]:
    return {found.id for found in inspect(data).notes}


def test_a_plain_message_has_no_notes() -> None:
    """A clean request and a clean response."""
    assert inspect(message(OPTIONS)).notes == ()
    assert inspect(message("SIP/2.0 200 OK")).notes == ()


def test_a_note_points_at_its_place() -> None:
    """The offset is that of the header's own line, also of the second row of a name."""
    data = message(
        OPTIONS, "Via: SIP/2.0/UDP h;branch=z9hG4bKa", "Call-ID: c", "v : nonsense", "Max-Forwards: 999"
    )
    places = {(found.id, found.where, found.offset) for found in inspect(data).notes}
    assert ("value.unreadable", "Via", data.index(b"v : ")) in places
    assert ("value.range", "Max-Forwards", data.index(b"Max-F")) in places
    assert ("header.blank-before-colon", "headers", data.index(b"\nv :")) in places


def test_the_bytes_stay() -> None:
    """All of them, as they came."""
    data = b"\r\n\r\n" + message(OPTIONS) + b"more"
    reading = inspect(data)
    assert reading.data is data
    assert {found.id for found in reading.notes} == {"start-line.preceded", "content-length.excess"}
    assert [found.offset for found in reading.notes] == [0, len(data) - 4]


def test_a_cut_message_is_read_as_far_as_it_goes() -> None:
    """A capture with a short snap length still shows who asked whom; half a line is no header."""
    data = message(OPTIONS)
    reading = inspect(data[: data.index(b"CSeq") + 6])
    assert isinstance(reading.message, Request)
    assert reading.message.headers.get("Call-ID") == "trade-77@192.0.2.7"
    assert "CSeq" not in reading.message.headers
    assert {"headers.cut", "header.missing"} <= {found.id for found in reading.errors}


def test_a_hopeless_start_line_hides_no_header() -> None:
    """Who asked, and in which call, can be told even when nobody can tell what."""
    reading = inspect(message("OPTIONS shiftboard:seven SIP/2.0", "Max-Forwards: many"))
    assert reading.message is None
    assert reading.headers.get("Call-ID") == "trade-77@192.0.2.7"
    assert {found.id for found in reading.errors} == {"start-line.uri", "value.range"}
    assert len(inspect(b"no line at all").headers) == 0


def test_a_broken_line_is_left_out() -> None:
    """The rest of the message is read."""
    reading = inspect(message(OPTIONS, "this is no header", "Subject: a\rb\0c"))
    assert isinstance(reading.message, Request)
    assert reading.message.headers.get("Subject") == "a b c"
    assert {found.id for found in reading.errors} == {"header.unreadable", "line.control"}


@pytest.mark.parametrize("length", ["99", "-3", "x"])
def test_a_wrong_length_is_mended(length: str) -> None:
    """The body is what is there, and the message can be written."""
    reading = inspect(message(OPTIONS, f"Content-Length: {length}", "Content-Type: text/plain", body=b"abc"))
    assert isinstance(reading.message, Request)
    assert reading.message.body == b"abc"
    assert bytes(reading.message).endswith(b"abc")
    assert len(reading.errors) == 1


@pytest.mark.parametrize(
    ("data", "note_id"),
    [
        (b"", "start-line.missing"),
        (b"hello\r\n\r\n", "start-line.unreadable"),
        (message("sip/2.0 200 OK").replace(b"SIP", b"sip"), "start-line.case"),
        (message("SIP/2.0 180"), "start-line.blanks"),
        (message(OPTIONS).replace(b"\r\n", b"\n"), "line.bare-lf"),
        (message(OPTIONS, b"Subject: \xe9"), "line.not-utf8"),
        (message(OPTIONS, "Subject: a\r\n b"), "header.folded"),
        (message(OPTIONS, "Via:"), "value.unreadable"),
        (message(OPTIONS, "Call-ID: a b"), "value.unreadable"),
        (message(OPTIONS, "Subject: x", *["X: y"] * 600), "headers.too-many"),
        (message(OPTIONS, "Contact: " + "a," * 2000), "headers.too-many"),
        (message(OPTIONS, "To: " + "a" * 9000), "value.long"),
        (message(OPTIONS, without="content-length"), "content-length.missing"),
        (message(OPTIONS, without="max-forwards"), "max-forwards.missing"),
        (message("SIP/2.0 200 OK", "CSeq: 1 INVITE"), "contact.missing"),
        (message("SIP/2.0 200 OK", "To: <sip:a@h>"), "address.no-tag"),
        (message("NOTIFY sip:h SIP/2.0", "Event: dialog"), "subscription-state.missing"),
        (message("SUBSCRIBE sip:h SIP/2.0"), "event.missing"),
        (message(OPTIONS, "Content-Length: 1") + b"x", "body.no-type"),
        (message(OPTIONS, "Content-Type: multipart/mixed", body=b"x"), "body.multipart"),
        (message("SIP/2.0 401 No", "WWW-Authenticate: Digest realm=x"), "value.unreadable"),
        (message(OPTIONS, "Authorization: Digest username=x"), "value.unreadable"),
        (message(OPTIONS, 'Authorization: "'), "header.open-quote"),
        (message("OPTIONS sip:h;method=INVITE SIP/2.0"), "start-line.uri-headers"),
    ],
)
def test_an_oddity_has_its_note(data: bytes, note_id: str) -> None:
    """Each id of the catalogue that no torture message has."""
    assert note_id in ids(data)


def test_a_note_never_tells_credentials() -> None:
    """Notes go to reports and logs."""
    data = message(
        OPTIONS,
        'Authorization: Digest username="agent0042", response="c0ffee", nonce="n0nce", opaque',
        "Proxy-Authorization: Basic c2VjcmV0",
    )
    texts = " ".join(found.text for found in inspect(data).notes)
    assert texts
    assert not re.search("c0ffee|n0nce|c2VjcmV0", texts)


def test_notes_are_bounded() -> None:
    """However broken the message, there are at most 64."""
    reading = inspect(message("SIP/2.0 200 OK", *["no colon"] * 300))
    assert isinstance(reading.message, Response)
    assert len(reading.notes) == 64


def test_the_catalogue_is_documented() -> None:
    """Every id, with its level and rule, stands in the reference, and no other."""
    rows = re.findall(r"^\| `([\w.-]+)` \| (\w+) \| (.+?) \|$", REFERENCE.read_text(), re.MULTILINE)
    assert {(note_id, Level(level), rule) for note_id, level, rule in rows} == {
        (note_id, level, rule) for note_id, (level, rule) in CATALOGUE.items()
    }

"""The layout of a ladder, and its mermaid text."""

from __future__ import annotations

import pytest

from shiftline.sip.ladder import Row, ladder_of
from shiftline.sip.mermaid import escape, mermaid_of
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport

OURS, PBX, OTHER = ("192.0.2.9", 5070), ("192.0.2.1", 5060), ("192.0.2.2", 5061)
SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


def message(
    at: float,
    direction: Direction,
    data: bytes,
    *,
    peer: tuple[str, int] = PBX,
    transport: Transport = Transport.UDP,
) -> TracedMessage:
    return TracedMessage(at=at, direction=direction, local=OURS, peer=peer, transport=transport, data=data)


def request(cseq: int, extra: bytes = b"", call: bytes = b"1") -> bytes:
    return b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: %s\r\nCSeq: %d OPTIONS\r\n%s\r\n" % (call, cseq, extra)


def response(status: int, cseq: int, extra: bytes = b"") -> bytes:
    return b"SIP/2.0 %d Word\r\nCall-ID: 1\r\nCSeq: %d OPTIONS\r\n%s\r\n" % (status, cseq, extra)


CREDENTIALS = b'Authorization: Digest username="u", response="9d5b"\r\n'
CHALLENGE = b'WWW-Authenticate: Digest realm="r", nonce="n"\r\n'


def shown(row: Row) -> tuple[float, int, int, str, tuple[str, ...], int]:
    return row.seconds, row.source, row.target, row.label, row.notes, row.times


def test_a_check_with_a_challenge() -> None:
    """Times count from the first message; arrows know both ends; notes say what headers mean."""
    drawn = ladder_of(
        Trace([
            message(10.0, SENT, request(1)),
            message(10.5, RECEIVED, response(401, 1, CHALLENGE)),
            message(10.75, SENT, request(2, CREDENTIALS)),
            message(11.0, RECEIVED, response(403, 2, b"Retry-After: 5\r\n")),
        ])
    )  # fmt: skip
    assert [str(participant) for participant in drawn.participants] == ["192.0.2.9:5070", "192.0.2.1:5060"]
    assert [participant.is_ours for participant in drawn.participants] == [True, False]
    assert [shown(row) for row in drawn.rows] == [
        (0.0, 0, 1, "OPTIONS sip:a@b (CSeq 1)", (), 1),
        (0.5, 1, 0, "401 Word (CSeq 1)", ("challenge",), 1),
        (0.75, 0, 1, "OPTIONS sip:a@b (CSeq 2)", ("with credentials",), 1),
        (1.0, 1, 0, "403 Word (CSeq 2)", ("Retry-After 5",), 1),
    ]


def test_retransmissions_are_one_row() -> None:
    """However much other calls say in between; the row stays where the first one was."""
    drawn = ladder_of(
        Trace([
            message(0.0, SENT, request(1)),
            message(0.2, SENT, request(1, call=b"2")),
            message(0.5, SENT, request(1)),
            message(1.5, SENT, request(1)),
        ])
    )  # fmt: skip
    assert [(row.seconds, row.times) for row in drawn.rows] == [(0.0, 3), (0.2, 1)]


def test_a_retransmission_after_an_answer_is_a_row_of_its_own() -> None:
    """It would be wrong to hide that a request was sent again although an answer had come."""
    drawn = ladder_of(
        Trace([
            message(0.0, SENT, request(1)),
            message(0.1, RECEIVED, response(100, 1)),
            message(0.5, SENT, request(1)),
            message(1.5, SENT, request(1)),
        ])
    )  # fmt: skip
    assert [(row.times, row.notes) for row in drawn.rows] == [(1, ()), (1, ()), (2, ("sent again",))]


def test_a_second_peer_and_another_transport_are_told() -> None:
    """Each address has its place; a transport is named where it changes."""
    drawn = ladder_of(
        Trace([
            message(0.0, SENT, request(1)),
            message(1.0, SENT, request(1, call=b"2"), peer=OTHER, transport=Transport.TLS),
            message(2.0, RECEIVED, b"\x16\x03\x01", peer=OTHER, transport=Transport.TLS),
            message(3.0, RECEIVED, b"\r\n\r\n"),
        ])
    )  # fmt: skip
    assert [(row.source, row.target, row.label, row.notes) for row in drawn.rows] == [
        (0, 1, "OPTIONS sip:a@b (CSeq 1)", ()),
        (0, 2, "OPTIONS sip:a@b (CSeq 1)", ("over TLS",)),
        (2, 0, "no SIP message, 3 bytes", ()),
        (1, 0, "keep-alive", ("over UDP",)),
    ]


@pytest.mark.parametrize(
    ("challenge", "note"),
    [
        (CHALLENGE, "challenge"),
        (b"", "no challenge"),
        (b'Proxy-Authenticate: Digest nonce="n", stale=true\r\n', "challenge, stale nonce"),
    ],
)
def test_kinds_of_challenge(challenge: bytes, note: str) -> None:
    """A 401 without a challenge, and a stale nonce, explain much."""
    drawn = ladder_of(Trace([message(0.0, RECEIVED, response(407, 1, challenge))]))
    assert drawn.rows[0].notes == (note,)


def test_labels_are_redacted_unless_asked() -> None:
    """A password in a Request-URI is not drawn."""
    trace = Trace([message(0.0, SENT, b"OPTIONS sip:bob:pw@h SIP/2.0\r\n\r\n")])
    assert ladder_of(trace).rows[0].label == "OPTIONS sip:bob:redacted@h"
    assert ladder_of(trace, redacted=False).rows[0].label == "OPTIONS sip:bob:pw@h"


def test_the_mermaid_text() -> None:
    """Requests are solid, responses dashed; repetitions, notes and lost messages are told."""
    trace = Trace(
        [
            message(0.0, SENT, request(1)),
            message(0.5, SENT, request(1)),
            message(0.75, RECEIVED, response(401, 1, CHALLENGE)),
        ],
        dropped=4,
    )
    assert mermaid_of(ladder_of(trace)).splitlines() == [
        "sequenceDiagram",
        "    participant p0 as Shiftline 192.0.2.9:5070",
        "    participant p1 as 192.0.2.1:5060",
        "    Note over p0: 4 earlier messages are not shown",
        "    p0->>p1: 0.000 s OPTIONS sip:a@b (CSeq 1) x2",
        "    p1-->>p0: 0.750 s 401 Word (CSeq 1) - challenge",
    ]


@pytest.mark.parametrize(
    "evil",
    [
        "a; p0->>p1: forged",
        "a#59; b",
        "a\np0->>p1: forged",
        "end",
        "the END of",
        "<img src=x onerror=alert(1)>",
        "%%{init: {'theme': 'dark'}}%%",
        "style a:b#c;",
        "\u2028 loop x",
        "$$\\text{x}$$",
    ],
)
def test_nothing_a_peer_writes_breaks_out_of_a_label(evil: str) -> None:
    """One row is one line, which ends no statement, opens no tag and holds no word of mermaid's."""
    trace = Trace([message(0.0, SENT, f"OPTIONS sip:{evil} SIP/2.0\r\n\r\n".encode())])
    trace.add(message(0.1, RECEIVED, f"SIP/2.0 500 {evil}\r\n\r\n".encode()))
    lines = mermaid_of(ladder_of(trace)).splitlines()
    assert len([line for line in lines if "->>" in line]) == 2
    assert len(lines) == 5
    for text in (line.partition(": ")[2] for line in lines[3:]):
        plain = "".join([part.partition(";")[2] if at else part for at, part in enumerate(text.split("#"))])
        assert not set(plain) & set(";#<>%{}$\\&\"'\u2028")
        assert "end" not in plain.lower().split()
        assert "style" not in plain.lower()


def test_escaped_text_says_the_same() -> None:
    """Entity codes are decimal, as mermaid wants them."""
    assert escape("a;b<c>#é") == "a#59;b#60;c#62;#35;#233;"
    assert escape("bend it to the end") == "bend it to the #101;nd"

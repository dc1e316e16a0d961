"""Which answer belongs to which request, and what one exchange says of both."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.doctor.captures import request, response

from shiftline.diagnosis.exchange import Brief, Carried, Challenge, Exchange
from shiftline.diagnosis.outcome import Outcome, outcome_of
from shiftline.doctor.reading.heads import Heads
from shiftline.doctor.reading.pairing import ECHOES, UNFINISHED, Pairing
from shiftline.doctor.reading.sighting import Flow

THERE = Flow("192.0.2.7", 5060, "198.51.100.1", 5060)
BACK = Flow("198.51.100.1", 5060, "192.0.2.7", 5060)
DIGEST = (
    'Authorization: Digest username="planner", realm="lab", nonce="n,1", uri="sip:pbx.example", '
    'response="0123456789abcdef0123456789abcdef", algorithm=SHA-256, cnonce="c", qop=auth, nc=0000000a\r\n'
)


def pair(*seen: tuple[float, Flow, bytes]) -> tuple[list[Exchange], Counter[str]]:
    skipped: Counter[str] = Counter()
    rows = [(at, flow, data, number) for number, (at, flow, data) in enumerate(seen, start=1)]
    found = Pairing("f", skipped).pair(rows)
    return [one.exchange() for one in found if isinstance(one, Brief)], skipped


def test_retransmissions_are_copies_of_one_request() -> None:
    seen = [(at, THERE, request()) for at in (0.0, 0.5, 1.5)]
    (one,), _ = pair(*seen, (2.0, BACK, response()), (2.1, THERE, request()), (2.2, BACK, response()))
    assert (one.copies, one.answered_after, one.status) == (4, 2.0, 200)


def test_a_packet_that_was_captured_twice_is_no_retransmission() -> None:
    (one,), skipped = pair((0.0, THERE, request()), (0.0001, THERE, request()), (1.0, BACK, response()))
    assert one.copies == 1
    assert skipped[ECHOES] == 1


def test_both_sides_of_a_proxy_stay_apart() -> None:
    onward, from_pbx = (
        Flow("198.51.100.1", 5060, "203.0.113.9", 5060),
        Flow("203.0.113.9", 5060, "198.51.100.1", 5060),
    )
    exchanges, _ = pair(
        (0.0, THERE, request()),
        (0.1, onward, request()),
        (0.2, from_pbx, response("403 No")),
        (0.3, BACK, response("500 Oops")),
    )
    assert [(one.source, one.status) for one in exchanges] == [("192.0.2.7", 403 + 97), ("198.51.100.1", 403)]


def test_an_answer_may_come_from_another_port_and_a_provisional_one_is_none() -> None:
    odd = Flow("198.51.100.1", 40_000, "192.0.2.7", 5060)
    (one,), _ = pair(
        (0.0, THERE, request()), (0.1, odd, response("100 Trying")), (0.2, odd, response("486 Busy"))
    )
    assert one.status == 486


def test_invite_cancel_and_ack_share_a_branch() -> None:
    exchanges, _ = pair(
        (0.0, THERE, request("INVITE")),
        (1.0, THERE, request("CANCEL")),
        (1.1, BACK, response("200 OK", "CANCEL")),
        (1.2, BACK, response("487 Gone", "INVITE")),
        (1.3, THERE, request("ACK")),
    )
    assert [(one.method, one.status) for one in exchanges] == [("INVITE", 487), ("CANCEL", 200)]


def test_silence_is_told_after_a_while_and_not_at_the_edge_of_the_record() -> None:
    exchanges, skipped = pair(
        (0.0, THERE, request()),
        (100.0, THERE, request(branch="z9hG4bK2")),
        (199.9, THERE, request(branch="z9hG4bK3")),
        (200.0, THERE, request(branch="z9hG4bK4")),
    )
    assert [(one.at, one.status) for one in exchanges] == [(0.0, None), (100.0, None)]
    assert skipped[UNFINISHED] == 2


def test_what_only_got_100_trying_was_heard_and_not_answered() -> None:
    """Whoever says Trying is not silent."""
    seen = [(at, THERE, request()) for at in (0.0, 0.5, 4.5)]
    (one,), _ = pair(*seen, (4.6, BACK, response("100 Trying")))
    assert (one.status, one.hints) == (None, {"heard": "100 Trying"})
    assert outcome_of(one) is Outcome.OTHER


def test_a_call_that_rings_for_minutes_is_not_called_silent() -> None:
    seen = [(10.0 * number, THERE, request(branch=f"z9hG4bKo{number}")) for number in range(1, 13)]
    exchanges, _ = pair(
        (0.0, THERE, request("INVITE")),
        (0.1, BACK, response("180 Ringing", "INVITE")),
        *seen,
        (125.0, BACK, response("200 OK", "INVITE")),
    )
    assert [one.status for one in exchanges if one.method == "INVITE"] == [200]


def test_credentials_are_read_without_the_response() -> None:
    (one,), _ = pair(
        (0.0, THERE, request("REGISTER", extra=DIGEST)), (0.1, BACK, response("403 No", "REGISTER"))
    )
    assert one.carried == Carried(
        username="planner",
        realm="lab",
        nonce="n,1",
        nonce_count=10,
        algorithm="SHA-256",
    )
    assert one.user == "agent0042"  # of To, for a REGISTER
    assert "0123456789abcdef" not in repr(one)


def test_an_authorization_that_answers_nothing_yet_is_none() -> None:
    extra = 'Authorization: Digest username="a", realm="b", nonce="", uri="sip:b", response=""\r\n'
    (one,), _ = pair((0.0, THERE, request(extra=extra)), (0.1, BACK, response()))
    assert one.carried is None


SECOND = 'WWW-Authenticate: Digest realm="lab", nonce="m"\r\n'
FOLDED = 'digest realm="lab",\r\n nonce="n", algorithm=SHA-256,stale=true'
FIRST = 'Digest realm="lab", nonce="n", algorithm=SHA-256, stale=TRUE'


@pytest.mark.parametrize(
    "rows",
    [
        f"WWW-Authenticate: {FIRST}\r\n{SECOND}",
        f'WWW-Authenticate: {FIRST}, Digest realm="lab", nonce="m"\r\n',
        f"www-authenticate:{FOLDED}\r\n{SECOND}",
    ],
)
def test_challenges_of_one_answer(rows: str) -> None:
    (one,), _ = pair((0.0, THERE, request()), (0.1, BACK, response("401 Unauthorized", extra=rows)))
    assert one.challenge == Challenge(realm="lab", nonce="n", algorithms=("SHA-256", "MD5"), is_stale=True)


def test_hints_by_lower_case_name() -> None:
    extra = 'Retry-After: 30 (busy)\r\nWarning: 399 pbx "later"\r\nP-Registrar-Error: Too many\r\n'
    (one,), _ = pair((0.0, THERE, request()), (0.1, BACK, response("503 Later", extra=extra)))
    assert one.hints == {
        "server": "Example PBX 1.2",
        "retry-after": "30 (busy)",
        "warning": '399 pbx "later"',
        "p-registrar-error": "Too many",
    }


@pytest.mark.parametrize(
    "change",
    [
        (b"\r\n", b"\n"),
        (b"Via: ", b"v:"),
        (b"From: ", b"f : "),
        (b"Call-ID: ", b"i: "),
        (b"CSeq: ", b"CSEQ:\r\n "),
        (b"branch=", b"BRANCH = "),
        (b"From: <sip:planner@wfm.example>", b'From: "A, <b>" <sips:planner:pw@wfm.example:5061;x=y>'),
    ],
)
def test_however_a_message_is_written(change: tuple[bytes, bytes]) -> None:
    usual = pair((0.0, THERE, request()), (0.1, BACK, response()))[0]
    data = request().replace(*change)
    for rounds in (1, 5):  # the fifth time by a shape that was learned
        seen = [
            one
            for number in range(rounds)
            for one in (
                (number, THERE, data.replace(b"z9hG4bK1", b"z9hG4bK%d" % number)),
                (number + 0.1, BACK, response(branch=f"z9hG4bK{number}")),
            )
        ]
        found = pair(*seen)[0][-1]
        assert (
            found.method,
            found.user,
            found.from_user,
            found.from_host,
            found.call_id,
            found.via_host,
            found.status,
        ) == (
            "OPTIONS",
            "agent0001",
            "planner",
            "wfm.example",
            usual[0].call_id,
            "192.0.2.7",
            200,
        )


def test_a_client_without_branches_is_paired_by_its_call_id() -> None:
    data, answer = (one.replace(b";branch=z9hG4bK1", b"") for one in (request(), response()))
    exchanges, _ = pair((0.0, THERE, data), (0.1, BACK, answer))
    assert [one.status for one in exchanges] == [200]


@pytest.mark.parametrize("rounds", [1, 5])  # the fifth time by a shape that was learned
def test_the_names_of_the_headers_are_kept_as_they_were_written(rounds: int) -> None:
    seen = [
        (float(number), THERE, request(branch=f"z9hG4bK{number}", extra="x-genesys-Agent: a1\r\nl : 0\r\n"))
        for number in range(rounds)
    ]
    exchanges, _ = pair(*seen, (100.0, THERE, request(branch="z9hG4bKlast")))
    assert exchanges[rounds - 1].headers == (
        *("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "User-Agent"),
        *("x-genesys-Agent", "l", "Content-Length"),
    )


def test_exchanges_are_alike_that_differ_in_time_call_and_nonce_only() -> None:
    other_nonce, other_login = DIGEST.replace("n,1", "n,2"), DIGEST.replace("planner", "desk")
    rows = [("200 OK", DIGEST), ("200 OK", other_nonce), ("403 No", DIGEST), ("200 OK", other_login)]
    seen: list[tuple[float, Flow, bytes]] = []
    for number, (status, extra) in enumerate(rows):
        seen.append((float(number), THERE, request(branch=f"z9hG4bK{number}", extra=extra)))
        seen.append((number + 0.1, BACK, response(status, branch=f"z9hG4bK{number}")))
    first, again, refused, foreign = pair(*seen)[0]
    assert first.alike is again.alike
    assert len({first.alike, refused.alike, foreign.alike}) == 3


@pytest.mark.parametrize("rounds", [1, 5])
def test_values_that_no_one_would_show_whole_are_cut(rounds: int) -> None:
    """Else a thousand large messages would fill the memory."""
    long = "x" * 60_000
    seen = [
        (float(number), THERE, request(branch=f"z9hG4bK{number}", extra=f"Event: {number}{long}\r\n"))
        for number in range(rounds)
    ]
    exchanges, _ = pair(*seen, (100.0, THERE, request(branch="z9hG4bKlast")))
    assert exchanges[rounds - 1].event.startswith(f"{rounds - 1}xxx")
    heads = Heads()
    for _, flow, data in seen:
        common, *changing = heads.read(flow, data)
        assert sum(map(len, (*common.values, *changing))) < 8192

"""Pseudonyms: nobody's name is left, what is no name stays, and all messages agree."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from shiftline.sip.message import parse_message
from shiftline.sip.pseudonyms import Pseudonyms

NAMES = st.text("abcdef", min_size=4, max_size=8) | st.integers(1000, 10**11).map(str)


def invite(user: str, caller: str) -> bytes:
    body = f"v=0\r\no={caller} 1 1 IN IP4 192.0.2.7\r\nm=audio 5004 RTP/AVP 0 101\r\n"
    return (
        f"INVITE sip:{user}@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n"
        f'From: "{caller}" <sip:{caller}@pbx.example>;tag=1\r\nTo: <sip:{user}@pbx.example>\r\n'
        f"Call-ID: c1@192.0.2.7\r\nCSeq: 1000 INVITE\r\nMax-Forwards: 70\r\nX-Agent-ID: {user}\r\n"
        f'Authorization: Digest username="{caller}", realm="lab"\r\n'
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@given(NAMES, NAMES)
def test_no_name_is_left_and_the_message_is_whole(user: str, caller: str) -> None:
    data = invite(user, caller)
    names = Pseudonyms()
    names.learn_from([data])
    shown = names.message(data)
    for name in (user, caller):
        given_name = names.text(name)
        assert re.fullmatch(r"(?:user|number)\d", given_name)
        in_uris = re.findall(rf"sip:{re.escape(name)}@".encode(), shown)
        assert not in_uris
    message = parse_message(shown)
    assert len(message.body) == int(message.headers.get("Content-Length") or -1)
    assert (message.headers.get("CSeq"), message.headers.get("Max-Forwards")) == ("1000 INVITE", "70")
    assert message.headers.get("X-Agent-ID") == names.text(user)
    assert names.message(data) == shown


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_and_a_message_without_names_stays(data: bytes) -> None:
    names = Pseudonyms()
    names.learn("agent0001")
    names.learn_from([data])
    names.message(data)
    nobody = Pseudonyms()
    assume(b"urn:" not in data.lower())
    head, end, _ = data.partition(b"\r\n\r\n")
    assert nobody.message(data).startswith(head + end)


def test_an_extension_of_three_digits_changes_no_status() -> None:
    names = Pseudonyms()
    names.learn_from([b"OPTIONS sip:200@pbx.example SIP/2.0\r\n\r\n"])
    answer = b"SIP/2.0 200 OK\r\nTo: <sip:200@pbx.example>\r\nCSeq: 200 OPTIONS\r\nX-Agent-ID: 200\r\n\r\n"
    assert names.message(answer) == (
        b"SIP/2.0 200 OK\r\nTo: <sip:number1@pbx.example>\r\nCSeq: 200 OPTIONS\r\nX-Agent-ID: number1\r\n\r\n"
    )
    assert names.text("200 in each 10 s") == "200 in each 10 s"


PRESENCE = (
    b'<?xml version="1.0"?><presence entity="sip:alice.meyer@pbx.example"><note>Bob Smith</note></presence>'
)
REGISTER = (
    b"REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.44:5060;branch=z9hG4bK1\r\n"
    b'From: "Alice Meyer" <sip:alice.meyer@pbx.example>;tag=a1\r\nCall-ID: alice.meyer-1@192.0.2.44\r\n'
    b"CSeq: 1 REGISTER\r\nSubject: ALICE MEYER at 4915112345678.\r\nX-Agent: alice.meyer\r\n"
    b'P-Asserted-Identity: <sip:4711@pbx.example>, "Carol" <tel:+4915112345678>\r\n'
    b'Contact: <sip:alice.meyer@a>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"\r\n'
    b"Content-Type: application/pidf+xml\r\nContent-Length: %d\r\n\r\n%b" % (len(PRESENCE), PRESENCE)
)
REFUSED = (
    b"SIP/2.0 403 Alice Meyer (alice.meyer) is locked, Carol is not\r\nCSeq: 1 REGISTER\r\n"
    b'Warning: 399 pbx "user alice.meyer. 4711 locked"\r\nContent-Length: 0\r\n\r\n'
)


def test_a_name_is_replaced_wherever_it_stands() -> None:
    names = Pseudonyms()
    names.learn_from([REGISTER, REFUSED])
    shown, refused = names.message(REGISTER), names.message(REFUSED)
    for text in (b"alice", b"meyer", b"carol", b"bob", b"4711", b"49151", b"aabbcc"):
        assert text not in (shown + refused).lower(), text
    user, agent = (names.text(one).encode() for one in ("alice.meyer", "Alice Meyer"))
    assert b"Call-ID: %b-1@192.0.2.44\r\n" % user in shown
    assert b"Subject: %b at %b.\r\n" % (agent, names.text("+4915112345678").encode()) in shown
    assert b'"<urn:uuid:device1>"' in shown
    assert refused.startswith(b"SIP/2.0 403 %b (%b) is locked" % (agent, user))
    assert b"Warning: 399 pbx" in refused
    assert len(parse_message(shown).body) == int(parse_message(shown).headers.get("Content-Length") or -1)
    assert names.message(shown) == shown


def test_a_user_named_as_the_protocol_is_renamed_in_uris_only() -> None:
    names = Pseudonyms()
    data = b"OPTIONS sip:sip@pbx.example;user=phone SIP/2.0\r\nTo: <sip:options@pbx.example>\r\n\r\n"
    names.learn_from([data])
    assert names.message(data) == (
        b"OPTIONS sip:user1@pbx.example;user=phone SIP/2.0\r\nTo: <sip:user2@pbx.example>\r\n\r\n"
    )


def test_a_session_description_tells_no_person() -> None:
    names = Pseudonyms()
    body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Call of Bob\r\ne=bob@a.net (Bob)\r\nm=audio 5 RTP/AVP 0\r\n"
    head = (
        b"INVITE sip:carol@pbx.example SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n"
    )
    data = head % len(body) + body
    names.learn_from([data])
    shown = names.message(data)
    assert b"ob" not in shown.partition(b"\r\n\r\n")[2].lower()
    assert b"s=-\r\ne=-\r\nm=audio 5" in shown

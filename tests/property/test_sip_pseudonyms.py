"""Pseudonyms: nobody's name is left, what is no name stays, and all messages agree."""

from __future__ import annotations

import re

from hypothesis import given
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
    assert nobody.message(data) == data


def test_an_extension_of_three_digits_changes_no_status() -> None:
    names = Pseudonyms()
    names.learn_from([b"OPTIONS sip:200@pbx.example SIP/2.0\r\n\r\n"])
    answer = b"SIP/2.0 200 OK\r\nTo: <sip:200@pbx.example>\r\nCSeq: 200 OPTIONS\r\nX-Agent-ID: 200\r\n\r\n"
    assert names.message(answer) == (
        b"SIP/2.0 200 OK\r\nTo: <sip:number1@pbx.example>\r\nCSeq: 200 OPTIONS\r\nX-Agent-ID: number1\r\n\r\n"
    )
    assert names.text("200 in each 10 s") == "200 in each 10 s"

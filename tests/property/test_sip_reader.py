"""The reader: a message, a SipSyntaxError, and nothing else, whatever the bytes."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.agent import SipAgent
from shiftline.sip.digest import Challenge
from shiftline.sip.inspection import inspect
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq
from shiftline.sip.via import Via

REQUEST = (
    b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKa;rport\r\n"
    b'From: "A, B" <sip:probe@lab>;tag=1\r\n'
    b"To: <sip:agent0001@lab>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"body"
)
RESPONSE = REQUEST.replace(b"OPTIONS sip:agent0001@127.0.0.1 SIP/2.0", b"SIP/2.0 200 OK")
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"<", b">", b"@", b"%", b"=",
    b"SIP/2.0", b"SIP/2.0 200 OK", b"OPTIONS", b"sip:", b"tel:", b"Via", b"v", b"l", b"Content-Length",
    b"CSeq", b"4294967296", b"-1", b"z9hG4bK", b"rport", b"branch=", b"[::1]", b"\xff", b"\xd9\xa2",
    b"Digest realm=",
]  # fmt: skip

soup = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=60).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with a few bytes cut, doubled or replaced."""
    data = draw(st.sampled_from([REQUEST, RESPONSE]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=6)) + data[end:]
    return data


datagrams = soup | damaged() | st.binary(max_size=400)
texts = st.text(max_size=80) | soup.map(lambda data: data.decode(errors="surrogateescape"))


@given(datagrams)
@example(b"\xff" * 65535)
@example(b"SIP/2.0 200 OK\r\n" + b"Via:\r\n " * 9000)
def test_bytes_are_a_message_or_a_syntax_error(data: bytes) -> None:
    """No other exception leaves the reader."""
    with suppress(SipSyntaxError):
        assert isinstance(parse_message(data), Request | Response)


@given(datagrams)
def test_what_was_read_can_be_written_and_read_again(data: bytes) -> None:
    """Reading settles a message: written and read again it is the same."""
    try:
        message = parse_message(data)
    except SipSyntaxError:
        return
    again = parse_message(bytes(message))
    again.headers.set("Content-Length", message.headers.get("Content-Length") or str(len(message.body)))
    message.headers.set("Content-Length", message.headers.get("Content-Length") or str(len(message.body)))
    assert again == message


@given(datagrams)
def test_the_tolerant_reader_agrees_with_the_strict_one(data: bytes) -> None:
    """What one reads, the other reads alike; what one refuses, the other has an error note for."""
    reading = inspect(data)
    assert reading.data is data
    try:
        assert reading.message == parse_message(data)
    except SipSyntaxError:
        assert reading.errors
    if reading.message is not None:
        bytes(reading.message)  # the nearest legal reading can be written


@given(
    st.lists(st.sampled_from(["To: <sip:a@h>", "v: x ", "Subject:  y", "l:0", "X-Own: z", " w"]), max_size=6)
)
def test_line_ends_make_no_difference(lines: list[str]) -> None:
    """The short way for usual heads and the long way for odd ones read the same."""
    usual = "\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode()
    try:
        message = parse_message(usual)
    except SipSyntaxError:
        return
    assert parse_message(usual.replace(b"\r\n", b"\n")) == message


@given(texts)
def test_values_are_read_or_a_syntax_error(text: str) -> None:
    """Each value reader has the same contract as the message reader."""
    for read in (SipUri.parse, Via.parse, NameAddr.parse, CSeq.parse, Challenge.parse):
        with suppress(SipSyntaxError):
            read(text)


@given(st.lists(datagrams, max_size=5))
def test_an_agent_survives_any_datagram(received: list[bytes]) -> None:
    """Whatever comes, the agent raises nothing, and sends nothing unasked."""
    agent = SipAgent(local=("127.0.0.1", 5060), token=lambda: "t")
    for data in received:
        agent.receive(data, ("127.0.0.2", 5070), 0.0)
    assert agent.datagrams_to_send() == []
    agent.handle_timer(1000.0)
    assert agent.next_timer() is None

"""A trace is bounded, and says what it lost."""

from __future__ import annotations

import pytest

from shiftline.errors import MisuseError
from shiftline.sip.events import address_text
from shiftline.sip.trace import Direction, Trace, TracedMessage
from shiftline.sip.transport import Transport


def message(
    at: float, data: bytes = b"x", local: str = "192.0.2.9", peer: str = "192.0.2.1"
) -> TracedMessage:
    return TracedMessage(
        at=at,
        direction=Direction.RECEIVED,
        local=(local, 5070),
        peer=(peer, 5060),
        transport=Transport.UDP,
        data=data,
    )


def test_the_oldest_messages_go_first() -> None:
    """Never more messages than allowed; the count of the lost ones is kept."""
    trace = Trace(most_messages=3)
    for at in range(5):
        trace.add(message(at))
    assert [kept.at for kept in trace] == [2, 3, 4]
    assert (len(trace), trace.dropped) == (3, 2)


def test_bytes_are_bounded_too() -> None:
    """One large message pushes many small ones out, and one too large for the bound is not kept either."""
    trace = Trace([message(0), message(1)], most_bytes=10)
    trace.add(message(2, b"y" * 10))
    assert [kept.at for kept in trace] == [2]
    trace.add(message(3, b"z" * 11))
    assert (len(trace), trace.dropped) == (0, 4)


def test_a_redacted_copy_keeps_all_messages_and_the_count() -> None:
    """Masks may be longer than secrets; no message is lost by them."""
    trace = Trace([message(at, b"response=x\r\n" * 4) for at in range(9)], most_bytes=200)
    copy = trace.redacted()
    assert (len(copy), copy.dropped) == (len(trace), trace.dropped)
    assert all(b"response=x" not in kept.data for kept in copy)


def test_a_traced_message_can_be_logged() -> None:
    """Its ``repr`` holds no byte of the message."""
    assert "9d5b" not in repr(message(0, b"response=9d5b"))


def test_source_and_target_follow_the_direction() -> None:
    """What we received came from the peer."""
    received = message(0)
    assert (received.source, received.target) == (received.peer, received.local)


def test_both_hosts_are_of_one_family() -> None:
    """An IPv6 socket that speaks IPv4 is told in IPv6; a zone is no part of an address; a name is none."""
    assert [len(host) for host in message(0, peer="2001:db8::1%eth0").packed_hosts] == [16, 16]
    assert message(0).packed_hosts == (bytes([192, 0, 2, 1]), bytes([192, 0, 2, 9]))
    with pytest.raises(MisuseError, match=r"pbx\.example"):
        _ = message(0, peer="pbx.example").packed_hosts


def test_addresses_are_written_as_uris_do() -> None:
    """IPv6 stands in brackets."""
    assert address_text(("2001:db8::1", 5060)) == "[2001:db8::1]:5060"
    assert address_text(("192.0.2.1", 5060)) == "192.0.2.1:5060"

"""The UDP socket: binding, batches, closing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from shiftline.errors import UnavailableError
from shiftline.net.udp import UdpSocket


async def test_a_taken_port_is_named_with_a_remedy() -> None:
    """Whoever cannot bind hears which address and port, and what to do."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1 port {port} .*free port"):
            UdpSocket.open("127.0.0.1", port)


async def test_an_address_of_another_machine_is_refused() -> None:
    """Only an address of this machine can be bound (192.0.2.0/24 is for documents)."""
    with pytest.raises(UnavailableError, match=r"192\.0\.2\.1"):
        UdpSocket.open("192.0.2.1", 0)


async def test_a_run_of_datagrams_is_one_batch() -> None:
    """What is waiting is read together, and the end is told once."""
    seen: list[bytes] = []
    ended = asyncio.Event()
    ends: list[int] = []

    def end() -> None:
        ends.append(len(seen))
        ended.set()

    udp = UdpSocket.open("127.0.0.1", 0)
    with closing(udp), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as peer:
        for number in range(10):
            peer.sendto(b"%d" % number, udp.local)
        udp.start(on_datagram=lambda data, _: seen.append(data), on_batch_end=end)
        async with asyncio.timeout(5):
            await ended.wait()
    assert seen == [b"%d" % number for number in range(10)]
    assert ends == [10]


async def test_a_closed_socket_stays_silent() -> None:
    """Closing inside a batch ends it; closing twice does no harm."""
    seen: list[bytes] = []
    closed = asyncio.Event()
    udp = UdpSocket.open("127.0.0.1", 0)

    def close_at_once(data: bytes, _: tuple[str, int]) -> None:
        seen.append(data)
        udp.close()
        closed.set()

    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as peer:
        peer.sendto(b"1", udp.local)
        peer.sendto(b"2", udp.local)
        udp.start(on_datagram=close_at_once, on_batch_end=lambda: seen.append(b"end"))
        async with asyncio.timeout(5):
            await closed.wait()
    udp.close()
    assert udp.closed
    assert seen == [b"1"]


async def test_ipv6_is_an_address_like_any_other() -> None:
    """A colon in the address makes it IPv6."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        udp = UdpSocket.open("::1", 0)
    except UnavailableError:
        pytest.skip("this machine has no IPv6 loopback")
    with closing(udp):
        assert udp.local[0] == "::1"

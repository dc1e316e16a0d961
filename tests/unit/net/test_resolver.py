"""RFC 3263 against a name server of our own on loopback, and what happens without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net import resolver as resolver_module
from shiftline.net.resolver import Resolver, source_towards
from shiftline.sip.uri import SipUri

ZONE = {
    "pbx.test. NAPTR": ['10 1 "s" "SIPS+D2T" "" _sips._tcp.pbx.test.', '20 1 "s" "SIP+D2U" "" udp.pbx.test.'],
    "_sips._tcp.pbx.test. SRV": ["1 0 5061 a.pbx.test.", "2 0 5062 b.pbx.test."],
    "udp.pbx.test. SRV": ["1 0 5070 a.pbx.test."],
    "a.pbx.test. A": ["127.0.0.11"],
    "a.pbx.test. AAAA": ["::1"],
    "b.pbx.test. A": ["127.0.0.12"],
    "six.test. AAAA": ["::1"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from a dictionary; says nothing at all when it is ``mute``."""

    def __init__(self, zone: Mapping[str, list[str]], *, mute: bool) -> None:
        self.asked: list[str] = []
        self._zone = zone
        self._mute = mute
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{question.name} {kind}")
        if self._mute:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if found := self._zone.get(f"{question.name} {kind}"):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(key.startswith(f"{question.name} ") for key in self._zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def name_server(*, mute: bool = False) -> AsyncIterator[tuple[NameServer, Resolver]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(ZONE, mute=mute), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, Resolver(nameserver=transport.get_extra_info("sockname"))
    finally:
        transport.close()


async def ways(resolver: Resolver, uri: str, source: str = "0.0.0.0") -> list[str]:
    return [str(target) for target in await resolver.targets(SipUri.parse(uri), source=source)]


async def test_naptr_srv_and_addresses_are_followed() -> None:
    """All targets, in the order of the zone."""
    async with name_server() as (_, resolver):
        assert await ways(resolver, "sip:pbx.test") == [
            "127.0.0.11:5061 over TLS",
            "127.0.0.12:5062 over TLS",
            "127.0.0.11:5070 over UDP",
        ]


async def test_our_own_address_decides_the_family() -> None:
    """From ::1 only AAAA is of use; without a source IPv4 goes first, and IPv6 is taken where it is all."""
    async with name_server() as (_, resolver):
        assert await ways(resolver, "sips:pbx.test", "::1") == ["[::1]:5061 over TLS"]
        assert await ways(resolver, "sip:six.test:5060") == ["[::1]:5060 over UDP"]
        with pytest.raises(ConfigurationError, match=r"no address: none can be reached from 127\.0\.0\.2"):
            await ways(resolver, "sip:[::1]", "127.0.0.2")


async def test_answers_are_remembered() -> None:
    """For their time to live, nothing is asked twice."""
    async with name_server() as (server, resolver):
        first = await ways(resolver, "sip:a.pbx.test:5060")
        asked = list(server.asked)
        assert await ways(resolver, "sip:a.pbx.test:5060") == first
        assert server.asked == asked


async def test_a_name_server_that_is_silent_costs_one_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the system is asked, which knows the hosts file."""
    monkeypatch.setattr(resolver_module, "LONGEST_LOOK_UP", 0.2)

    async def hosts(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(None, None, None, "", ("127.0.0.13", 0))]

    async with name_server(mute=True) as (server, resolver):
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hosts)
        assert await ways(resolver, "sip:pbx.test") == ["127.0.0.13:5060 over UDP"]
    assert set(server.asked) == {"pbx.test. NAPTR"}


async def test_a_name_of_this_network_is_not_asked_of_the_dns() -> None:
    """localhost has no dot and no SRV."""
    async with name_server() as (server, resolver):
        assert await ways(resolver, "sip:localhost", "127.0.0.2") == ["127.0.0.1:5060 over UDP"]
    assert server.asked == []


async def test_numeric_hosts_need_no_name_server() -> None:
    """With and without brackets."""
    assert await ways(Resolver(), "sip:192.0.2.1:5070") == ["192.0.2.1:5070 over UDP"]
    assert await ways(Resolver(), "sips:[2001:db8::1]") == ["[2001:db8::1]:5061 over TLS"]


def test_the_routing_table_chooses_our_address() -> None:
    """Unless one is configured."""
    assert source_towards(("127.0.0.1", 5060), "0.0.0.0") == "127.0.0.1"
    assert source_towards(("::1", 5060), "0.0.0.0") == "::1"
    assert source_towards(("127.0.0.1", 5060), "127.0.0.9") == "127.0.0.9"


def test_a_source_that_is_not_ours_is_named_by_its_key() -> None:
    """What a socket would say, that its port is not free, sends nobody to trunk.source."""
    with pytest.raises(
        UnavailableError, match=r"^trunk\.source is 203\.0\.113\.9, which cannot be used here"
    ):
        source_towards(("127.0.0.1", 5060), "203.0.113.9")


async def test_name_servers_that_say_nothing_are_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many questions a name needs, all of them together have an end."""
    monkeypatch.setattr(resolver_module, "LONGEST_SEARCH", 0.05)
    async with name_server(mute=True) as (_, resolver):
        with pytest.raises(UnavailableError, match=r"took more than 0\.05 s over 'pbx\.example'"):
            await resolver.targets(SipUri(host="pbx.example"))

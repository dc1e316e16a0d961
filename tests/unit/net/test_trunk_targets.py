"""The trunk driver on its ways to the PBX: transports, and the next target when one fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.unit.net.bench import NOW, trunk_driver

from shiftline.connector.records import DueCheck
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.settings import StreamSettings
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.targets import Target
from shiftline.sip.transport import Transport
from shiftline.trades.model import EvidenceKind

SOURCES = {"127.0.0.1": "127.0.0.2", "::1": "::1"}


@pytest.mark.parametrize("host", SOURCES)
@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
async def test_checks_take_a_way_that_works(host: str, transport: Transport) -> None:
    """The first target refuses connections; every check is answered through the second, by its transport."""
    heard: list[Transport] = []

    def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
        heard.append(event.transport)
        if event.key is not None:
            endpoint.respond(event.key, response_to(event.request, 200, to_tag="pbx"))

    streams = StreamSettings(accept_tcp=True)
    async with (
        await SipEndpoint.open(local_host=host, on_request=accept, streams=streams) as pbx,
        await SipEndpoint.open(local_host=SOURCES[host]) as ours,
        trunk_driver(
            ours,
            Target(host=host, port=9, transport=Transport.TCP),
            Target(host=host, port=pbx.local[1], transport=transport),
        ) as driver,
    ):
        needed_by = NOW + timedelta(seconds=60)
        driver.submit(
            [
                DueCheck(id=n, agent=f"agent{n}", address=f"sip:agent{n}@lab", needed_by=needed_by)
                for n in range(3)
            ]
        )
        kinds: list[EvidenceKind] = []
        async with asyncio.timeout(20):
            while len(kinds) < 3:
                kinds += [evidence.kind for evidence in await driver.gathered(1.0)]
    assert kinds == [EvidenceKind.AVAILABLE] * 3
    assert set(heard) == {transport}

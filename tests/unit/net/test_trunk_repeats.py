"""What is sent again takes its room from the declared rate, turn about with what is new."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from tests.unit.net.bench import trunk_driver
from tests.unit.net.jumping import jumping
from tests.unit.net.login_pbx import checks

from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.targets import Target

RATE = 20.0
SECONDS = 5.0


class _Wire(asyncio.DatagramProtocol):
    """Counts datagrams, as a limiter does, and answers so many seconds after the one that it takes."""

    def __init__(self, answer_seconds: float, lost: int = 0) -> None:
        """``lost``: of so many requests the first copy of one is lost; 0: none is."""
        self.answer_seconds = answer_seconds
        self.lost = lost
        self.copies: Counter[bytes] = Counter()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.copies[data] += 1
        request = parse_message(data)
        if isinstance(request, Request) and self.copies[data] == (2 if self._is_lost_first(data) else 1):
            answer = bytes(response_to(request, 200, to_tag="pbx"))
            self._loop.call_later(self.answer_seconds, self._transport.sendto, answer, addr)

    def _is_lost_first(self, data: bytes) -> bool:
        return bool(self.lost) and list(self.copies).index(data) % self.lost == 0


async def _asked(wire: _Wire, agents: int, work: Callable[[TrunkDriver], object]) -> list[float]:
    """When each request or copy left, by a trunk that was asked about so many agents."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: wire, local_addr=("127.0.0.1", 0))
    sent: list[float] = []
    governor = Governor(GovernorPolicy(learn=False, max_rate=RATE), loop.time())
    try:
        async with (
            await SipEndpoint.open(
                local_host="127.0.0.2",
                on_message=lambda message: sent.append(message.at) if message.data[:1] == b"O" else None,
            ) as ours,
            trunk_driver(
                ours,
                Target.over_udp(transport.get_extra_info("sockname")),
                timeout_seconds=4.0,
                governor=governor,
            ) as driver,
        ):
            driver.submit(checks(*(f"agent{n}" for n in range(agents))))
            await work(driver)  # type: ignore[misc]
    finally:
        transport.close()
    return sent


@pytest.mark.parametrize("answer_seconds", [0.6, 2.0])
@jumping
async def test_a_slow_trunk_gets_no_more_datagrams_than_the_declared_rate(answer_seconds: float) -> None:
    """Copies count; and few leave before the answer is late, as that trunk goes."""
    wire = _Wire(answer_seconds)
    sent = await _asked(wire, 500, lambda _: asyncio.sleep(SECONDS + answer_seconds))
    assert len(sent) - 1 <= RATE * (sent[-1] - sent[0])
    early = int(answer_seconds * RATE)  # left before the first answer told how slow it is
    assert sum(wire.copies.values()) - len(wire.copies) <= early + 2
    assert len(sent) > RATE  # it did not stall


@pytest.mark.parametrize("lost", [1, 2])
@jumping
async def test_what_is_lost_is_sent_again_beside_what_is_new(lost: int) -> None:
    """The first copy of each, or of every second: nobody is left unanswered, though more waits."""
    found: set[str] = set()

    async def gather(driver: TrunkDriver) -> None:
        while len(found) < 30:
            found.update(evidence.agent for evidence in await driver.gathered(1.0))

    wire = _Wire(0.02, lost=lost)
    sent = await _asked(wire, 30, gather)
    assert len(sent) - 1 <= RATE * (sent[-1] - sent[0])

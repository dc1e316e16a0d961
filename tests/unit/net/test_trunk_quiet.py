"""While the governor is quiet, what waits for an answer is not sent again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.support import until
from tests.unit.net.bench import trunk_driver
from tests.unit.net.test_trunk import checks

from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.targets import Target
from shiftline.sip.transactions import Timers


class Moody(Governor):
    """Quiet when it is told to be."""

    is_told_to_be_quiet = False

    @property
    def is_quiet(self) -> bool:
        return self.is_told_to_be_quiet


@pytest.mark.parametrize("quiet", [True, False])
async def test_a_quiet_governor_keeps_retransmissions_back(*, quiet: bool) -> None:
    """A ban would count them; without one, they are SIP's own way over a lossy network (timer E)."""
    arrived: Counter[bytes] = Counter()
    governor = Moody(GovernorPolicy(learn=False, max_rate=100.0), asyncio.get_running_loop().time())
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Listener(arrived), local_addr=("127.0.0.1", 0)
    )
    try:
        async with (
            await SipEndpoint.open(local_host="127.0.0.2", timers=Timers(t1=0.05)) as ours,
            trunk_driver(
                ours, Target.over_udp(transport.get_extra_info("sockname")), governor=governor
            ) as driver,
        ):
            governor.is_told_to_be_quiet = quiet
            driver.submit(checks(1))
            await until(lambda: len(arrived) == 1 if quiet else max(arrived.values(), default=0) > 1)
            await asyncio.sleep(0.3)
    finally:
        transport.close()
    assert (max(arrived.values()) == 1) is quiet


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, arrived: Counter[bytes]) -> None:
        self._arrived = arrived

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._arrived[data] += 1

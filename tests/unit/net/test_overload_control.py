"""Overload control over loopback: the driver asks for it in Via, and the governor hears the answer."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support import until
from tests.unit.net.bench import trunk_driver
from tests.unit.net.test_trunk import checks

from shiftline.governor.governor import Governor
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.settings import Manners
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.overload import ADVERTISED, OverloadControl, algorithms_of, tell
from shiftline.sip.targets import Target


class Listening(Governor):
    """Keeps what it was told."""

    def __init__(self) -> None:
        super().__init__(GovernorPolicy(learn=False, max_rate=100.0), asyncio.get_running_loop().time())
        self.heard: list[Feedback | None] = []

    def answered(self, *arguments: Any, feedback: Feedback | None = None, **more: Any) -> None:
        self.heard.append(feedback)
        super().answered(*arguments, feedback=feedback, **more)


async def heard(via_parameters: str) -> list[Feedback | None]:
    """What the governor hears of a PBX that tells whoever asks."""

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        if event.key is not None:
            response = response_to(event.request, 200, to_tag="t")
            if "rate" in algorithms_of(event.request):
                tell(response, OverloadControl(algorithm="rate", value=30, sequence=1.5))
            endpoint.respond(event.key, response)

    governor = Listening()
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx,
        await SipEndpoint.open(
            local_host="127.0.0.2", manners=Manners(via_parameters=via_parameters)
        ) as ours,
        trunk_driver(ours, Target.over_udp(pbx.local), governor=governor) as driver,
    ):
        driver.submit(checks(2))
        await until(lambda: len(governor.heard) == 2)
    return governor.heard


async def test_what_the_pbx_would_rather_get_reaches_the_governor() -> None:
    """With each answer."""
    told = Feedback(algorithm="rate", value=30, validity_seconds=0.5, sequence=1.5)
    assert await heard(ADVERTISED) == [told, told]


async def test_who_does_not_ask_hears_nothing() -> None:
    """As it is by default."""
    assert await heard("") == [None, None]

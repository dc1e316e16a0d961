"""A driver whose trunk was somebody else's meanwhile, and the PBX's wish to be left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.unit.net.bench import DOMAIN, IDENTITY, NOW, a_governor, a_qualifier, trunk_driver

from shiftline.connector.records import DueCheck
from shiftline.governor.wishes import LONGEST_WAIT
from shiftline.net.asking import retry_after
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.requests import options
from shiftline.sip.targets import Target
from shiftline.trades.model import EvidenceKind

CHECK = DueCheck(id=1, agent="ada", address="sip:ada@lab", needed_by=NOW)


@asynccontextmanager
async def trunk(
    on_request: Callable[[SipEndpoint, RequestReceived], None], may_send: Callable[[], bool]
) -> AsyncIterator[TrunkDriver]:
    """A driver towards a PBX that does this with each request."""
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=on_request) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2", may_send=may_send) as ours,
        trunk_driver(ours, Target.over_udp(pbx.local), may_send=may_send) as driver,
    ):
        yield driver


async def test_a_disarmed_trunk_is_not_asked_by_its_next_owner() -> None:
    """What waits gets the cause at once, and nothing leaves when the lease holds."""
    asked: list[RequestReceived] = []
    holds = False
    async with trunk(lambda _, event: asked.append(event), lambda: holds) as driver:
        driver.submit([CHECK])
        driver.take_over(a_governor(), a_qualifier(), "acl.source")
        holds = True
        driver.submit([CHECK])
        found = await driver.gathered(1.0)
        assert driver.stopped_by() == driver.knowledge()["trouble"] == "acl.source"
    assert [(one.kind, one.cause) for one in found] == [(EvidenceKind.UNVERIFIABLE, "acl.source")] * 2
    assert asked == []


async def test_a_trunk_that_was_rearmed_meanwhile_is_asked_again() -> None:
    """The mark is the record's, not the process's."""

    def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
        if event.key is not None:
            endpoint.respond(event.key, response_to(event.request, 200))

    async with trunk(accept, lambda: True) as driver:
        driver.take_over(a_governor(), a_qualifier(), "acl.source")
        driver.take_over(a_governor(), a_qualifier(), None)
        driver.submit([CHECK])
        (found,) = await driver.gathered(1.0)
    assert found.kind is EvidenceKind.AVAILABLE


async def test_an_answer_to_an_earlier_lease_is_still_an_answer() -> None:
    """The new governor knows nothing of that request; its evidence counts all the same."""
    arrived = asyncio.Event()
    held: list[tuple[SipEndpoint, RequestReceived]] = []

    def hold(endpoint: SipEndpoint, event: RequestReceived) -> None:
        held.append((endpoint, event))
        arrived.set()

    async with trunk(hold, lambda: True) as driver:
        driver.submit([CHECK])
        await arrived.wait()
        driver.take_over(a_governor(), a_qualifier(), None)
        endpoint, event = held[0]
        assert event.key is not None
        endpoint.respond(event.key, response_to(event.request, 200))
        (found,) = await driver.gathered(1.0)
    assert found.kind is EvidenceKind.AVAILABLE


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("7", 7.0),
        ("7 (soon);duration=60", 7.0),
        ("31536000", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("later", None),
        ("-5", None),
    ],
)
def test_a_wish_to_be_left_alone_has_an_end(wish: str, seconds: float | None) -> None:
    """Retry-After is honoured, but nobody's nonsense may silence a trunk for a year."""
    response = response_to(options(DOMAIN, from_uri=IDENTITY, token=lambda: "x"), 503)
    response.headers.add("Retry-After", wish)
    assert retry_after(response) == seconds

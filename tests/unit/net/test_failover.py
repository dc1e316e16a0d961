"""From a target that fails to one that answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shiftline.net.endpoint import SipEndpoint
from shiftline.net.failover import PENALTY_SECONDS, Route, request_to
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.requests import options
from shiftline.sip.targets import Target
from shiftline.sip.transactions import Timers
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

AGENT = SipUri(user="agent0001", host="127.0.0.1")
QUICK = Timers(t1=0.02, t2=0.16, t4=0.05)


@asynccontextmanager
async def a_pbx(status: int | None) -> AsyncIterator[tuple[Target, list[Request]]]:
    """A PBX that answers everything with ``status``, or with nothing."""
    heard: list[Request] = []

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        heard.append(event.request)
        if event.key is not None and status is not None:
            endpoint.respond(event.key, response_to(event.request, status, to_tag="pbx"))

    async with await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx:
        yield Target(host=pbx.local[0], port=pbx.local[1]), heard


async def ask(*targets: Target) -> int | None:
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    async with await SipEndpoint.open(timers=QUICK) as client:
        exchange = await request_to(client, request, targets, timeout_seconds=0.1)
    return exchange.response.status if exchange.response else None


@pytest.mark.parametrize("first", [503, None])
async def test_the_next_target_answers(first: int | None) -> None:
    """After a 503 or silence, with the same Call-ID and a branch of its own (section 4.3)."""
    async with a_pbx(first) as (failing, heard), a_pbx(200) as (working, also_heard):
        assert await ask(failing, working) == 200
    one, other = heard[0].headers, also_heard[0].headers
    assert one.get("Call-ID") == other.get("Call-ID")
    assert one.get("Via") != other.get("Via")


async def test_a_transport_error_counts_as_a_failure() -> None:
    """A refused connection is told at once."""
    async with a_pbx(200) as (working, _):
        assert await ask(Target(host="127.0.0.1", port=9, transport=Transport.TCP), working) == 200


@pytest.mark.parametrize("status", [403, 500, 600])
async def test_any_other_answer_is_the_answer(status: int) -> None:
    """A refusal means what it says; nobody else is asked."""
    async with a_pbx(status) as (refusing, _), a_pbx(200) as (other, heard):
        assert await ask(refusing, other) == status
    assert heard == []


async def test_when_all_fail_the_last_one_counts() -> None:
    """And a 503 is still an answer."""
    async with a_pbx(None) as (silent, _), a_pbx(503) as (busy, _):
        assert await ask(silent, busy) == 503


def test_a_route_passes_over_what_failed_lately() -> None:
    """For a while; when everything failed, the one that failed longest ago is asked again."""
    first, second = Target(host="192.0.2.1", port=5060), Target(host="192.0.2.2", port=5060)
    route = Route([first, second])
    assert route.best(100.0) is first
    route.failed(first, 100.0)
    assert route.best(100.0) is second
    route.failed(second, 110.0)
    assert route.best(111.0) is first
    assert route.best(100.0 + PENALTY_SECONDS) is first

"""A server that stops in mid run is told as such."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.unit.doctor.trunk import CASE

from shiftline.bootstrap import new_token
from shiftline.diagnosis.experiment import Permission, Risk, StopReason
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.presence import Presence
from shiftline.doctor.run import RunPlan, open_run
from shiftline.doctor.run_ends import EndsPlan
from shiftline.sip.message import Request, parse_message, response_to
from shiftline.sip.targets import Target
from shiftline.sip.transport import Transport

PING, LOGIN, QUERY = (PROGRAMME[name] for name in ("p0.options", "p3.credentials", "p2.challenge"))


@pytest.mark.parametrize(
    ("has_second", "answers", "is_gone"),
    [
        (True, [Outcome.SILENCE, Outcome.SILENCE], True),
        (True, [Outcome.ICMP, Outcome.OK], False),
        (True, [Outcome.OK], False),
        (False, [Outcome.ICMP], False),
        (False, [Outcome.SILENCE], False),
    ],
)
def test_it_is_gone_if_nobody_is_answered(*, has_second: bool, answers: list[Outcome], is_gone: bool) -> None:
    """One question more from each source, and no third."""
    presence = Presence(has_second_source=has_second)
    presence.take(PING, Outcome.OK, 0)
    presence.take(LOGIN, Outcome.SILENCE, 1)
    for outcome in answers:
        assert presence.question is not None
        presence.take(presence.question, outcome, 2)
    assert presence.question is None
    assert presence.is_gone is is_gone


def test_what_never_answered_is_not_looked_for() -> None:
    """That is what the usual questions are for."""
    presence = Presence(has_second_source=True)
    presence.take(PING, Outcome.SILENCE, 0)
    assert presence.question is None


def test_it_is_looked_for_by_what_was_answered() -> None:
    """A firewall that drops OPTIONS, or what names our Contact, lets other questions pass."""
    presence = Presence(has_second_source=True)
    presence.take(PING, Outcome.SILENCE, 0)
    presence.take(QUERY, Outcome.CHALLENGE, 1)
    presence.take(LOGIN, Outcome.SILENCE, 2)
    assert presence.question is QUERY
    presence.take(QUERY, Outcome.CHALLENGE, 3)
    assert presence.question is None
    assert not presence.is_gone


def test_it_is_not_looked_for_without_end() -> None:
    """A PBX that drops some messages answers the others."""
    presence = Presence(has_second_source=True)
    presence.take(PING, Outcome.OK, 0)
    looks = 0
    for _ in range(10):
        presence.take(LOGIN, Outcome.SILENCE, 1)
        if presence.question is not None:
            looks += 1
            presence.take(presence.question, Outcome.OK, 2)
    assert looks == 3


class _Mortal(asyncio.DatagramProtocol):
    """Answers twice, and ends."""

    def __init__(self) -> None:
        self.seen = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen += 1
        request = parse_message(data)
        assert isinstance(request, Request)
        challenge = (("WWW-Authenticate", 'Digest realm="x", nonce="n", algorithm=MD5'),)
        response = response_to(request, 200 if request.method == "OPTIONS" else 401, to_tag="t")
        for name, value in challenge if response.status == 401 else ():
            response.headers.add(name, value)
        self._transport.sendto(bytes(response), addr)
        if self.seen == 2:
            self._transport.close()


async def test_a_server_that_ends_in_mid_run_is_told_at_once() -> None:
    """No list of addresses is accused, and no load is put on what is not there."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Mortal, local_addr=("127.0.0.1", 0))
    target = Target(host="127.0.0.1", port=transport.get_extra_info("sockname")[1])
    ends = EndsPlan(
        target=target, other=replace(target, transport=Transport.TCP), own="127.0.0.2", second="127.0.0.4"
    )
    plan = RunPlan(
        case=replace(CASE, server=replace(CASE.server, port=target.port), other_address=""),
        permission=Permission(risk=Risk.MAY_TRIP), ends=ends, pause_seconds=0.01,
    )  # fmt: skip
    run = await open_run(plan, token=new_token)
    try:
        await run.until_over()
    finally:
        await run.aclose()
    examination = run.examination
    assert examination.stop is not None
    assert examination.stop.reason is StopReason.GONE
    assert examination.diagnosis().cause == "network.unreachable"
    assert examination.requests_sent <= 8

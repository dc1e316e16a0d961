"""Targets that say something, and nothing final: what came is told, and nobody is called silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from shiftline.bootstrap import new_token
from shiftline.diagnosis.belief import UNKNOWN, believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Load, Method, Probe, Shape
from shiftline.diagnosis.wording import trial_sentence
from shiftline.doctor.examination import Sending, Way
from shiftline.doctor.examination.records import exchange_of, outcome_of_end
from shiftline.doctor.run_ends import Ends, EndsPlan
from shiftline.sip.requests import options
from shiftline.sip.targets import Target
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

PING = Probe(method=Method.OPTIONS, account=Account.NOBODY)
_COPIED = (b"via", b"from", b"to", b"call-id", b"cseq")


def answering(status: bytes) -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        copied = [row for row in request.split(b"\r\n") if row.split(b":")[0].lower() in _COPIED]
        return b"\r\n".join((b"SIP/2.0 " + status, *copied, b"Content-Length: 0", b"", b""))

    return answer


class Odd(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self._answer(data):
            self._transport.sendto(answer, addr)


def test_what_nobody_knows_has_its_evidence() -> None:
    """What came is told, and no suspect is let go for something that "unknown" would explain."""
    asked = [replace(PING, shape=one) for one in (Shape.USUAL, Shape.MINIMAL, Shape.INVENTED_AGENT)]
    asked += [Probe(shape=one) for one in (Shape.USUAL, Shape.MINIMAL, Shape.INVENTED_AGENT)]
    trials = tuple(Trial(probe=one, outcome=Outcome.OTHER, heard="100 Trying") for one in asked)
    diagnosis = conclude([believe(Evidence(trials=trials))], Permission())
    main = diagnosis.findings[0]
    assert (diagnosis.cause, main.cause) == (None, UNKNOWN)
    assert [one for one in main.statements if one.speaks_for and "100 Trying" in one.sentence]
    assert not [one for one in diagnosis.suspicions if "unknown" in one.sentence]


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (answering(b"100 Trying"), "100 Trying"),
        (answering(b"999 Weird \x1b[2J"), "999 Weird ?[2J"),
        (lambda _: b"\x00\xff\x17" * 40, "something that is no SIP"),
        (lambda _: b"", ""),
    ],
)
async def test_what_came_is_told(answer: Callable[[bytes], bytes], heard: str) -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(lambda: Odd(answer), local_addr=("127.0.0.1", 0))
    host, port = server.get_extra_info("sockname")[:2]
    target = Target(host=host, port=port, transport=Transport.UDP)
    ends = await Ends.open(EndsPlan(target=target, other=target, own="127.0.0.1"), lambda _: None)
    try:
        request = options(SipUri(host=host, port=port), from_uri=SipUri(host=host), token=new_token)
        sending = Sending(key=1, request=request, way=Way(), timeout_seconds=0.4)
        told = await ends.ask(sending)
    finally:
        await ends.aclose()
        server.close()
    exchange = exchange_of(sending, told, 0.0, Transport.UDP, "p0.options")
    outcome = outcome_of_end(exchange, told.failure)
    assert (told.heard, outcome) == (heard, Outcome.OTHER if heard else Outcome.SILENCE)
    sentence = trial_sentence(Trial(probe=PING, outcome=outcome, heard=told.heard))
    assert heard in sentence
    assert ("not answered at all" in sentence) == (not heard)


@pytest.mark.parametrize("status", [b"603 Decline", b"402 Payment Required"])
def test_a_refusal_that_nobody_lists_is_weighed_as_another_403(status: bytes) -> None:
    """It is told as it came; a call that was declined is none."""
    heard = status.decode()
    outcomes = {}
    for method in ("REGISTER", "INVITE"):
        exchange = Exchange(at=0.0, source="192.0.2.7", method=method, status=int(status[:3]))
        outcomes[method] = outcome_of_end(exchange, "")
    assert outcomes == {"REGISTER": Outcome.FORBIDDEN, "INVITE": Outcome.OTHER}
    sentence = trial_sentence(Trial(probe=Probe(), outcome=Outcome.FORBIDDEN, heard=heard))
    assert f"refused with {heard}, without a challenge" in sentence
    assert "403" not in sentence


def test_what_is_let_through_in_a_record_is_not_called_accepted() -> None:
    """A 480 of the user's is among it; and a record has its own rates."""
    about = Probe(method=Method.OPTIONS, aim=Aim.ABSENT, load=Load.STORM)
    told = trial_sentence(Trial(probe=about, outcome=Outcome.OK))
    assert told.endswith("about a user at 120 a second or more was let through.")
    ours = trial_sentence(Trial(probe=about, outcome=Outcome.OK, experiment="p5.storm"))
    assert ours.endswith("at some 200 a second was accepted.")
    register = trial_sentence(Trial(probe=Probe(method=Method.REGISTER), outcome=Outcome.OK))
    assert register.endswith("was accepted.")

"""The network's word that nobody listens there ends a question at once."""

from __future__ import annotations

import asyncio
import socket

from shiftline.bootstrap import new_token
from shiftline.diagnosis.outcome import Outcome
from shiftline.doctor.examination import Sending, Way
from shiftline.doctor.examination.records import exchange_of, outcome_of_end
from shiftline.doctor.run_ends import Ends, EndsPlan
from shiftline.sip.requests import options
from shiftline.sip.targets import Target
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri


async def test_a_closed_port_is_not_waited_for() -> None:
    """Its request is in the trace all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as once:
        once.bind(("127.0.0.1", 0))
        host, port = once.getsockname()
    target = Target(host=host, port=port, transport=Transport.UDP)
    ends = await Ends.open(EndsPlan(target=target, other=target, own="127.0.0.1"), lambda _: None)
    try:
        request = options(SipUri(host=host, port=port), from_uri=SipUri(host=host), token=new_token)
        sending = Sending(key=1, request=request, way=Way(), timeout_seconds=60.0)
        async with asyncio.timeout(20.0):
            told = await ends.ask(sending)
    finally:
        await ends.aclose()
    exchange = exchange_of(sending, told, 0.0, Transport.UDP, "p0.options")
    assert outcome_of_end(exchange, told.failure) is Outcome.ICMP
    assert exchange.places[0].number == 1

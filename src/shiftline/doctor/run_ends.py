"""Our ends of an examination: an endpoint for each source, Via and habit of repeating."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

from shiftline.diagnosis.probe import Path, Source
from shiftline.doctor.examination import Answer, Sending, Way
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.settings import Manners, StreamSettings
from shiftline.net.tls import TlsSettings
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.targets import Target
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

_BRANCH = re.compile(rb"branch=(z9hG4bK[^;,\s]+)", re.IGNORECASE)
_STATUS = re.compile(rb"SIP/2\.0 +(\d+ ?[^\r\n]{0,60})")
_NO_SIP = "something that is no SIP"
_ITSELF = "the request itself, sent back"
_ICMP_SECONDS = 0.3
_UNHEARD_SECONDS = 0.5
"""So long nothing has come, when it is asked whether the network turns us away: the usual T1."""
_REFUSED = "Connection refused"

OnMessage = Callable[[TracedMessage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndsPlan:
    """Where requests go, and from where. Addresses are numeric."""

    target: Target
    other: Target
    """The same server over the other transport."""
    own: str
    second: str = ""
    other_address: str = ""
    tls: TlsSettings = TlsSettings()  # noqa: RUF009 - a frozen value

    def ways(self) -> list[Way]:
        """Every way that there is, of which those over the other transport share their endpoints."""
        return [
            Way(source=source, names_other=names_other, repeats=repeats)
            for source in ((Source.OWN, Source.OTHER) if self.second else (Source.OWN,))
            for names_other in ((False, True) if self.other_address else (False,))
            for repeats in (True, False)
        ]


@dataclass(slots=True)
class _Sent:
    """One request in the trace: the number of its first copy, and how many there were."""

    number: int
    copies: int = 0
    heard: str = ""
    """What came to it last."""


class Ends:
    """Sends requests the way they want, and numbers all messages as the trace does."""

    def __init__(self, plan: EndsPlan, on_message: OnMessage) -> None:
        """Use `open`."""
        self._plan = plan
        self._on_message = on_message
        self._endpoints: dict[Way, SipEndpoint] = {}
        self._messages = 0
        self._sent: dict[bytes, _Sent] = {}
        self._latest: _Sent | None = None

    @classmethod
    async def open(cls, plan: EndsPlan, on_message: OnMessage) -> Ends:
        """Open an endpoint for each way. Raises UnavailableError for an address that is not ours."""
        ends = cls(plan, on_message)
        try:
            for way in plan.ways():
                ends._endpoints[way] = await ends._open_endpoint(way)
        except BaseException:
            await ends.aclose()
            raise
        return ends

    async def _open_endpoint(self, way: Way) -> SipEndpoint:
        plan = self._plan
        endpoint = await SipEndpoint.open(
            local_host=plan.own if way.source is Source.OWN else plan.second,
            on_request=_say_ok,
            on_message=self._trace,
            streams=StreamSettings(tls=plan.tls),
            manners=Manners(
                via_host=plan.other_address if way.names_other else "", user_agent="", moves_large=False
            ),
        )
        if not way.repeats:
            endpoint.may_repeat = lambda: False
        return endpoint

    async def aclose(self) -> None:
        """Close them all."""
        for endpoint in self._endpoints.values():
            await endpoint.aclose()

    def contact(self, way: Way) -> SipUri:
        """Where a peer sends requests to us."""
        return self._endpoint(way).contact(self._target(way).transport)

    def send_stateless(self, sending: Sending) -> None:
        """Send once and forget."""
        target = self._target(sending.way)
        self._endpoint(sending.way).send_stateless(
            sending.request, target.address, transport=target.transport
        )

    async def ask(self, sending: Sending) -> Answer:
        """Send a request and wait for its end: its answer, or the network's word that nobody listens."""
        target = self._target(sending.way)
        loop = asyncio.get_running_loop()
        is_looked_after = target.transport is Transport.UDP and sending.way.repeats
        watch = loop.create_task(self._watch(sending.way, target)) if is_looked_after else None
        try:
            exchange = await self._endpoint(sending.way).request(
                sending.request,
                target.address,
                transport=target.transport,
                server_name=target.server_name,
                timeout_seconds=sending.timeout_seconds,
            )
        finally:
            if watch is not None:
                watch.cancel()
        failure = exchange.failure
        if exchange.response is None and not failure and is_looked_after:
            failure = await self._icmp(sending.way, target)
        return self._answer(exchange, failure)

    async def _watch(self, way: Way, target: Target) -> None:
        """End what is under way once the network says that nobody listens; beside a load nobody asks."""
        await asyncio.sleep(_UNHEARD_SECONDS)
        if self._latest is not None and self._latest.heard:
            return
        if failure := await self._icmp(way, target):
            self._endpoint(way).turned_away(target.address, failure)

    async def _icmp(self, way: Way, target: Target) -> str:
        """Whether the network says that nobody listens: only a connected socket is told so.

        What it sends is a keep-alive (RFC 5626 section 3.5.1), no request.
        """
        own = self._endpoint(way).local[0]
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in own else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)  # noqa: FBT003 - as the standard library has it
            try:
                probe.bind((own, 0))
                probe.connect(target.address)
                probe.send(b"\r\n\r\n")
                async with asyncio.timeout(_ICMP_SECONDS):
                    await loop.sock_recv(probe, 64)
            except ConnectionRefusedError:
                return _REFUSED
            except (OSError, TimeoutError):
                return ""  # no word is no proof
        return ""

    def _answer(self, exchange: Exchange, failure: str) -> Answer:
        found = _BRANCH.search((exchange.request.headers.get("Via") or "").encode())
        sent = self._sent.pop(found[1], None) if found else None
        return Answer(
            response=exchange.response,
            answered_after=exchange.rtt_seconds if exchange.response else None,
            copies=max(1, sent.copies) if sent else 1,
            failure=failure,
            heard=sent.heard if sent and exchange.response is None else "",
            request=exchange.request,
            number=sent.number if sent else 0,
        )

    def _trace(self, message: TracedMessage) -> None:
        self._messages += 1
        found = _BRANCH.search(message.data)
        if message.direction is Direction.RECEIVED:
            self._hear(message.data, self._sent.get(found[1]) if found else self._latest)
        elif found:
            self._latest = self._sent.setdefault(found[1], _Sent(self._messages))
            self._latest.copies += 1
        self._on_message(message)

    def _hear(self, data: bytes, sent: _Sent | None) -> None:
        """Note what came; what names no request of ours came to the latest."""
        if sent is None:
            return
        status = _STATUS.match(data)
        if status is not None:
            text = status[1].decode("ascii", "replace")
            sent.heard = "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
        else:
            sent.heard = _NO_SIP if b"SIP/2.0" not in data else _ITSELF

    def _endpoint(self, way: Way) -> SipEndpoint:
        usual = Way(source=way.source, names_other=way.names_other, repeats=way.repeats)
        return self._endpoints[usual]

    def _target(self, way: Way) -> Target:
        return self._plan.target if way.path is Path.USUAL else self._plan.other


def _say_ok(endpoint: SipEndpoint, received: RequestReceived) -> None:
    """A NOTIFY, or an OPTIONS of the PBX's."""
    if received.key is not None:
        endpoint.respond(received.key, response_to(received.request, 200, to_tag="doctor"))

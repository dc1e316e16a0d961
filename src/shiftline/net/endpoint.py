"""A SIP agent on a UDP socket, TCP and TLS connections: the asyncio driver."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Self

from shiftline.errors import UnavailableError
from shiftline.net.connection import Connection
from shiftline.net.exchange import Exchange, PendingExchanges
from shiftline.net.settings import Manners, StreamSettings
from shiftline.net.stream import Streams, StreamUser
from shiftline.net.udp import UdpSocket
from shiftline.net.wire import OnMessage, Wire
from shiftline.sip.agent import SipAgent
from shiftline.sip.events import (
    Address,
    CancelReceived,
    Datagram,
    Event,
    MalformedReceived,
    RequestReceived,
)
from shiftline.sip.grammar import bracketed
from shiftline.sip.message import Request, Response, response_to
from shiftline.sip.trace import Direction
from shiftline.sip.transactions import Timers
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

OnRequest = Callable[["SipEndpoint", RequestReceived], None]
_DEFAULT_STREAMS = StreamSettings()
_DEFAULT_MANNERS = Manners()
_PORT_TRIES = 20
"""A free UDP port may be taken on TCP."""


def _always() -> bool:
    return True


def _zero() -> float:
    return 0.0


def _token() -> str:
    return secrets.token_hex(8)


class SipEndpoint:
    """Sends requests and waits for their answers, and hands received requests to its user.

    One socket, one timer and no task, however many requests are under way; a connection costs a task while
    it is made.
    """

    def __init__(
        self,
        udp: UdpSocket,
        *,
        may_send: Callable[[], bool],
        on_request: OnRequest | None,
        on_message: OnMessage | None,
        timers: Timers | None,
        streams: StreamSettings,
        manners: Manners,
    ) -> None:
        """Use `open`."""
        self.local = udp.local
        self.addresses: dict[Transport, Address] = {Transport.UDP: udp.local}
        """Our address on each transport, as Via gives it."""
        self.malformed = 0
        self.may_repeat: Callable[[], bool] = _always
        """Whether requests that wait for an answer may be sent again at this moment."""
        self.t1: Callable[[], float] = _zero
        """How old (seconds) a request must be to be sent again at this moment; less than T1 means nothing."""
        self._on_repeats_due: Callable[[], None] | None = None
        self._udp = udp
        self._timers = timers
        self._manners = manners
        self._wire = Wire(udp, may_send, on_message)
        self._on_request = on_request
        self._loop = asyncio.get_running_loop()
        self._pending = PendingExchanges()
        self._alarm: asyncio.TimerHandle | None = None
        self._settling = False
        user = StreamUser(
            may_leave=self._wire.may_leave,
            received=self._receive_on,
            batch_ended=self._settle,
            refused=self._refused,
            failed=self._failed,
            lost=self._lost,
        )
        self._streams = Streams(user, streams, udp.local[0])
        self._agent: SipAgent

    async def _start(self) -> None:
        """Via names addresses, so the agent comes after they are known."""
        addresses = await self._streams.listen(self.local)
        self.addresses |= addresses
        local = self.local
        if host := self._manners.via_host:
            local = (host, local[1])
            addresses = {transport: (host, port) for transport, (_, port) in addresses.items()}
            self.addresses = {Transport.UDP: local, **addresses}
        self._agent = SipAgent(
            local=local,
            streams=addresses,
            token=_token,
            timers=self._timers,
            via_parameters=self._manners.via_parameters,
            user_agent=self._manners.user_agent,
            moves_large=self._manners.moves_large,
        )
        self._udp.start(on_datagram=self._receive, on_batch_end=self._settle)

    @classmethod
    async def open(
        cls,
        *,
        local_host: str = "127.0.0.2",
        local_port: int = 0,
        may_send: Callable[[], bool] = _always,
        on_request: OnRequest | None = None,
        on_message: OnMessage | None = None,
        timers: Timers | None = None,
        streams: StreamSettings = _DEFAULT_STREAMS,
        manners: Manners = _DEFAULT_MANNERS,
    ) -> SipEndpoint:
        """Bind to a numeric address. Raises UnavailableError when address or port cannot be had.

        TCP and TLS connections start from the same address; ``streams`` says how they are kept, and whether
        the endpoint accepts some. Raises ConfigurationError for the server's TLS files that cannot be used.

        ``may_send`` is asked right before every message leaves, retransmissions included; what it refuses is
        dropped and counted in ``withheld``. ``on_request`` is called for each new request (without one,
        requests are ignored), ``on_message`` for each whole SIP message that left or came, keep-alives not.
        ``manners`` say how its requests look, beyond what their senders write.
        """
        tries = 1 if local_port else _PORT_TRIES
        while True:
            tries -= 1
            endpoint = cls(
                UdpSocket.open(local_host, local_port),
                may_send=may_send,
                on_request=on_request,
                on_message=on_message,
                timers=timers,
                streams=streams,
                manners=manners,
            )
            try:
                await endpoint._start()
            except BaseException as error:
                await endpoint.aclose()
                if not tries or not isinstance(error, UnavailableError):
                    raise
            else:
                return endpoint

    @property
    def withheld(self) -> int:
        """How many messages ``may_send`` kept from leaving."""
        return self._wire.withheld

    def contact(self, transport: Transport = Transport.UDP, user: str | None = None) -> SipUri:
        """Where a peer sends requests to us over this transport."""
        host, port = self.addresses.get(transport, self.local)
        parameters = (("transport", transport.lower()),) if transport.is_reliable else ()
        return SipUri(user=user, host=bracketed(host), port=port, parameters=parameters)

    async def request(
        self,
        request: Request,
        destination: Address,
        *,
        transport: Transport = Transport.UDP,
        server_name: str = "",
        timeout_seconds: float = 4.0,
    ) -> Exchange:
        """Send a request to a numeric address and wait for its final answer.

        ``server_name`` is whose certificate a TLS peer must show; empty: the address itself. Raises
        UnavailableError when the endpoint is closed, MisuseError for an unwritable request.
        """
        if self._udp.closed:
            raise UnavailableError("The SIP endpoint is closed.")
        if transport is Transport.TLS:
            self._streams.name_peer(destination, server_name)
        key = self._agent.send(
            request,
            destination,
            self._loop.time(),
            transport=transport,
            timeout_seconds=timeout_seconds,
        )
        future = self._pending.begin(key)
        self._settle()
        try:
            return await future
        finally:
            if self._pending.forget(key):  # cancelled: nobody wants the answer any more
                self._agent.abandon(key, self._loop.time())
                self._settle()

    def send_stateless(
        self, request: Request, destination: Address, *, transport: Transport = Transport.UDP
    ) -> None:
        """Send once and forget: the ACK of a 2xx."""
        self._agent.send_stateless(request, destination, transport=transport)
        self._settle()

    def hold_repeats(self, on_due: Callable[[], None]) -> None:
        """Send nothing again but by `repeat_next` from now on; ``on_due`` is called when something waits."""
        self._on_repeats_due = on_due
        self._agent.holds_repeats = True

    def has_held_repeats(self) -> bool:
        """Whether a request that waits for its answer is due to be sent again."""
        return self._agent.has_held_repeats()

    def repeat_next(self) -> None:
        """Send the one again that has been due for longest."""
        self._agent.repeat_next(self._loop.time())
        self._settle()

    def repeat(self, call_id: str) -> None:
        """Send the request with this Call-ID again if it waits for its answer, whatever holds others."""
        self._agent.repeat(call_id, self._loop.time())
        self._settle()

    def respond(self, key: str, response: Response) -> None:
        """Answer a received request by its key. Raises MisuseError for an unwritable response."""
        self._agent.respond(key, response, self._loop.time())
        self._settle()

    def turned_away(self, destination: Address, why: str) -> None:
        """Tell that the network turns away UDP datagrams to this address: requests under way end with it."""
        self._lost(Transport.UDP, destination, why)

    async def aclose(self) -> None:
        """Close socket and connections; requests under way end with UnavailableError."""
        self._udp.close()
        await self._streams.aclose()
        if self._alarm:
            self._alarm.cancel()
        self._pending.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _receive(self, data: bytes, source: Address) -> None:
        self._wire.hear(data, source)
        self._agent.receive(data, source, self._loop.time())

    def _receive_on(self, data: bytes, connection: Connection, transport: Transport) -> None:
        self._wire.trace(Direction.RECEIVED, data, connection.local, connection.peer, transport)
        self._agent.receive(data, connection.peer, self._loop.time(), transport=transport)

    def _wake(self) -> None:
        self._alarm = None
        self._agent.handle_timer(self._loop.time(), may_repeat=self.may_repeat(), t1=self.t1())
        self._settle()
        if self._on_repeats_due is not None and self._agent.has_held_repeats():
            self._on_repeats_due()

    def _settle(self) -> None:
        """Send what is to leave, hand out what has come, set the alarm for what is next."""
        if self._settling:
            return  # an on_request that answers at once: the loop below goes on with what it adds
        self._settling = True
        try:
            self._send_outbox()
            while event := self._agent.next_event():
                self._hand_out(event)
                self._send_outbox()
        finally:
            self._settling = False
        self._set_alarm()

    def _hand_out(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            if self._on_request:
                self._on_request(self, event)
        elif isinstance(event, MalformedReceived):
            self.malformed += 1
        elif isinstance(event, CancelReceived):
            terminated = response_to(event.invite, 487, to_tag=_token())
            self._agent.respond(event.key, terminated, self._loop.time())
        else:
            self._pending.conclude(event)

    def _send_outbox(self) -> None:
        while outbox := self._agent.datagrams_to_send():
            for datagram in outbox:
                if datagram.transport is Transport.UDP:
                    self._wire.transmit(datagram, self._failed)
                else:
                    self._streams.send(datagram)

    def _failed(self, datagram: Datagram, why: str) -> None:
        self._agent.send_failed(datagram, why, self._loop.time())

    def _refused(self, datagram: Datagram, why: str) -> None:
        self._agent.send_failed(datagram, why, self._loop.time(), connected=False)

    def _lost(self, transport: Transport, peer: Address, why: str) -> None:
        self._agent.connection_lost(transport, peer, why, self._loop.time())
        self._settle()

    def _set_alarm(self) -> None:
        due = self._agent.next_timer()
        if self._udp.closed or due is None or (self._alarm and self._alarm.when() <= due):
            return  # an alarm that rings too early only sets the next one
        if self._alarm:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(due, self._wake)

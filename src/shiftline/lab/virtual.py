"""A laboratory without sockets and waiting: SIP clients, a road and the practice PBX, in virtual time.

Everything that happens is drawn from seeds, so the same calls give the same bytes at the same moments.
Times are seconds of one virtual clock. Used by tests, benchmarks and the recordings of the lab.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from types import MappingProxyType

from shiftline.lab.pbx.bank.build import DrawnFault
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.core import PracticePbx
from shiftline.lab.pbx_log import RequestRecord
from shiftline.lab.virtual_client import (
    ClientSettings,
    RawPort,
    VirtualClient,
    VirtualExchange,
    WhenDone,
)
from shiftline.sip.events import Address, Datagram
from shiftline.sip.message import Request
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

PBX_ADDRESS: Address = ("127.0.0.1", 5060)
START = 1000.0
"""Where the virtual clock begins: not at 0, so that nobody takes a moment for a length."""
USUAL_TIMEOUT_SECONDS = 4.0
_STREAMS = MappingProxyType(dict.fromkeys((Transport.TCP, Transport.TLS), PBX_ADDRESS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What lies between the clients and the PBX, each way: seconds, and the share of datagrams it loses.

    What goes over TCP or TLS is late as well but never lost, and it keeps its order.
    """

    shortest_seconds: float = 0.0002
    longest_seconds: float = 0.001
    loss: float = 0.0
    seed: int = 1


OnMessage = Callable[[TracedMessage], None]


class VirtualPbx:
    """A practice PBX and its clients. Time moves in `exchange`, `run_until` and `conclude` only."""

    def __init__(
        self,
        config: PracticePbxConfig,
        *,
        road: Road = Road(),
        start: float = START,
        epoch_offset: float = 0.0,
        on_message: OnMessage | None = None,
    ) -> None:
        """``epoch_offset`` added to the clock gives seconds since 1970, for faults that write a Date.

        ``on_message`` gets every message as a tap at the PBX's own port would see it (a capture)."""
        self.now = start
        self.records: list[RequestRecord] = []
        """Every request that reached the PBX, as its own log has it."""
        self._road = road
        self._random = Random(road.seed)
        self._on_message = on_message
        self._pbx = PracticePbx(config, address=PBX_ADDRESS, streams=_STREAMS, epoch_offset=epoch_offset)
        self._clients: dict[Address, dict[ClientSettings, VirtualClient]] = {}
        self._raw_ports: dict[Address, RawPort] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._alarms: dict[int, float] = {}
        self._last_arrival: dict[tuple[Address, Address], float] = {}

    @property
    def truth(self) -> Sequence[DrawnFault]:
        """The faults of the bank that this PBX has, and what was drawn for them."""
        return self._pbx.truth

    @property
    def address(self) -> Address:
        """Where the PBX listens."""
        return PBX_ADDRESS

    def exchange(
        self,
        request: Request | bytes,
        source: Address,
        at: float | None = None,
        *,
        settings: ClientSettings = ClientSettings(),  # noqa: B008 - a frozen value
        timeout_seconds: float = USUAL_TIMEOUT_SECONDS,
    ) -> VirtualExchange:
        """Send at ``at`` (now without it) and let time pass until it has ended."""
        ticket = self.send(request, source, at, settings=settings, timeout_seconds=timeout_seconds)
        return self.conclude(ticket)

    def send(
        self,
        request: Request | bytes,
        source: Address,
        at: float | None = None,
        *,
        settings: ClientSettings = ClientSettings(),  # noqa: B008 - a frozen value
        timeout_seconds: float = USUAL_TIMEOUT_SECONDS,
        when_done: WhenDone | None = None,
    ) -> list[VirtualExchange]:
        """Send later or now, and return at once; the list gets the exchange when it has ended.

        A `Request` is handled by a client transaction with retransmissions. Bytes leave as they are, once and
        again as Timer E says; the first answer to that port ends the exchange. ``when_done`` is called with
        the exchange, and may send again.
        """
        ticket: list[VirtualExchange] = []

        def done(exchange: VirtualExchange) -> None:
            ticket.append(exchange)
            if when_done:
                when_done(exchange)

        def begin() -> None:
            if isinstance(request, bytes):
                port = RawPort(source, PBX_ADDRESS, request, self.now, timeout_seconds, done)
                self._raw_ports[source] = port
                self._settle(port)
                return
            client = self.client(source, settings)
            client.send(request, PBX_ADDRESS, self.now, timeout_seconds, done)
            self._settle(client)

        self.call_at(self.now if at is None else at, begin)
        return ticket

    def client(
        self,
        source: Address,
        settings: ClientSettings = ClientSettings(),  # noqa: B008 - a frozen value
    ) -> VirtualClient:
        """The SIP agent at that address, made when it is first asked for."""
        here = self._clients.setdefault(source, {})
        client = here.get(settings)
        if client is None:
            client = here[settings] = VirtualClient(source, settings, seed=len(here))
        return client

    def send_stateless(
        self,
        request: Request,
        source: Address,
        settings: ClientSettings = ClientSettings(),  # noqa: B008 - a frozen value
    ) -> None:
        """Send once and forget: the ACK of a 2xx."""
        client = self.client(source, settings)
        client.agent.send_stateless(request, PBX_ADDRESS)
        self._settle(client)

    def call_at(self, at: float, action: Callable[[], None]) -> None:
        """Do something when the clock shows ``at``; at once when it has passed."""
        heapq.heappush(self._agenda, (max(at, self.now), next(self._numbers), action))

    def conclude(self, ticket: list[VirtualExchange]) -> VirtualExchange:
        """Let time pass until the exchange of that ticket has ended."""
        while not ticket:
            self._step()
        return ticket[0]

    def run_until(self, at: float) -> None:
        """Let time pass to ``at``."""
        while self._agenda and self._agenda[0][0] <= at:
            self._step()
        self.now = max(self.now, at)

    def _step(self) -> None:
        due, _, action = heapq.heappop(self._agenda)
        self.now = max(self.now, due)
        action()

    def _settle(self, client: VirtualClient | RawPort) -> None:
        """Put what a client sends on the road."""
        for datagram in client.datagrams_to_send():
            if why := self._pbx.refuses_connection(datagram.transport):
                client.send_failed(datagram, why, self.now)
            else:
                self._to_pbx(datagram, client)
        self._arm(client, client.next_timer())

    def _to_pbx(self, datagram: Datagram, client: VirtualClient | RawPort) -> None:
        def arrive() -> None:
            self._trace(Direction.RECEIVED, client.source, datagram)
            self._pbx.receive(datagram.data, client.source, self.now, datagram.transport)
            self._settle_pbx()

        self._travel(client.source, PBX_ADDRESS, datagram.transport, arrive)

    def _settle_pbx(self) -> None:
        for datagram in self._pbx.datagrams_to_send():
            self._trace(Direction.SENT, datagram.destination, datagram)
            self._from_pbx(datagram)
        self.records += self._pbx.records()
        self._arm(self._pbx, self._pbx.next_timer())

    def _from_pbx(self, datagram: Datagram) -> None:
        def arrive() -> None:
            for client in self._at(datagram.destination):
                client.receive(datagram, PBX_ADDRESS, self.now)
                self._settle(client)

        self._travel(PBX_ADDRESS, datagram.destination, datagram.transport, arrive)

    def _at(self, address: Address) -> list[VirtualClient | RawPort]:
        """Whoever listens there; an agent disregards answers to others."""
        found: list[VirtualClient | RawPort] = [*self._clients.get(address, {}).values()]
        raw = self._raw_ports.get(address)
        return [raw, *found] if raw else found

    def _travel(
        self, origin: Address, target: Address, transport: Transport, arrive: Callable[[], None]
    ) -> None:
        at = self.now + self._random.uniform(self._road.shortest_seconds, self._road.longest_seconds)
        if transport.is_reliable:
            at = max(at, self._last_arrival.get((origin, target), 0.0))
            self._last_arrival[origin, target] = at
        elif self._road.loss and self._random.random() < self._road.loss:
            return
        self.call_at(at, arrive)

    def _arm(self, node: PracticePbx | VirtualClient | RawPort, due: float | None) -> None:
        """Wake the node when its timer is due; one alarm each, an earlier one in place of a later."""
        armed = self._alarms.get(id(node))
        if due is None or (armed is not None and self.now < armed <= due):
            return
        self._alarms[id(node)] = due

        def wake() -> None:
            if self._alarms.get(id(node)) != due:
                return  # an earlier alarm took its place
            del self._alarms[id(node)]
            node.handle_timer(self.now)
            if isinstance(node, PracticePbx):
                self._settle_pbx()
            else:
                self._settle(node)

        self.call_at(due, wake)

    def _trace(self, direction: Direction, peer: Address, datagram: Datagram) -> None:
        if self._on_message:
            self._on_message(
                TracedMessage(
                    at=self.now,
                    direction=direction,
                    local=PBX_ADDRESS,
                    peer=peer,
                    transport=datagram.transport,
                    data=datagram.data,
                )
            )

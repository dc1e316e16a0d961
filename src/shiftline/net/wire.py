"""The last step before a message leaves, and the trace of what leaves and comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shiftline.net.connection import Connection
from shiftline.net.udp import UdpSocket
from shiftline.sip.events import Address, Datagram
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

OnMessage = Callable[[TracedMessage], None]


class Wire:
    """What `SipEndpoint.open` promises of ``may_send`` and ``on_message``."""

    def __init__(self, udp: UdpSocket, may_send: Callable[[], bool], on_message: OnMessage | None) -> None:
        self.withheld = 0
        self._udp = udp
        self._may_send = may_send
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()

    def hear(self, data: bytes, source: Address) -> None:
        """Tell of a datagram that came; a keep-alive is none to tell of."""
        if self._on_message and data.strip(b"\r\n\0"):
            self.trace(Direction.RECEIVED, data, self._udp.local, source, Transport.UDP)

    def transmit(self, datagram: Datagram, failed: Callable[[Datagram, str], None]) -> None:
        """Send one over UDP; ``failed`` hears of it, with the system's word, where that refuses."""
        if self._udp.closed:
            return
        if not self._may_send():
            self.withheld += 1
            return
        try:
            self._udp.send(datagram.data, datagram.destination)
        except BlockingIOError:
            return  # a full send buffer is a lost datagram: the transaction's timers send it again
        except OSError as error:
            failed(datagram, error.strerror or str(error))
            return
        if self._on_message:
            self.trace(Direction.SENT, datagram.data, self._udp.local, datagram.destination, Transport.UDP)

    def may_leave(self, datagram: Datagram, connection: Connection) -> bool:
        """Whether one may leave on this connection now, as it then does."""
        if not self._may_send():
            self.withheld += 1
            return False
        self.trace(Direction.SENT, datagram.data, connection.local, connection.peer, datagram.transport)
        return True

    def trace(
        self, direction: Direction, data: bytes, local: Address, peer: Address, transport: Transport
    ) -> None:
        """Tell of a message that leaves or came."""
        if self._on_message:
            self._on_message(
                TracedMessage(
                    at=self._loop.time(),
                    direction=direction,
                    local=local,
                    peer=peer,
                    transport=transport,
                    data=data,
                )
            )

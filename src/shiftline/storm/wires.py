"""The sockets of one engine, one selector over all of them, and the run's clock."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from math import inf
from typing import Protocol

from shiftline.errors import ConfigurationError
from shiftline.sip.transport import Transport
from shiftline.storm.batch import Receiver, Take, UdpPort
from shiftline.storm.leaving import leaving_seconds
from shiftline.storm.plan import Plan, Target
from shiftline.storm.run_clock import RunClock
from shiftline.storm.stream_port import StreamPort, remedy_for
from shiftline.storm.template import Place


class Port(Protocol):
    """One socket, whatever its transport."""

    socket: socket.socket
    refused: int
    """Datagrams that the other machine refused with ICMP."""

    @property
    def drops(self) -> int:
        """Answers that our kernel threw away."""

    def flush(self, out: list[bytes]) -> int:
        """Send what is in ``out``; how many messages left."""

    def receive(self, take: Take) -> int:
        """Give what has come to ``take``; how many messages."""


class Wires:
    """Every socket of a plan, open."""

    def __init__(self, plan: Plan, clock: RunClock) -> None:
        """Raises ConfigurationError for a source that is not ours, UnavailableError when nobody connects."""
        self._closing = ExitStack()
        self._selector = self._closing.enter_context(selectors.DefaultSelector())
        self.ports: Sequence[Port] = ()
        receiver = _receiver()
        try:
            addresses = [address for address in plan.sources for _ in range(plan.ports)]
            self.ports = [
                self._open(place, address, plan, clock, receiver) for place, address in enumerate(addresses)
            ]
            self.leaves_after = (
                self._leaving(clock) if receiver and plan.target.transport is Transport.UDP else inf
            )
        except BaseException:
            self.close()
            raise

    def _leaving(self, clock: RunClock) -> float:
        try:
            return leaving_seconds(self.ports[0].socket.getsockname()[0], clock)
        except OSError:  # no times from this kernel: amid the call, then
            return inf

    def close(self) -> None:
        """Close all."""
        self._closing.close()

    def wait(self, seconds: float, take: Take, turn_to: Callable[[int], None] = lambda _: None) -> int:
        """Wait for something to come, then give it to ``take``; how many messages.

        Before those of another port ``turn_to`` is told its place among the ports.
        """
        count = 0
        for key, _ in self._selector.select(seconds):
            place, port = key.data
            turn_to(place)
            count += port.receive(take)
        return count

    def places(self, target: Target, mark: str) -> list[Place]:
        """Where each port's messages come from, in the order of the ports."""
        return [
            Place(
                remote_host=target.host,
                remote_port=target.port,
                local_host=port.socket.getsockname()[0],
                local_port=port.socket.getsockname()[1],
                transport=target.transport.value,
                mark=mark,
            )
            for port in self.ports
        ]

    def _open(self, place: int, address: str, plan: Plan, clock: RunClock, receiver: Receiver | None) -> Port:
        port: Port
        if plan.target.transport is Transport.UDP:
            port = _datagrams(address, plan, clock, receiver)
        else:
            port = StreamPort(address, plan.target, clock)
        self._closing.callback(port.socket.close)
        self._selector.register(port.socket, selectors.EVENT_READ, (place, port))
        return port


def _datagrams(address: str, plan: Plan, clock: RunClock, receiver: Receiver | None) -> Port:
    target = plan.target
    try:
        return UdpPort(
            (address, 0),
            (target.host, target.port),
            clock=clock,
            receiver=receiver,
            segments=plan.batches,
            is_ordered=not plan.fresh_challenge,  # a server may mind the order of nonce counts
        )
    except OSError as error:
        raise ConfigurationError(
            f"Storm cannot send to {target} from {address or 'this machine'}: {error.strerror}.",
            remedy=remedy_for(error),
        ) from error


def _receiver() -> Receiver | None:
    try:
        return Receiver()
    except (OSError, AttributeError):  # no recvmmsg here: plain sockets do
        return None

"""The clients of the virtual laboratory: a SIP agent at an address, or a port that sends plain bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from shiftline.errors import SipSyntaxError
from shiftline.sip.agent import SipAgent
from shiftline.sip.events import (
    Address,
    Datagram,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SendFailed,
)
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.transport import Transport

_T1_SECONDS, _T2_SECONDS = 0.5, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualExchange:
    """A request and how it ended."""

    source: Address
    """Where it really came from, whatever its Via says."""
    request: Request | None
    """The copy that left, with its Via; None for bytes that are no request."""
    data: bytes
    """Its first datagram."""
    sent_at: float
    copies: int = 1
    """Datagrams that left, retransmissions among them."""
    response: Response | None = None
    answered_after: float | None = None
    """Seconds from the first copy to the final answer; None: there was none."""
    failure: str = ""
    """The system's word when it refused to send."""
    heard: str = ""
    """The last answer that was no final one, where no other came."""


WhenDone = Callable[[VirtualExchange], None]


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How a client speaks."""

    user_agent: str = "Shiftline/0.1"
    via: Address | None = None
    """What its Via names in place of its own address, as behind a NAT."""
    transport: Transport = Transport.UDP
    repeats: bool = True
    """Whether a request that waits for its answer is sent again."""
    moves_large: bool = True
    """Whether what is too large for a datagram leaves over TCP."""


@dataclass(slots=True)
class _Waiting:
    sent_at: float
    when_done: WhenDone
    copies: int = 0
    data: bytes = b""
    heard: str = ""


class VirtualClient:
    """One address's transactions; it answers every request of the PBX's with 200."""

    def __init__(self, source: Address, settings: ClientSettings, *, seed: int) -> None:
        self.source = source
        self._settings = settings
        self._random = Random(f"{source}{settings}{seed}")
        named = settings.via or source
        self.agent = SipAgent(
            local=named,
            streams=dict.fromkeys((Transport.TCP, Transport.TLS), named),
            token=self._token,
            user_agent=settings.user_agent,
            moves_large=settings.moves_large,
        )
        self._waiting: dict[str, _Waiting] = {}

    def _token(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def send(
        self, request: Request, target: Address, now: float, timeout_seconds: float, when_done: WhenDone
    ) -> None:
        """Begin an exchange. Raises MisuseError for an unwritable request."""
        key = self.agent.send(
            request, target, now, transport=self._settings.transport, timeout_seconds=timeout_seconds
        )
        self._waiting[key] = _Waiting(now, when_done)

    def receive(self, datagram: Datagram, source: Address, now: float) -> None:
        """Take in one message of ``source``'s."""
        self.agent.receive(datagram.data, source, now, transport=datagram.transport)
        self._take_events(now)

    def send_failed(self, datagram: Datagram, why: str, now: float) -> None:
        """The system refused to send it."""
        self.agent.send_failed(datagram, why, now, connected=False)
        self._take_events(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called."""
        return self.agent.next_timer()

    def handle_timer(self, now: float) -> None:
        """Move the transactions on."""
        self.agent.handle_timer(now, may_repeat=self._settings.repeats)
        self._take_events(now)

    def datagrams_to_send(self) -> list[Datagram]:
        """What shall leave now; counts the copies."""
        datagrams = self.agent.datagrams_to_send()
        for datagram in datagrams:
            if waiting := self._waiting.get(datagram.key or ""):
                waiting.copies += 1
                waiting.data = waiting.data or datagram.data
        return datagrams

    def _take_events(self, now: float) -> None:
        while (event := self.agent.next_event()) is not None:
            if isinstance(event, RequestReceived):
                if event.key is not None and event.request.method != "ACK":
                    self.agent.respond(event.key, response_to(event.request, 200, to_tag=self._token()), now)
            elif isinstance(event, ResponseReceived | RequestTimedOut | SendFailed):
                self._conclude(event)

    def _conclude(self, event: ResponseReceived | RequestTimedOut | SendFailed) -> None:
        response = event.response if isinstance(event, ResponseReceived) else None
        if response is not None and response.status < 200:
            if provisional := self._waiting.get(event.key):
                provisional.heard = f"{response.status} {response.reason}"
            return
        waiting = self._waiting.pop(event.key, None)
        if waiting is not None:
            waiting.when_done(
                VirtualExchange(
                    source=self.source,
                    request=event.request,
                    data=waiting.data,
                    sent_at=waiting.sent_at,
                    copies=waiting.copies,
                    response=response,
                    answered_after=event.rtt_seconds if response else None,
                    failure=event.why if isinstance(event, SendFailed) else "",
                    heard="" if response else waiting.heard,
                )
            )


class RawPort:
    """Sends one message byte for byte, as often as Timer E would, and takes the first final answer."""

    def __init__(
        self,
        source: Address,
        target: Address,
        data: bytes,
        now: float,
        timeout_seconds: float,
        when_done: WhenDone,
    ) -> None:
        self.source = source
        self._target = target
        self._data = data
        self._sent_at = now
        self._ends_at = now + timeout_seconds
        self._when_done: WhenDone | None = when_done
        self._interval = _T1_SECONDS
        self._next_copy_at = now + _T1_SECONDS
        self._copies = 1
        self._outbox = [Datagram(data, target)]

    def receive(self, datagram: Datagram, source: Address, now: float) -> None:
        """Take in one message; what is no final answer is overheard."""
        try:
            message = parse_message(datagram.data)
        except SipSyntaxError:
            return
        if source == self._target and isinstance(message, Response) and message.status >= 200:
            self._conclude(message, now)

    def send_failed(self, datagram: Datagram, why: str, now: float) -> None:  # noqa: ARG002 - it has one
        """The system refused to send it."""
        self._conclude(None, now, why)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None when it is over."""
        return min(self._next_copy_at, self._ends_at) if self._when_done else None

    def handle_timer(self, now: float) -> None:
        """Send again, or give up."""
        if self._when_done is None:
            return
        if now >= self._ends_at:
            self._conclude(None, now)
        elif now >= self._next_copy_at:
            self._interval = min(2 * self._interval, _T2_SECONDS)
            self._next_copy_at = now + self._interval
            self._copies += 1
            self._outbox.append(Datagram(self._data, self._target))

    def datagrams_to_send(self) -> list[Datagram]:
        """What shall leave now."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def _conclude(self, response: Response | None, now: float, failure: str = "") -> None:
        if self._when_done is None:
            return
        when_done, self._when_done = self._when_done, None
        when_done(
            VirtualExchange(
                source=self.source,
                request=_request_in(self._data),
                data=self._data,
                sent_at=self._sent_at,
                copies=self._copies,
                response=response,
                answered_after=now - self._sent_at if response else None,
                failure=failure,
            )
        )


def _request_in(data: bytes) -> Request | None:
    try:
        message = parse_message(data)
    except SipSyntaxError:
        return None
    return message if isinstance(message, Request) else None

"""One SIP user agent, client and server, without I/O.

The driver's part: after `send`, `respond`, `receive` or `handle_timer`, send what `datagrams_to_send` gives,
take events from `next_event` until it is None, and call `handle_timer` when `next_timer` has come. ``now``
is a monotonic time in seconds.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.events import (
    Address,
    Datagram,
    Event,
    MalformedReceived,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SendFailed,
)
from shiftline.sip.grammar import refuse_unwritable
from shiftline.sip.headers import CSeq, Headers, Via
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.requests import ack_of_failure
from shiftline.sip.response_path import mark_source, server_key
from shiftline.sip.timer_queue import TimerQueue
from shiftline.sip.transactions import (
    ClientTransaction,
    Effect,
    Input,
    State,
    Timers,
    Transaction,
    status_input,
)
from shiftline.sip.transport import Transport

_MAGIC_COOKIE = "z9hG4bK"  # RFC 3261 section 8.1.1.7
_NEEDED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_ADDED = frozenset({"Max-Forwards", "User-Agent"})
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)


class SipAgent:
    """All transactions of one local address."""

    def __init__(
        self,
        *,
        local: Address,
        token: Callable[[], str],
        timers: Timers | None = None,
        user_agent: str = "Shiftline/0.1",
    ) -> None:
        """``token`` gives a new unguessable token at each call. Raises MisuseError for an unusable name."""
        self.local = local
        self.stray_responses = 0
        host = f"[{local[0]}]" if ":" in local[0] else local[0]
        self._via = {
            transport: f"SIP/2.0/{transport} {host}:{local[1]};rport;branch=" for transport in Transport
        }
        self._token = token
        self._user_agent = refuse_unwritable(user_agent, "User-Agent")
        self._timers = timers or Timers()
        self._clients: dict[str, ClientTransaction] = {}
        self._servers: dict[str, Transaction] = {}
        self._queue = TimerQueue()
        self._outbox: list[Datagram] = []
        self._events: deque[Event] = deque()

    # Sending

    def send(
        self,
        request: Request,
        destination: Address,
        now: float,
        *,
        transport: Transport = Transport.UDP,
        timeout_seconds: float | None = None,
    ) -> str:
        """Start a client transaction and return its key.

        The request itself stays as it is: the copy that leaves has our Via in place of any other, and
        Max-Forwards and User-Agent where they lack. ``timeout_seconds`` ends the transaction earlier than
        Timer B or F, whatever its state. Raises MisuseError for an ACK or an unwritable request.
        """
        if request.method == "ACK":
            raise MisuseError("An ACK has no transaction.", remedy="Use send_stateless.")
        _require_our_cseq(request)
        outgoing, key = self._outgoing(request, transport)
        transaction = ClientTransaction(
            key=key,
            request=outgoing,
            destination=destination,
            now=now,
            timers=self._timers,
            transport=transport,
            timeout_seconds=timeout_seconds,
        )
        self._clients[key] = transaction
        self._post(transaction, transaction.data)
        self._queue.arm(transaction)
        return key

    def send_stateless(
        self, request: Request, destination: Address, *, transport: Transport = Transport.UDP
    ) -> None:
        """Send once and forget: the ACK of a 2xx (RFC 3261 section 13.2.2.4)."""
        outgoing, _ = self._outgoing(request, transport)
        self._outbox.append(Datagram(bytes(outgoing), destination, transport))

    def respond(self, key: str, response: Response, now: float) -> None:
        """Answer a request by its key; an answer to a transaction that has ended or was answered is dropped.

        Raises MisuseError for an unwritable response.
        """
        transaction = self._servers.get(key)
        given = status_input(response.status)
        if transaction is None or (transaction.state, given) not in transaction.table:
            return
        transaction.data = bytes(response)
        self._apply(transaction, given, now)

    def abandon(self, key: str) -> None:
        """Forget a client transaction: no more retransmissions, later answers are strays."""
        if transaction := self._clients.pop(key, None):
            transaction.state = State.TERMINATED

    # The driver's side

    def receive(
        self, data: bytes, source: Address, now: float, *, transport: Transport = Transport.UDP
    ) -> None:
        """Take one message. Whatever it holds, the outcome is an event or nothing, never an exception."""
        if len(data) <= 4 and not data.strip(b"\r\n\0"):
            return  # a keep-alive (RFC 5626 section 3.5)
        try:
            message = parse_message(data)
            _require_headers(message)
            if isinstance(message, Response):
                self._receive_response(message, now)
            else:
                self._receive_request(message, source, transport, now)
        except SipSyntaxError as error:
            self._events.append(
                MalformedReceived(data=data, source=source, transport=transport, why=str(error))
            )

    def datagrams_to_send(self) -> list[Datagram]:
        """Hand over what is to leave, in order."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def send_failed(self, datagram: Datagram, why: str, now: float) -> None:
        """Tell that the transport refused a datagram (RFC 3261 section 17.1.4)."""
        if transaction := self._clients.get(datagram.key or ""):
            event = SendFailed(
                key=transaction.key,
                request=transaction.request,
                rtt_seconds=now - transaction.started_at,
                why=why,
            )
            self._apply(transaction, Input.SEND_FAILED, now, event)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`; sometimes early, never late. None when nothing waits."""
        return self._queue.next_due()

    def handle_timer(self, now: float) -> None:
        """Fire every timer that is due."""
        while transaction := self._queue.pop_due(now):
            given = transaction.timer_input(now)
            if given is None:
                self._queue.arm(transaction)
                continue
            if given is Input.RETRANSMIT:
                transaction.back_off(now, self._timers)
            self._apply(transaction, given, now, _timeout_of(transaction, now))

    def next_event(self) -> Event | None:
        """The next event, oldest first; None when there is none."""
        return self._events.popleft() if self._events else None

    # Inside

    def _outgoing(self, request: Request, transport: Transport) -> tuple[Request, str]:
        branch = _MAGIC_COOKIE + self._token()
        rows = [("Via", self._via[transport] + branch)]
        rows += [row for row in request.headers if row[0] != "Via"]
        lacking = request.headers.missing(_ADDED)
        if "Max-Forwards" in lacking:
            rows.append(("Max-Forwards", "70"))
        if "User-Agent" in lacking:
            rows.append(("User-Agent", self._user_agent))
        return Request(request.method, request.uri, Headers.of_checked_rows(rows), request.body), branch

    def _receive_response(self, response: Response, now: float) -> None:
        found = _BRANCH.search(response.headers.get("Via") or "")
        transaction = self._clients.get(found[1]) if found else None
        method = (response.headers.get("CSeq") or "").split()[-1:]
        if transaction is None or method != [transaction.request.method]:
            self.stray_responses += 1
            return
        event = ResponseReceived(
            key=transaction.key,
            request=transaction.request,
            response=response,
            rtt_seconds=now - transaction.started_at,
        )
        self._apply(transaction, status_input(response.status), now, event)

    def _receive_request(self, request: Request, source: Address, transport: Transport, now: float) -> None:
        if CSeq.parse(request.headers.get("CSeq") or "").method != request.method:
            raise SipSyntaxError("The CSeq names another method than the request.")
        via = Via.parse((request.headers.get_all("Via") or [""])[0])
        key = server_key(request, via)
        transaction = self._servers.get(key)
        destination = mark_source(request, via, source)
        if request.method == "ACK":
            event = RequestReceived(key=None, request=request, source=source, transport=transport)
            if transaction is None:  # the ACK of a 2xx is a transaction of its own (section 17.1.1.3)
                self._events.append(event)
            else:
                self._apply(transaction, Input.ACK, now, event)
        elif transaction is not None:
            self._apply(transaction, Input.REQUEST, now)
        else:
            self._servers[key] = transaction = Transaction.of_server(
                key=key,
                invite=request.method == "INVITE",
                destination=destination,
                now=now,
                timers=self._timers,
                transport=transport,
            )
            self._queue.arm(transaction)
            self._events.append(RequestReceived(key=key, request=request, source=source, transport=transport))

    def _apply(self, transaction: Transaction, given: Input, now: float, event: Event | None = None) -> None:
        """Step the transaction; ``event`` is what a REPORT reports."""
        for effect in transaction.step(given):
            if effect is Effect.REPORT:
                if event is not None:
                    self._events.append(event)
            elif effect is Effect.SEND:
                if transaction.data:
                    self._post(transaction, transaction.data)
            elif effect is Effect.SEND_ACK:
                if isinstance(event, ResponseReceived):
                    self._post(transaction, bytes(ack_of_failure(event.request, event.response)))
            else:
                transaction.set_timers(effect, now, self._timers)
        if transaction.state is State.TERMINATED:
            self._clients.pop(transaction.key, None)
            self._servers.pop(transaction.key, None)
        else:
            self._queue.arm(transaction)

    def _post(self, transaction: Transaction, data: bytes) -> None:
        self._outbox.append(Datagram(data, transaction.destination, transaction.transport, transaction.key))


def _require_headers(message: Request | Response) -> None:
    """Without these no response can be matched and no request answered (RFC 3261 sections 8.1.1, 8.2.6.2)."""
    if missing := message.headers.missing(_NEEDED):
        raise SipSyntaxError(f"There is no {' and no '.join(sorted(missing))} header.")


def _require_our_cseq(request: Request) -> None:
    """Without a CSeq that fits, no answer could be matched and no ACK built."""
    try:
        method = CSeq.parse(request.headers.get("CSeq") or "").method
    except SipSyntaxError as error:
        raise MisuseError("The request to send has no readable CSeq.") from error
    if method != request.method:
        raise MisuseError("The CSeq names another method than the request.")


def _timeout_of(transaction: Transaction, now: float) -> RequestTimedOut | None:
    if not isinstance(transaction, ClientTransaction):
        return None
    waited = now - transaction.started_at
    return RequestTimedOut(key=transaction.key, request=transaction.request, rtt_seconds=waited)

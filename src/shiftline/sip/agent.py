"""One SIP user agent, client and server, without I/O.

The driver's part: after `send`, `respond`, `receive` or `handle_timer`, send what `datagrams_to_send` gives,
take events from `next_event` until it is None, and call `handle_timer` when `next_timer` has come. ``now``
is a monotonic time in seconds. A connection is named by its transport and the peer's address.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from shiftline.errors import MisuseError, SipSyntaxError
from shiftline.sip.events import (
    Address,
    CancelReceived,
    Datagram,
    Event,
    MalformedReceived,
    RequestReceived,
    ResponseReceived,
)
from shiftline.sip.held_repeats import HeldRepeats
from shiftline.sip.matching import cancel_key, cancelled_key, client_key, require_headers, server_key
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.outcomes import accepts_call, answer_to, failure_of, timeout_of
from shiftline.sip.outgoing import Outgoing, require_our_cseq
from shiftline.sip.requests import ack, ack_of_failure, bye, cancel
from shiftline.sip.response_path import mark_source
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
from shiftline.sip.values import CSeq
from shiftline.sip.via import Via

_CLIENT_EFFECTS = frozenset({Effect.SEND_ACK, Effect.SEND_CANCEL, Effect.DISOWN})


class SipAgent:
    """All transactions of one local address."""

    def __init__(
        self,
        *,
        local: Address,
        token: Callable[[], str],
        streams: Mapping[Transport, Address] = MappingProxyType({}),
        timers: Timers | None = None,
        user_agent: str = "Shiftline/0.1",
        via_parameters: str = "",
        moves_large: bool = True,
    ) -> None:
        """``token`` gives a new unguessable token at each call. Raises MisuseError for an unusable name.

        ``streams`` names the connections that the driver has, and the address that Via gives on them; the
        others give ``local``. With TCP among them, a request too large for UDP leaves over TCP, unless
        ``moves_large`` is False: then it may leave in fragments. An empty ``user_agent`` adds none.
        ``via_parameters`` is written into every Via of ours (`overload.ADVERTISED`, say).
        """
        self.local = local
        self.stray_responses = 0
        self.holds_repeats = False
        """A request of ours that is to be sent again waits for `repeat_next`."""
        self._held = HeldRepeats()
        self._outgoing = Outgoing(
            local=local,
            streams=streams,
            token=token,
            user_agent=user_agent,
            via_parameters=via_parameters,
            moves_large=moves_large,
        )
        self._token = token
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
        Timer B or F, whatever its state; an INVITE that rings by then is abandoned. Raises MisuseError for an
        ACK, a CANCEL or an unwritable request.
        """
        if request.method in ("ACK", "CANCEL"):
            raise MisuseError(
                f"{request.method} starts no transaction.", remedy="Use send_stateless for ACK, and cancel."
            )
        require_our_cseq(request)
        key = self._outgoing.new_branch()
        transaction = ClientTransaction(
            key=key,
            request=self._outgoing.stamp(request, transport, key),
            destination=destination,
            now=now,
            timers=self._timers,
            transport=transport,
            timeout_seconds=timeout_seconds,
        )
        if self._outgoing.moves(transaction.data, transport):
            transaction.falls_back = True
            self._move(transaction, Transport.TCP, now)
        self._start(transaction)
        return key

    def send_stateless(
        self, request: Request, destination: Address, *, transport: Transport = Transport.UDP
    ) -> None:
        """Send once and forget: the ACK of a 2xx (RFC 3261 section 13.2.2.4)."""
        self._outbox.append(self._outgoing.stateless(request, destination, transport))

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

    def cancel(self, key: str, now: float) -> None:
        """Call off an INVITE of ours (section 9.1): at once if a provisional answer came, else after it.

        The INVITE's final answer is still reported, most often a 487; the CANCEL's own is not. An INVITE
        that was answered stays as it is, and so does any other request.
        """
        if transaction := self._clients.get(key):
            self._apply(transaction, Input.CANCEL, now)

    def abandon(self, key: str, now: float) -> None:
        """Forget a client transaction: no more retransmissions, later answers are strays.

        An INVITE is called off instead, so that no phone rings on; accepted all the same, it is hung up.
        """
        transaction = self._clients.get(key)
        if transaction is None:
            return
        if transaction.request.method == "INVITE":
            transaction.is_disowned = True
            self._apply(transaction, Input.CANCEL, now)
        else:
            transaction.state = State.TERMINATED
            del self._clients[key]

    def ignore(self, key: str) -> None:
        """Forget a request that shall never be answered: what repeats it is a request of its own."""
        transaction = self._servers.pop(key, None)
        if transaction is not None:
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
            require_headers(message)
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

    def send_failed(self, datagram: Datagram, why: str, now: float, *, connected: bool = True) -> None:
        """Tell that the transport refused a message (RFC 3261 section 17.1.4).

        ``connected`` is False when no connection could be made. A request that went over TCP for its size
        alone is then sent over UDP after all (section 18.1.1).
        """
        transaction = self._clients.get(datagram.key or "")
        if transaction is None:
            return
        if transaction.falls_back and not connected and transaction.transport is Transport.TCP:
            self._move(transaction, Transport.UDP, now)
            self._start(transaction)
        else:
            self._fail(transaction, why, now)

    def connection_lost(self, transport: Transport, peer: Address, why: str, now: float) -> None:
        """Tell that a connection closed: no answer can come on it any more."""
        for transaction in list(self._clients.values()):
            if transaction.destination == peer and transaction.transport is transport:
                self._fail(transaction, why, now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`; sometimes early, never late. None when nothing waits."""
        return self._queue.next_due()

    def handle_timer(self, now: float, *, may_repeat: bool = True, t1: float = 0.0) -> None:
        """Fire every timer that is due.

        Without ``may_repeat`` no request of ours is sent again now; its next turn comes as if it had been.
        None is before it is ``t1`` seconds old, where answers are known to take longer than the usual T1.
        """
        while transaction := self._queue.pop_due(now):
            given = transaction.timer_input(now)
            if given is Input.RETRANSMIT and self._is_put_off(transaction, now, t1, may_repeat=may_repeat):
                given = None
            if given is None:
                self._queue.arm(transaction)
            else:
                self._apply(transaction, given, now, timeout_of(transaction, now))

    def _is_put_off(self, transaction: Transaction, now: float, t1: float, *, may_repeat: bool) -> bool:
        """Set the next retransmission; return whether this one does not leave now."""
        if not isinstance(transaction, ClientTransaction):
            transaction.back_off(now, self._timers)
            return False
        if transaction.wait_for(t1, now):
            return True
        transaction.back_off(now, self._timers)
        if self.holds_repeats and may_repeat:
            self._held.add(transaction)
        return self.holds_repeats or not may_repeat

    def has_held_repeats(self) -> bool:
        """Whether a request of ours waits to be sent again; one that has its answer does not."""
        return bool(self._held)

    def repeat_next(self, now: float) -> None:
        """Send the one again that has waited longest; its next turn counts from now."""
        if transaction := self._held.take():
            self._repeat(transaction, now)

    def repeat(self, call_id: str, now: float) -> None:
        """Send the request with this Call-ID again, unless it has its answer or cannot get lost."""
        for transaction in list(self._clients.values()):
            if transaction.request.headers.get("Call-ID") == call_id and transaction.wants_repeating():
                self._repeat(transaction, now)

    def _repeat(self, transaction: ClientTransaction, now: float) -> None:
        transaction.put_off(now)
        self._apply(transaction, Input.RETRANSMIT, now)

    def next_event(self) -> Event | None:
        """The next event, oldest first; None when there is none."""
        return self._events.popleft() if self._events else None

    # Inside

    def _start(self, transaction: ClientTransaction) -> None:
        self._clients[transaction.key] = transaction
        self._post(transaction, transaction.data)
        self._queue.arm(transaction)

    def _move(self, transaction: ClientTransaction, transport: Transport, now: float) -> None:
        stamped = self._outgoing.stamp(transaction.request, transport, transaction.key)
        transaction.move(stamped, transport, now, self._timers)

    def _fail(self, transaction: ClientTransaction, why: str, now: float) -> None:
        self._apply(transaction, Input.SEND_FAILED, now, failure_of(transaction, why, now))

    def _receive_response(self, response: Response, now: float) -> None:
        key, method = client_key(response)
        transaction = self._clients.get(key)
        # With more than one Via it was sent to somebody else (RFC 3261 section 8.1.3.3).
        if (
            transaction is None
            or method != transaction.request.method
            or len(response.headers.get_all("Via")) > 1
        ):
            self.stray_responses += 1
            return
        event = answer_to(transaction, response, now)
        self._apply(transaction, status_input(response.status), now, event)

    def _receive_request(self, request: Request, source: Address, transport: Transport, now: float) -> None:
        if CSeq.parse(request.headers.get("CSeq") or "").method != request.method:
            raise SipSyntaxError("The CSeq names another method than the request.")
        via = Via.parse((request.headers.get_all("Via") or [""])[0])
        key = server_key(request, via)
        transaction = self._servers.get(key)
        back = mark_source(request, via, source)
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
                request=request,
                destination=source if transport.is_reliable else back,
                now=now,
                timers=self._timers,
                transport=transport,
            )
            self._queue.arm(transaction)
            if request.method == "CANCEL":
                self._take_cancel(key, request, cancelled_key(request, via), source, now)
                return
            self._events.append(RequestReceived(key=key, request=request, source=source, transport=transport))

    def _take_cancel(self, key: str, request: Request, invite_key: str, source: Address, now: float) -> None:
        """Answer a CANCEL (section 9.2): 200 if we know its INVITE, else 481; the user answers the INVITE."""
        invite = self._servers.get(invite_key)
        status = 481 if invite is None else 200
        self.respond(key, response_to(request, status, to_tag=self._token()), now)
        if invite is not None and invite.request is not None and invite.state is State.PROCEEDING:
            self._events.append(CancelReceived(key=invite_key, invite=invite.request, source=source))

    def _apply(self, transaction: Transaction, given: Input, now: float, event: Event | None = None) -> None:
        """Step the transaction; ``event`` is what a REPORT reports."""
        if given is Input.RETRANSMIT and isinstance(transaction, ClientTransaction):
            transaction.copied_at = now if transaction.copied_at is None else transaction.copied_at
        for effect in transaction.step(given):
            if effect is Effect.REPORT:
                self._report(transaction, event, now)
            elif effect is Effect.SEND:
                if transaction.data:
                    self._post(transaction, transaction.data)
            elif effect in _CLIENT_EFFECTS:
                if isinstance(transaction, ClientTransaction):
                    self._apply_to_client(transaction, effect, now, event)
            else:
                transaction.set_timers(effect, now, self._timers)
        if transaction.ends_at <= now and transaction.ends_with is Input.LINGER_OVER:
            transaction.step(Input.LINGER_OVER)  # a linger timer of zero
        if transaction.state is State.TERMINATED:
            self._clients.pop(transaction.key, None)
            self._servers.pop(transaction.key, None)
        else:
            self._queue.arm(transaction)

    def _apply_to_client(
        self, transaction: ClientTransaction, effect: Effect, now: float, event: Event | None
    ) -> None:
        if effect is Effect.DISOWN:
            transaction.is_disowned = True
        elif effect is Effect.SEND_CANCEL:
            transaction.set_timers(effect, now, self._timers)
            self._start_unheard(cancel(transaction.request), cancel_key(transaction.key), transaction, now)
        elif isinstance(event, ResponseReceived):
            self._post(transaction, bytes(ack_of_failure(event.request, event.response)))

    def _report(self, transaction: Transaction, event: Event | None, now: float) -> None:
        if not isinstance(transaction, ClientTransaction) or not transaction.is_disowned:
            if event is not None:
                self._events.append(event)
        elif isinstance(event, ResponseReceived) and accepts_call(event):
            self._hang_up(transaction, event.response, now)

    def _hang_up(self, invite: ClientTransaction, response: Response, now: float) -> None:
        """End a call that nobody wants any more; it goes the way that its INVITE went."""
        self.send_stateless(ack(invite.request, response), invite.destination, transport=invite.transport)
        key = self._outgoing.new_branch()
        goodbye = self._outgoing.stamp(bye(invite.request, response), invite.transport, key)
        self._start_unheard(goodbye, key, invite, now)

    def _start_unheard(self, request: Request, key: str, invite: ClientTransaction, now: float) -> None:
        """Start a transaction that belongs to an INVITE's and of which the user hears nothing."""
        transaction = ClientTransaction(
            key=key,
            request=request,
            destination=invite.destination,
            now=now,
            timers=self._timers,
            transport=invite.transport,
        )
        transaction.is_disowned = True
        self._start(transaction)

    def _post(self, transaction: Transaction, data: bytes) -> None:
        is_request = isinstance(transaction, ClientTransaction)
        self._outbox.append(
            Datagram(data, transaction.destination, transaction.transport, transaction.key, is_request)
        )

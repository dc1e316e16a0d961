"""One SIP user agent, client and server, without I/O.

The driver's part: after `send`, `respond`, `receive` or `handle_timer`, send what `datagrams_to_send` gives,
take events from `next_event` until it is None, and call `handle_timer` when `next_timer` has come. ``now``
is a monotonic time in seconds. A connection is named by its transport and the peer's address.
"""

from __future__ import annotations

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
)
from shiftline.sip.held_repeats import HeldRepeats
from shiftline.sip.matching import cancelled_key, require_headers, server_key
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.outcomes import timeout_of
from shiftline.sip.outgoing import Outgoing, require_our_cseq
from shiftline.sip.response_path import mark_source
from shiftline.sip.running_transactions import RunningTransactions
from shiftline.sip.transactions import (
    ClientTransaction,
    Input,
    State,
    Timers,
    Transaction,
    status_input,
)
from shiftline.sip.transport import Transport
from shiftline.sip.values import CSeq
from shiftline.sip.via import Via


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
        self._running = RunningTransactions(self._outgoing, self._timers)

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
            self._running.move(transaction, Transport.TCP, now)
        self._running.start(transaction)
        return key

    def send_stateless(
        self, request: Request, destination: Address, *, transport: Transport = Transport.UDP
    ) -> None:
        """Send once and forget: the ACK of a 2xx (RFC 3261 section 13.2.2.4)."""
        self._running.outbox.append(self._outgoing.stateless(request, destination, transport))

    def respond(self, key: str, response: Response, now: float) -> None:
        """Answer a request by its key; an answer to a transaction that has ended or was answered is dropped.

        Raises MisuseError for an unwritable response.
        """
        transaction = self._running.servers.get(key)
        given = status_input(response.status)
        if transaction is None or (transaction.state, given) not in transaction.table:
            return
        transaction.data = bytes(response)
        self._running.apply(transaction, given, now)

    def cancel(self, key: str, now: float) -> None:
        """Call off an INVITE of ours (section 9.1): at once if a provisional answer came, else after it.

        The INVITE's final answer is still reported, most often a 487; the CANCEL's own is not. An INVITE
        that was answered stays as it is, and so does any other request.
        """
        if transaction := self._running.clients.get(key):
            self._running.apply(transaction, Input.CANCEL, now)

    def abandon(self, key: str, now: float) -> None:
        """Forget a client transaction: no more retransmissions, later answers are strays.

        An INVITE is called off instead, so that no phone rings on; accepted all the same, it is hung up.
        """
        self._running.abandon(key, now)

    def ignore(self, key: str) -> None:
        """Forget a request that shall never be answered: what repeats it is a request of its own."""
        transaction = self._running.servers.pop(key, None)
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
                self.stray_responses += not self._running.take_response(message, now)
            else:
                self._receive_request(message, source, transport, now)
        except SipSyntaxError as error:
            self._running.events.append(
                MalformedReceived(data=data, source=source, transport=transport, why=str(error))
            )

    def datagrams_to_send(self) -> list[Datagram]:
        """Hand over what is to leave, in order."""
        return self._running.take_outbox()

    def send_failed(self, datagram: Datagram, why: str, now: float, *, connected: bool = True) -> None:
        """Tell that the transport refused a message (RFC 3261 section 17.1.4).

        ``connected`` is False when no connection could be made. A request that went over TCP for its size
        alone is then sent over UDP after all (section 18.1.1).
        """
        transaction = self._running.clients.get(datagram.key or "")
        if transaction is None:
            return
        if transaction.falls_back and not connected and transaction.transport is Transport.TCP:
            self._running.move(transaction, Transport.UDP, now)
            self._running.start(transaction)
        else:
            self._running.fail(transaction, why, now)

    def connection_lost(self, transport: Transport, peer: Address, why: str, now: float) -> None:
        """Tell that a connection closed: no answer can come on it any more."""
        for transaction in list(self._running.clients.values()):
            if transaction.destination == peer and transaction.transport is transport:
                self._running.fail(transaction, why, now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`; sometimes early, never late. None when nothing waits."""
        return self._running.queue.next_due()

    def handle_timer(self, now: float, *, may_repeat: bool = True, t1: float = 0.0) -> None:
        """Fire every timer that is due.

        Without ``may_repeat`` no request of ours is sent again now; its next turn comes as if it had been.
        None is before it is ``t1`` seconds old, where answers are known to take longer than the usual T1.
        """
        while transaction := self._running.queue.pop_due(now):
            given = transaction.timer_input(now)
            if given is Input.RETRANSMIT and self._is_put_off(transaction, now, t1, may_repeat=may_repeat):
                given = None
            if given is None:
                self._running.queue.arm(transaction)
            else:
                self._running.apply(transaction, given, now, timeout_of(transaction, now))

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
            self._running.repeat(transaction, now)

    def repeat(self, call_id: str, now: float) -> None:
        """Send the request with this Call-ID again, unless it has its answer or cannot get lost."""
        for transaction in list(self._running.clients.values()):
            if transaction.request.headers.get("Call-ID") == call_id and transaction.wants_repeating():
                self._running.repeat(transaction, now)

    def next_event(self) -> Event | None:
        """The next event, oldest first; None when there is none."""
        return self._running.events.popleft() if self._running.events else None

    # Inside

    def _receive_request(self, request: Request, source: Address, transport: Transport, now: float) -> None:
        if CSeq.parse(request.headers.get("CSeq") or "").method != request.method:
            raise SipSyntaxError("The CSeq names another method than the request.")
        via = Via.parse((request.headers.get_all("Via") or [""])[0])
        key = server_key(request, via)
        transaction = self._running.servers.get(key)
        back = mark_source(request, via, source)
        if request.method == "ACK":
            event = RequestReceived(key=None, request=request, source=source, transport=transport)
            if transaction is None:  # the ACK of a 2xx is a transaction of its own (section 17.1.1.3)
                self._running.events.append(event)
            else:
                self._running.apply(transaction, Input.ACK, now, event)
        elif transaction is not None:
            self._running.apply(transaction, Input.REQUEST, now)
        else:
            self._running.servers[key] = transaction = Transaction.of_server(
                key=key,
                request=request,
                destination=source if transport.is_reliable else back,
                now=now,
                timers=self._timers,
                transport=transport,
            )
            self._running.queue.arm(transaction)
            if request.method == "CANCEL":
                self._take_cancel(key, request, cancelled_key(request, via), source, now)
                return
            self._running.events.append(
                RequestReceived(key=key, request=request, source=source, transport=transport)
            )

    def _take_cancel(self, key: str, request: Request, invite_key: str, source: Address, now: float) -> None:
        """Answer a CANCEL (section 9.2): 200 if we know its INVITE, else 481; the user answers the INVITE."""
        invite = self._running.servers.get(invite_key)
        status = 481 if invite is None else 200
        self.respond(key, response_to(request, status, to_tag=self._token()), now)
        if invite is not None and invite.request is not None and invite.state is State.PROCEEDING:
            self._running.events.append(CancelReceived(key=invite_key, invite=invite.request, source=source))

"""The transactions that run, of client and server, and what each of their steps brings about.

A step (RFC 3261 section 17; the tables are in `transaction_tables`) gives effects: something is sent,
reported, or started beside it, as the CANCEL of an INVITE and the BYE of a call that nobody wants any more.
"""

from __future__ import annotations

from collections import deque

from shiftline.sip.events import Datagram, Event, ResponseReceived
from shiftline.sip.matching import cancel_key, client_key
from shiftline.sip.message import Request, Response
from shiftline.sip.outcomes import accepts_call, answer_to, failure_of
from shiftline.sip.outgoing import Outgoing
from shiftline.sip.requests import ack, ack_of_failure, bye, cancel
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

_CLIENT_EFFECTS = frozenset({Effect.SEND_ACK, Effect.SEND_CANCEL, Effect.DISOWN})


class RunningTransactions:
    """By their keys, with what they want sent and told. ``now`` is a monotonic time in seconds."""

    def __init__(self, outgoing: Outgoing, timers: Timers) -> None:
        self.clients: dict[str, ClientTransaction] = {}
        self.servers: dict[str, Transaction] = {}
        self.queue = TimerQueue()
        self.outbox: list[Datagram] = []
        self.events: deque[Event] = deque()
        self._outgoing = outgoing
        self._timers = timers

    def start(self, transaction: ClientTransaction) -> None:
        """Send a request of ours; its answers are told from now on."""
        self.clients[transaction.key] = transaction
        self._post(transaction, transaction.data)
        self.queue.arm(transaction)

    def move(self, transaction: ClientTransaction, transport: Transport, now: float) -> None:
        """Write the request anew, for another transport."""
        stamped = self._outgoing.stamp(transaction.request, transport, transaction.key)
        transaction.move(stamped, transport, now, self._timers)

    def fail(self, transaction: ClientTransaction, why: str, now: float) -> None:
        """End one whose transport gave it up."""
        self.apply(transaction, Input.SEND_FAILED, now, failure_of(transaction, why, now))

    def abandon(self, key: str, now: float) -> None:
        """Forget a request of ours; an INVITE is called off instead, and hung up if it is accepted."""
        transaction = self.clients.get(key)
        if transaction is None:
            return
        if transaction.request.method == "INVITE":
            transaction.is_disowned = True
            self.apply(transaction, Input.CANCEL, now)
        else:
            transaction.state = State.TERMINATED
            del self.clients[key]

    def repeat(self, transaction: ClientTransaction, now: float) -> None:
        """Send a request again; its next turn counts from now."""
        transaction.put_off(now)
        self.apply(transaction, Input.RETRANSMIT, now)

    def take_response(self, response: Response, now: float) -> bool:
        """Take an answer and return whether it is one to a request of ours."""
        key, method = client_key(response)
        transaction = self.clients.get(key)
        # With more than one Via it was sent to somebody else (RFC 3261 section 8.1.3.3).
        if (
            transaction is None
            or method != transaction.request.method
            or len(response.headers.get_all("Via")) > 1
        ):
            return False
        event = answer_to(transaction, response, now)
        self.apply(transaction, status_input(response.status), now, event)
        return True

    def take_outbox(self) -> list[Datagram]:
        """Hand over what is to leave, in order."""
        outbox, self.outbox = self.outbox, []
        return outbox

    def apply(self, transaction: Transaction, given: Input, now: float, event: Event | None = None) -> None:
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
            self.clients.pop(transaction.key, None)
            self.servers.pop(transaction.key, None)
        else:
            self.queue.arm(transaction)

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
                self.events.append(event)
        elif isinstance(event, ResponseReceived) and accepts_call(event):
            self._hang_up(transaction, event.response, now)

    def _hang_up(self, invite: ClientTransaction, response: Response, now: float) -> None:
        """End a call that nobody wants any more; it goes the way that its INVITE went."""
        thanks = ack(invite.request, response)
        self.outbox.append(self._outgoing.stateless(thanks, invite.destination, invite.transport))
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
        self.start(transaction)

    def _post(self, transaction: Transaction, data: bytes) -> None:
        is_request = isinstance(transaction, ClientTransaction)
        self.outbox.append(
            Datagram(data, transaction.destination, transaction.transport, transaction.key, is_request)
        )

"""Transactions as tables (RFC 3261 section 17, corrected by RFC 6026).

Rules of this file: every transition of the four machines stands in a table ``(state, input) -> (effects,
next state)``; what a table does not list is absorbed: no effect, same state. The transport changes timers,
never a table. Messages and sockets are the agent's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Self

from shiftline.sip.message import Request
from shiftline.sip.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Base intervals in seconds (RFC 3261 table 4); the lettered timers follow from them.

    ``c`` is borrowed from proxies (section 16.6): it ends an INVITE that our own side never answers.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    c: float = 180.0

    @property
    def give_up(self) -> float:
        """Timers B, F and H: 64 * T1."""
        return 64 * self.t1

    def linger(self, effect: Effect, transport: Transport = Transport.UDP) -> float:
        """How long the timer that ``effect`` starts runs: T4 for I and K, 64 * T1 for D, J, L and M.

        On a reliable transport nothing comes twice, so D, I, J and K are zero.
        """
        if transport.is_reliable and effect in _ZERO_WHEN_RELIABLE:
            return 0.0
        return self.t4 if effect in (Effect.START_I, Effect.START_K) else 64 * self.t1


class State(StrEnum):
    """The states of the four machines."""

    CALLING = auto()
    CALLING_OFF = auto()
    """Calling, and to be cancelled as soon as that is allowed: after a provisional answer (section 9.1)."""
    TRYING = auto()
    PROCEEDING = auto()
    CALLED_OFF = auto()
    """An INVITE whose CANCEL has left and whose final answer is awaited."""
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(StrEnum):
    """What can happen to a transaction; a server's responses come from its own user."""

    PROVISIONAL = auto()
    """1xx"""
    SUCCESS = auto()
    """2xx"""
    FAILURE = auto()
    """300 to 699"""
    REQUEST = auto()
    """The request again."""
    ACK = auto()
    CANCEL = auto()
    """Our user does not want its INVITE any more."""
    RETRANSMIT = auto()
    """Timer A, E or G fired."""
    GIVE_UP = auto()
    """Timer B, F, H or C fired, or the deadline that the client's user set."""
    LINGER_OVER = auto()
    """Timer D, I, J, K, L or M fired."""
    SEND_FAILED = auto()
    """The transport refused the message (section 17.1.4), or the connection was lost before the answer."""


class Effect(StrEnum):
    """What the agent does, in the order of the tuple."""

    SEND = auto()
    """Send our latest message: a client's request, a server's response."""
    SEND_ACK = auto()
    SEND_CANCEL = auto()
    """Send the CANCEL, and wait 64 * T1 more for the final answer (section 9.1)."""
    DISOWN = auto()
    """Report nothing more; a call that is accepted all the same is hung up."""
    REPORT = auto()
    """Hand the event to the user: the message, the timeout, the failure to send."""
    STOP_A_AND_B = auto()
    SLOW_E = auto()
    """Timer E runs at T2 from its next firing on."""
    START_G_AND_H = auto()
    START_D = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()


_ZERO_WHEN_RELIABLE = frozenset({Effect.START_D, Effect.START_I, Effect.START_J, Effect.START_K})

Step = tuple[tuple[Effect, ...], State]
Table = Mapping[tuple[State, Input], Step]

_END: Step = ((), State.TERMINATED)
_FAILED: Step = ((Effect.REPORT,), State.TERMINATED)
_SUCCEEDED: Step = ((Effect.REPORT, Effect.START_M), State.ACCEPTED)
_REJECTED: Step = ((Effect.SEND_ACK, Effect.REPORT, Effect.START_D), State.COMPLETED)
_ANSWERED: Step = ((Effect.REPORT, Effect.START_K), State.COMPLETED)
_REPLIED: Step = ((Effect.SEND, Effect.START_J), State.COMPLETED)

INVITE_CLIENT: Table = {  # section 17.1.1, figure 5; Accepted from RFC 6026 section 7.2
    (State.CALLING, Input.RETRANSMIT): ((Effect.SEND,), State.CALLING),
    (State.CALLING, Input.GIVE_UP): _FAILED,
    (State.CALLING, Input.SEND_FAILED): _FAILED,
    (State.CALLING, Input.PROVISIONAL): ((Effect.STOP_A_AND_B, Effect.REPORT), State.PROCEEDING),
    (State.CALLING, Input.SUCCESS): _SUCCEEDED,
    (State.CALLING, Input.FAILURE): _REJECTED,
    (State.CALLING, Input.CANCEL): ((), State.CALLING_OFF),
    (State.CALLING_OFF, Input.RETRANSMIT): ((Effect.SEND,), State.CALLING_OFF),
    (State.CALLING_OFF, Input.GIVE_UP): _FAILED,
    (State.CALLING_OFF, Input.SEND_FAILED): _FAILED,
    (State.CALLING_OFF, Input.PROVISIONAL): (
        (Effect.STOP_A_AND_B, Effect.REPORT, Effect.SEND_CANCEL),
        State.CALLED_OFF,
    ),
    (State.CALLING_OFF, Input.SUCCESS): _SUCCEEDED,
    (State.CALLING_OFF, Input.FAILURE): _REJECTED,
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.REPORT,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _SUCCEEDED,
    (State.PROCEEDING, Input.FAILURE): _REJECTED,
    (State.PROCEEDING, Input.CANCEL): ((Effect.SEND_CANCEL,), State.CALLED_OFF),
    # Timer B is off here: only a deadline of the user's own can fire, and then no phone shall ring on.
    (State.PROCEEDING, Input.GIVE_UP): ((Effect.REPORT, Effect.DISOWN, Effect.SEND_CANCEL), State.CALLED_OFF),
    # Nothing is sent here, but the connection that the answer was to come on can be lost.
    (State.PROCEEDING, Input.SEND_FAILED): _FAILED,
    (State.CALLED_OFF, Input.PROVISIONAL): ((Effect.REPORT,), State.CALLED_OFF),
    (State.CALLED_OFF, Input.SUCCESS): _SUCCEEDED,
    (State.CALLED_OFF, Input.FAILURE): _REJECTED,
    (State.CALLED_OFF, Input.GIVE_UP): _FAILED,
    (State.CALLED_OFF, Input.SEND_FAILED): _FAILED,
    (State.COMPLETED, Input.FAILURE): ((Effect.SEND_ACK,), State.COMPLETED),
    (State.COMPLETED, Input.SEND_FAILED): _FAILED,
    (State.COMPLETED, Input.LINGER_OVER): _END,
    (State.ACCEPTED, Input.SUCCESS): ((Effect.REPORT,), State.ACCEPTED),
    (State.ACCEPTED, Input.LINGER_OVER): _END,
}

CLIENT: Table = {  # section 17.1.2, figure 6
    (State.TRYING, Input.RETRANSMIT): ((Effect.SEND,), State.TRYING),
    (State.TRYING, Input.GIVE_UP): _FAILED,
    (State.TRYING, Input.SEND_FAILED): _FAILED,
    (State.TRYING, Input.PROVISIONAL): ((Effect.SLOW_E, Effect.REPORT), State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): _ANSWERED,
    (State.TRYING, Input.FAILURE): _ANSWERED,
    (State.PROCEEDING, Input.RETRANSMIT): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.GIVE_UP): _FAILED,
    (State.PROCEEDING, Input.SEND_FAILED): _FAILED,
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.REPORT,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _ANSWERED,
    (State.PROCEEDING, Input.FAILURE): _ANSWERED,
    (State.COMPLETED, Input.LINGER_OVER): _END,
}

INVITE_SERVER: Table = {  # section 17.2.1, figure 7; Accepted from RFC 6026 section 7.1
    (State.PROCEEDING, Input.REQUEST): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): ((Effect.SEND, Effect.START_L), State.ACCEPTED),
    (State.PROCEEDING, Input.FAILURE): ((Effect.SEND, Effect.START_G_AND_H), State.COMPLETED),
    (State.PROCEEDING, Input.GIVE_UP): _END,
    (State.COMPLETED, Input.REQUEST): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.RETRANSMIT): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.ACK): ((Effect.START_I,), State.CONFIRMED),
    (State.COMPLETED, Input.GIVE_UP): _END,
    (State.CONFIRMED, Input.LINGER_OVER): _END,
    (State.ACCEPTED, Input.SUCCESS): ((Effect.SEND,), State.ACCEPTED),
    (State.ACCEPTED, Input.ACK): ((Effect.REPORT,), State.ACCEPTED),
    (State.ACCEPTED, Input.LINGER_OVER): _END,
}

SERVER: Table = {  # section 17.2.2, figure 8
    (State.TRYING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): _REPLIED,
    (State.TRYING, Input.FAILURE): _REPLIED,
    # Not in the RFC: once the client's Timer F is past, nobody waits for an answer any more.
    (State.TRYING, Input.GIVE_UP): _END,
    (State.PROCEEDING, Input.REQUEST): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _REPLIED,
    (State.PROCEEDING, Input.FAILURE): _REPLIED,
    (State.PROCEEDING, Input.GIVE_UP): _END,
    (State.COMPLETED, Input.REQUEST): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.LINGER_OVER): _END,
}


def status_input(status: int) -> Input:
    """The input that a response of this status is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


NEVER = float("inf")


class Transaction:
    """One running machine: its state, its latest message and when its timers fire (monotonic seconds)."""

    __slots__ = (
        "armed_at", "data", "deadline", "destination", "ends_at", "ends_with", "interval", "key",
        "request", "retransmits_at", "state", "table", "transport",
    )  # fmt: skip

    def __init__(
        self,
        *,
        key: str,
        table: Table,
        state: State,
        destination: tuple[str, int],
        transport: Transport = Transport.UDP,
    ) -> None:
        self.key = key
        self.table = table
        self.state = state
        self.destination = destination
        self.transport = transport
        self.request: Request | None = None
        self.data = b""
        self.interval = 0.0
        self.retransmits_at = NEVER
        self.ends_at = NEVER
        self.ends_with = Input.GIVE_UP
        self.deadline = NEVER
        self.armed_at = NEVER

    @classmethod
    def of_server(
        cls,
        *,
        key: str,
        request: Request,
        destination: tuple[str, int],
        now: float,
        timers: Timers,
        transport: Transport = Transport.UDP,
    ) -> Self:
        """The transaction of a received request; it ends unanswered with the client's Timer F, or with C."""
        invite = request.method == "INVITE"
        table, state = (INVITE_SERVER, State.PROCEEDING) if invite else (SERVER, State.TRYING)
        transaction = cls(key=key, table=table, state=state, destination=destination, transport=transport)
        transaction.request = request if invite else None  # a CANCEL asks for it
        transaction.ends_at = now + (timers.c if invite else timers.give_up)
        return transaction

    def step(self, given: Input) -> tuple[Effect, ...]:
        """Move to the next state and return the effects; what the table does not list is absorbed."""
        effects, self.state = self.table.get((self.state, given), ((), self.state))
        return effects

    def set_timers(self, effect: Effect, now: float, timers: Timers) -> None:
        """Do what an effect that starts or stops timers says."""
        if effect is Effect.SLOW_E:
            self.interval = timers.t2
        elif effect is Effect.STOP_A_AND_B:
            self.retransmits_at, self.ends_at = NEVER, self.deadline
        elif effect is Effect.START_G_AND_H:
            self.start_retransmission(now, timers)
            self.ends_at = now + timers.give_up
        elif effect is Effect.SEND_CANCEL:
            self.ends_at = now + timers.give_up
        else:
            self.retransmits_at, self.ends_at = NEVER, now + timers.linger(effect, self.transport)
            self.ends_with = Input.LINGER_OVER

    def start_retransmission(self, now: float, timers: Timers) -> None:
        """Start timer A, E or G; a reliable transport needs none."""
        self.interval = timers.t1
        self.retransmits_at = NEVER if self.transport.is_reliable else now + timers.t1

    def back_off(self, now: float, timers: Timers) -> None:
        """Set the next retransmission: Timer A doubles without bound, E and G stop at T2."""
        self.interval *= 2
        if self.table is not INVITE_CLIENT:
            self.interval = min(self.interval, timers.t2)
        self.retransmits_at = now + self.interval

    def next_timer(self) -> float:
        """When the earliest timer fires."""
        return min(self.retransmits_at, self.ends_at)

    def timer_input(self, now: float) -> Input | None:
        """What has fired by ``now``: the end of a state goes before a retransmission."""
        if self.ends_at <= now:
            return self.ends_with
        return Input.RETRANSMIT if self.retransmits_at <= now else None


class ClientTransaction(Transaction):
    """The transaction of a request of ours."""

    __slots__ = ("falls_back", "is_disowned", "started_at")

    request: Request

    def __init__(
        self,
        *,
        key: str,
        request: Request,
        destination: tuple[str, int],
        now: float,
        timers: Timers,
        transport: Transport = Transport.UDP,
        timeout_seconds: float | None = None,
    ) -> None:
        invite = request.method == "INVITE"
        table, state = (INVITE_CLIENT, State.CALLING) if invite else (CLIENT, State.TRYING)
        super().__init__(key=key, table=table, state=state, destination=destination, transport=transport)
        self.request = request
        self.data = bytes(request)
        self.started_at = now
        self.falls_back = False
        self.is_disowned = False
        self.start_retransmission(now, timers)
        if timeout_seconds is not None:
            self.deadline = now + timeout_seconds
        self.ends_at = min(now + timers.give_up, self.deadline)

    def move(self, request: Request, transport: Transport, now: float, timers: Timers) -> None:
        """Go on as ``request`` over another transport; what the user waits for at most stays the same."""
        self.request = request
        self.data = bytes(request)
        self.transport = transport
        self.start_retransmission(now, timers)

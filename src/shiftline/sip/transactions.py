"""Running transactions: their state, their latest message and when their timers fire.

What they do stands in `transaction_tables`; messages and sockets are the agent's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from shiftline.sip.message import Request
from shiftline.sip.transaction_tables import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Effect,
    Input,
    State,
    Table,
    status_input,
)
from shiftline.sip.transport import Transport

__all__ = [
    "CLIENT", "INVITE_CLIENT", "INVITE_SERVER", "NEVER", "SERVER", "ClientTransaction", "Effect", "Input",
    "State", "Table", "Timers", "Transaction", "status_input",
]  # fmt: skip

NEVER = float("inf")
_ZERO_WHEN_RELIABLE = frozenset({Effect.START_D, Effect.START_I, Effect.START_J, Effect.START_K})


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

    __slots__ = ("copied_at", "falls_back", "is_disowned", "started_at")

    request: Request
    copied_at: float | None
    """When it left again first; None: it left once."""

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
        self.copied_at = None
        self.falls_back = False
        self.is_disowned = False
        self.start_retransmission(now, timers)
        if timeout_seconds is not None:
            self.deadline = now + timeout_seconds
        self.ends_at = min(now + timers.give_up, self.deadline)

    def wants_repeating(self) -> bool:
        """Whether a repetition would still be sent."""
        return (self.state, Input.RETRANSMIT) in self.table and self.retransmits_at < NEVER

    def put_off(self, now: float) -> None:
        """It is sent again only now: the next time is no sooner after this one for that."""
        self.retransmits_at = max(self.retransmits_at, now + self.interval)

    def wait_for(self, t1: float, now: float) -> bool:
        """Put a repetition off until the request is ``t1`` seconds old; return whether it was younger.

        Then ``t1`` stands in for T1 (RFC 3261 section 17.1.2.1): the intervals after it double from there.
        """
        late_at = self.started_at + t1
        if late_at <= now:
            return False
        self.retransmits_at, self.interval = late_at, max(self.interval, t1)
        return True

    def move(self, request: Request, transport: Transport, now: float, timers: Timers) -> None:
        """Go on as ``request`` over another transport; what the user waits for at most stays the same."""
        self.request = request
        self.data = bytes(request)
        self.transport = transport
        self.start_retransmission(now, timers)

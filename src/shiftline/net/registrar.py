"""Many registrations kept alive on one endpoint: one timer and one queue, and a task only for what is sent.

Whether a REGISTER may leave is the gate's business, so that a trunk's budget holds for registrations as it
does for checks.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Protocol

from shiftline.errors import UnavailableError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.failover import Route, has_failed, send_to
from shiftline.sip.message import Request, Response
from shiftline.sip.register_answer import Verdict
from shiftline.sip.registration import Registration, RegistrationEvent, Unregistered
from shiftline.sip.registration_table import RegistrationState
from shiftline.sip.targets import Target

MOST_UNDER_WAY = 256
"""REGISTERs that may wait for their answers at once: a start of thousands is no burst."""

OnEvent = Callable[[Registration, RegistrationEvent], None]


class Gate(Protocol):
    """Says when a REGISTER may leave, and hears what became of it."""

    def admit(self, leave: Callable[[], None], *, urgent: bool) -> None:
        """Call ``leave`` once, now or later; what is ``urgent`` goes before the rest."""

    def sent(self, *, credentials: bool) -> int:
        """Note that one leaves; return a ticket for `answered`."""

    def blames_rate(self, response: Response | None) -> bool:
        """Whether a refusal came of the trunk's rate, and is no decision about the registration."""

    def answered(self, ticket: int, response: Response | None, verdict: Verdict) -> None:
        """Note what became of one."""


class OpenGate:
    """Lets everything leave at once."""

    def admit(self, leave: Callable[[], None], *, urgent: bool) -> None:
        """Now."""
        del urgent
        leave()

    def sent(self, *, credentials: bool) -> int:
        """There is no budget."""
        del credentials
        return 0

    def blames_rate(self, response: Response | None) -> bool:
        """A refusal is the registrar's decision."""
        del response
        return False

    def answered(self, ticket: int, response: Response | None, verdict: Verdict) -> None:
        """Nobody asks."""


@dataclass(slots=True, eq=False)
class _Kept:
    registration: Registration
    route: Route
    armed: float | None = None
    """The due time of the one entry of the queue that counts."""
    at_gate: bool = False


class Registrar:
    """Keeps what is added alive until it is released; see the module's text."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        *,
        gate: Gate | None = None,
        on_event: OnEvent | None = None,
        answer_timeout_seconds: float = 32.0,
    ) -> None:
        """``on_event`` is called for each event of each registration, from the running loop."""
        self.sent = 0
        self._endpoint = endpoint
        self._gate: Gate = gate or OpenGate()
        self._on_event = on_event
        self._answer_timeout_seconds = answer_timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._kept: dict[Registration, _Kept] = {}
        self._queue: list[tuple[float, int, _Kept]] = []
        self._order = count()
        self._ready: deque[_Kept] = deque()
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._leaving: set[Registration] = set()
        self._all_left = asyncio.Event()

    def add(self, registration: Registration, targets: Sequence[Target], *, at: float | None = None) -> None:
        """Keep it alive from ``at`` on (the loop's time; None: now), at the first target that works."""
        self._kept[registration] = _Kept(registration, Route(targets))
        self.start(registration, at=at)

    def start(self, registration: Registration, *, at: float | None = None) -> None:
        """Register what was added anew: after a refusal, or because the trunk has a new owner."""
        registration.start(self._loop.time() if at is None else at)
        self._arm(self._kept[registration])
        self._set_alarm()

    def states(self) -> Counter[RegistrationState]:
        """How many registrations stand where."""
        return Counter(registration.state for registration in self._kept)

    async def release(self, timeout_seconds: float) -> bool:
        """Remove all bindings; return whether every registration was over in that time."""
        now = self._loop.time()
        self._leaving = set(self._kept)
        for registration, kept in self._kept.items():
            registration.stop(now)
            self._tell(registration)
            self._arm(kept)
        self._set_alarm()
        if self._leaving:
            self._all_left.clear()
            try:
                await asyncio.wait_for(self._all_left.wait(), timeout_seconds)
            except TimeoutError:
                return False
        return True

    async def aclose(self) -> None:
        """Stop at once; bindings run out by themselves."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._kept.clear()
        self._queue.clear()
        self._ready.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _arm(self, kept: _Kept) -> None:
        due = kept.registration.next_due()
        if due is not None and due != kept.armed and not kept.at_gate:
            kept.armed = due
            heapq.heappush(self._queue, (due, next(self._order), kept))

    def _set_alarm(self) -> None:
        due = self._queue[0][0] if self._queue else None
        if due is None or (self._alarm is not None and self._alarm.when() <= due):
            return  # an alarm that rings too early only sets the next one
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        now = self._loop.time()
        while self._queue and self._queue[0][0] <= now:
            due, _, kept = heapq.heappop(self._queue)
            if due != kept.armed:
                continue  # it was put off or brought forward meanwhile
            kept.armed = None
            kept.at_gate = True
            (self._ready.appendleft if kept.registration.is_urgent(now) else self._ready.append)(kept)
        self._pump()
        self._set_alarm()

    def _pump(self) -> None:
        now = self._loop.time()
        while self._ready and self._under_way < MOST_UNDER_WAY:
            kept = self._ready.popleft()
            self._under_way += 1
            self._gate.admit(partial(self._leave, kept), urgent=kept.registration.is_urgent(now))

    def _leave(self, kept: _Kept) -> None:
        kept.at_gate = False
        registration = kept.registration
        if registration.next_due() is None or registration not in self._kept:
            self._under_way -= 1  # it was stopped while it waited, and has nothing to say
            self._loop.call_soon(self._pump)
            return
        request = registration.request(self._loop.time())
        credentials = request.headers.missing(_CREDENTIALS) != _CREDENTIALS
        ticket = self._gate.sent(credentials=credentials)
        self.sent += 1
        task = self._loop.create_task(self._follow(kept, request, ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, kept: _Kept, request: Request, ticket: int) -> None:
        """See one REGISTER to its answer."""
        target = kept.route.best(self._loop.time())
        try:
            exchange = await send_to(self._endpoint, request, target, self._answer_timeout_seconds)
        except UnavailableError:
            return  # the endpoint was closed: there is nothing left to keep alive
        finally:
            self._under_way -= 1
        now, registration, response = self._loop.time(), kept.registration, exchange.response
        if has_failed(exchange):
            kept.route.failed(target, now)
        throttled = self._gate.blames_rate(response)
        verdict = registration.answered(exchange.request, response, now, throttled=throttled)
        self._tell(registration)
        self._arm(kept)
        self._gate.answered(ticket, response, verdict)
        self._pump()
        self._set_alarm()

    def _tell(self, registration: Registration) -> None:
        while (event := registration.next_event()) is not None:
            if self._on_event is not None:
                self._on_event(registration, event)
            if isinstance(event, Unregistered):
                self._leaving.discard(registration)
        if not self._leaving:
            self._all_left.set()


_CREDENTIALS = frozenset({"Authorization", "Proxy-Authorization"})

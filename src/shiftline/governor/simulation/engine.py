"""Controllers at trunks in virtual time: what each would send, and what it would get.

A request that has no answer is sent again as a trunk does (RFC 3261 section 17.1.2.2, timer E, by the rules
of `shiftline.governor.copies`) until its sender gives it up, falls quiet or gets an answer. A copy arrives at
the limiter as any request does; whichever answer is there first counts.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

from shiftline.governor.controller import Answer, Controller, Permission, Send
from shiftline.governor.copies import TIMERS, Turns
from shiftline.governor.limiters.model import Arrival, Fate, Limiter
from shiftline.governor.simulation.journey import Journey, Reply, SentRequest, World

SOON = 1e-6  # seconds; whoever asks to be asked again at once is asked a little later, so that time goes on
ANSWER_TIMEOUT = 4.0  # seconds; what a worker waits for an answer by default


@dataclass(slots=True)
class Sender:
    """A controller with work to do at one trunk; what has not passed waits again."""

    controller: Controller
    world: World
    checks: float = inf
    """How many wait now."""
    arrivals: Sequence[float] = ()
    """When more come (seconds, in order)."""
    starts_at: float = 0.0
    has_nonce: bool = False
    journey: Journey = field(default_factory=Journey)
    stopped_at: float | None = None
    """When its controller gave up for good; None: it has not."""
    asleep_until: float = -inf
    """Its controller wants to be asked again then, or when something else than a pass comes back."""
    due: deque[Flight] = field(default_factory=deque, init=False, repr=False)
    """What is to be sent again, as soon as there is room."""
    canary: Flight | None = field(default=None, init=False, repr=False)
    """The newest one."""
    turns: Turns = field(default_factory=Turns, init=False, repr=False)
    _arrived: int = 0

    def let_arrive(self, now: float) -> float:
        """Count what has arrived by ``now``; return when more does (never: infinity)."""
        while self._arrived < len(self.arrivals) and self.arrivals[self._arrived] <= now:
            self._arrived += 1
            self.checks += 1
        return self.arrivals[self._arrived] if self._arrived < len(self.arrivals) else inf

    def note_stop(self, now: float) -> None:
        """Remember when its controller stopped, if it just has."""
        if self.stopped_at is None and self.controller.has_stopped:
            self.stopped_at = now

    def copy_at(self, now: float) -> float | None:
        """When something may be sent again; None: nothing is to be, or nobody knows."""
        while self.due and self.due[0].is_over:
            self.due.popleft()
        return self.controller.repeat_at(now) if self.due else None


@dataclass(slots=True, eq=False)
class Flight:
    """One request of a sender's on the road."""

    sender: Sender
    ticket: int
    request: SentRequest
    interval: float = TIMERS.t1
    """Until it is sent again (timer E, seconds)."""
    due_at: float = inf
    answer_at: float = inf
    """When the sender hears of it first, as it looks now."""
    is_over: bool = False

    def take(self, reply: Reply, now: float) -> None:
        """What a datagram that left now comes to; whichever answer is there first counts."""
        if not reply.is_lost:
            moment = now + reply.seconds
        elif self.request.kind is Send.CANARY:
            moment = self.request.at + self.sender.controller.canary_lasts
        else:
            moment = self.request.at + ANSWER_TIMEOUT
        if moment < self.answer_at:
            self.request.reply, self.answer_at = reply, moment


def on_time() -> float:
    """The lateness (seconds) of a machine with nothing else to do."""
    return 0.0


def travel_together(
    senders: Sequence[Sender], *, until: float, most: float = inf, late: Callable[[], float] = on_time
) -> None:
    """Let all senders work from time 0 on, each into its journey.

    ``late`` draws how late (seconds) the loop of them all gets each of its turns: a busy machine sends and
    hears in its turns only, whenever an answer came.

    Ends when no check is left and no answer is on its way, when nothing more may ever leave, at
    ``until`` (seconds), or when ``most`` requests have left.
    """
    _Road(senders, until, most, late).travel()


def travel(controller: Controller, world: World, *, checks: float, until: float) -> Journey:
    """Send what the controller permits from time 0 on, with credentials once challenged; see above."""
    sender = Sender(controller, world, checks)
    travel_together([sender], until=until)
    return sender.journey


class _Road:
    def __init__(
        self, senders: Sequence[Sender], until: float, most: float, late: Callable[[], float]
    ) -> None:
        self._senders = senders
        self._until = until
        self._left = most
        self._late = late
        self._order = count()
        self._events: list[tuple[float, int, Flight]] = []

    def travel(self) -> None:
        now = 0.0
        while now < self._until and self._left > 0:
            while self._events and self._events[0][0] <= now:
                _, _, flight = heapq.heappop(self._events)
                self._happen(now, flight)
            next_at = inf
            for sender in self._senders:
                next_at = min(next_at, self._serve(sender, now))
            if self._events:
                next_at = min(next_at, self._events[0][0])
            if next_at == inf:
                return
            now = max(now, next_at) + self._late()

    def _serve(self, sender: Sender, now: float) -> float:
        """Let requests leave while they may; return when to come back, if no answer comes before (inf)."""
        more_at = sender.let_arrive(now) if sender.arrivals else inf
        while self._left > 0:
            permission = _permission(sender, now, more_at)
            is_new = permission.send is not Send.NOTHING
            copy_at = sender.copy_at(now)
            if sender.turns.is_copys(copy_at, now, other_may=is_new):
                self._send_again(sender.due.popleft(), now)
            elif permission.send is Send.CANARY_AGAIN and sender.canary is not None:
                self._send_again(sender.canary, now)
            elif is_new:
                self._leave(sender, permission, now)
            else:
                moments = (permission.again_at, copy_at)
                return min((moment for moment in moments if moment is not None), default=inf)
        return more_at

    def _leave(self, sender: Sender, permission: Permission, now: float) -> None:
        self._left -= 1
        is_check = permission.send is Send.CHECK
        credentials = sender.has_nonce and is_check
        sender.checks -= is_check
        ticket = sender.controller.sent(now, permission.send, credentials=credentials)
        request = SentRequest(now, permission.send, credentials, sender.world(now, credentials))
        sender.journey.requests.append(request)
        flight = Flight(sender, ticket, request)
        if is_check:  # a canary is only sent again when the controller says so
            flight.due_at = now + flight.interval
        else:
            sender.canary = flight
        self._follow(flight, request.reply, now)

    def _send_again(self, flight: Flight, now: float) -> None:
        """Send a copy; its next turn counts from now."""
        self._left -= 1
        flight.sender.controller.repeated(now)
        flight.request.repeats += 1
        if flight.request.copied_at is None:
            flight.request.copied_at = now
        flight.due_at = max(flight.due_at, now + flight.interval)
        self._follow(flight, flight.sender.world(now, flight.request.credentials), now)

    def _follow(self, flight: Flight, reply: Reply, now: float) -> None:
        """Await the first answer, and the moment at which it is late."""
        flight.take(reply, now)
        self._await(flight)

    def _await(self, flight: Flight) -> None:
        moment = min(flight.due_at, flight.answer_at)
        heapq.heappush(self._events, (moment, next(self._order), flight))

    def _happen(self, moment: float, flight: Flight) -> None:
        if flight.is_over:
            return
        if moment >= flight.answer_at:
            self._answer(flight, moment)
        elif moment >= flight.due_at:
            self._fall_due(flight, moment)
            self._await(flight)

    def _fall_due(self, flight: Flight, moment: float) -> None:
        """Let it wait to be sent again, if it is as late as that and its sender is not quiet."""
        controller, due = flight.sender.controller, flight.sender.due
        late_at = flight.request.at + controller.t1
        if late_at > moment:
            flight.due_at, flight.interval = late_at, max(flight.interval, controller.t1)
            return
        flight.interval = min(2 * flight.interval, TIMERS.t2)
        flight.due_at = moment + flight.interval
        if not controller.is_quiet and flight not in due:
            due.append(flight)

    def _answer(self, flight: Flight, moment: float) -> None:
        sender, request, reply = flight.sender, flight.request, flight.request.reply
        flight.is_over = True
        request.answered_at = moment
        sender.controller.answered(
            flight.ticket,
            moment,
            reply.answer,
            reply.retry_after,
            status=reply.status,
            feedback=reply.feedback,
            copied_at=request.copied_at,
        )
        sender.note_stop(moment)
        if reply.answer is not Answer.PASSED:
            sender.asleep_until = -inf
        sender.has_nonce |= reply.answer is Answer.CHALLENGED
        sender.checks += request.kind is Send.CHECK and reply.answer is not Answer.PASSED
        sender.journey.ended_at = moment


def _permission(sender: Sender, now: float, more_at: float) -> Permission:
    """What of all that is new may leave now."""
    if sender.checks <= 0:
        return Permission(Send.NOTHING, more_at)
    if now < sender.starts_at:
        return Permission(Send.NOTHING, sender.starts_at)
    if now < sender.asleep_until:
        return Permission(Send.NOTHING, sender.asleep_until)
    permission = sender.controller.permission(now)
    sender.note_stop(now)
    if permission.send is Send.NOTHING and permission.again_at is not None:
        sender.asleep_until = max(permission.again_at, now + SOON)
        return Permission(Send.NOTHING, sender.asleep_until)
    return permission


def behind(
    limiter: Limiter,
    handled: Callable[[], float],
    *,
    refused_seconds: float = 0.002,
    source: str = "shiftline",
    account: str = "trunk",
) -> World:
    """A healthy trunk behind a limiter. ``handled`` draws answer times in seconds."""

    def world(now: float, credentials: bool) -> Reply:  # noqa: FBT001 - the shape of a `World`
        service = handled()
        verdict = limiter.judge(
            Arrival(
                at=now,
                source=source,
                account=account if credentials else None,
                service_seconds=service,
            )
        )
        match verdict.fate:
            case Fate.PASS:
                answer = Answer.PASSED if credentials else Answer.CHALLENGED
                return Reply(answer, verdict.wait_seconds + service, feedback=verdict.feedback)
            case Fate.REFUSE:
                return Reply(
                    Answer.REFUSED, refused_seconds, verdict.retry_after, verdict.status, verdict.feedback
                )
            case Fate.DROP:
                return Reply(Answer.SILENT, ANSWER_TIMEOUT, is_lost=True)

    return world

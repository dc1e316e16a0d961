"""Controllers at trunks in virtual time: what each would send, and what it would get.

A request that a limiter drops is sent again as SIP over UDP does (RFC 3261 section 17.1.2.2, timer E)
until its sender gives it up, falls quiet or gets an answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

from shiftline.governor.controller import Answer, Controller, Permission, Send
from shiftline.governor.limiters.model import Arrival, Fate, Feedback, Limiter

REPEATS = (0.5, 1.5, 3.5)  # seconds after the first: T1, then doubled
SOON = 1e-6  # seconds; whoever asks to be asked again at once is asked a little later, so that time goes on
ANSWER_TIMEOUT = 4.0  # seconds; what a worker waits for an answer by default


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request, and how many seconds later the sender knows."""

    answer: Answer
    seconds: float = 0.04
    retry_after: float | None = None
    status: int | None = None
    feedback: Feedback | None = None
    is_lost: bool = False
    """It was dropped: sent again, it may fare better."""


World = Callable[[float, bool], Reply]
"""What a trunk does with a request that left at that time (seconds), with credentials or without."""


@dataclass(slots=True)
class SentRequest:
    """One request of a journey."""

    at: float
    kind: Send
    credentials: bool
    reply: Reply
    repeats: int = 0
    answered_at: float | None = None
    """None: not yet."""

    @property
    def has_passed(self) -> bool:
        """It is a check, and was handled or will be."""
        return self.kind is Send.CHECK and self.reply.answer is Answer.PASSED


@dataclass(slots=True)
class Journey:
    """All that was sent, and when the last answer came."""

    requests: list[SentRequest] = field(default_factory=list)
    ended_at: float = 0.0

    def between(self, start: float, end: float) -> list[SentRequest]:
        """What left from ``start`` on and before ``end``."""
        return [request for request in self.requests if start <= request.at < end]

    def passed(self) -> list[float]:
        """When each check left that passed."""
        return [request.at for request in self.requests if request.has_passed]

    def passed_between(self, start: float, end: float) -> int:
        """How many checks that passed left from ``start`` on and before ``end``."""
        return sum(start <= at < end for at in self.passed())

    def answered(self, answer: Answer) -> list[SentRequest]:
        """What was answered like that."""
        return [request for request in self.requests if request.reply.answer is answer]


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
    asleep_until: float = -inf
    """Its controller wants to be asked again then, or when something else than a pass comes back."""
    _arrived: int = 0

    def let_arrive(self, now: float) -> float:
        """Count what has arrived by ``now``; return when more does (never: infinity)."""
        while self._arrived < len(self.arrivals) and self.arrivals[self._arrived] <= now:
            self._arrived += 1
            self.checks += 1
        return self.arrivals[self._arrived] if self._arrived < len(self.arrivals) else inf


def travel_together(senders: Sequence[Sender], *, until: float, most: float = inf) -> None:
    """Let all senders work from time 0 on, each into its journey.

    Ends when no check is left and no answer is on its way, when nothing more may ever leave, at
    ``until`` (seconds), or when ``most`` requests have left.
    """
    _Road(senders, until, most).travel()


def travel(controller: Controller, world: World, *, checks: float, until: float) -> Journey:
    """Send what the controller permits from time 0 on, with credentials once challenged; see above."""
    sender = Sender(controller, world, checks)
    travel_together([sender], until=until)
    return sender.journey


@dataclass(slots=True)
class _Flight:
    sender: Sender
    ticket: int
    request: SentRequest
    reply: Reply | None = None
    """None: lost so far, and perhaps sent again now."""


class _Road:
    def __init__(self, senders: Sequence[Sender], until: float, most: float) -> None:
        self._senders = senders
        self._until = until
        self._left = most
        self._order = count()
        self._events: list[tuple[float, int, _Flight]] = []

    def travel(self) -> None:
        now = 0.0
        while now < self._until and self._left > 0:
            while self._events and self._events[0][0] <= now:
                moment, _, flight = heapq.heappop(self._events)
                self._happen(moment, flight)
            next_at = inf
            for sender in self._senders:
                next_at = min(next_at, self._serve(sender, now))
            if self._events:
                next_at = min(next_at, self._events[0][0])
            if next_at == inf:
                return
            now = max(now, next_at)

    def _serve(self, sender: Sender, now: float) -> float:
        """Let requests leave while they may; return when to come back, if no answer comes before (inf)."""
        more_at = sender.let_arrive(now) if sender.arrivals else inf
        while sender.checks > 0 and self._left > 0:
            if now < sender.starts_at:
                return sender.starts_at
            if now < sender.asleep_until:
                return sender.asleep_until
            permission = sender.controller.permission(now)
            if permission.send is Send.NOTHING:
                if permission.again_at is None:
                    return inf
                sender.asleep_until = max(permission.again_at, now + SOON)
                return sender.asleep_until
            self._leave(sender, permission, now)
        return more_at

    def _leave(self, sender: Sender, permission: Permission, now: float) -> None:
        self._left -= 1
        is_check = permission.send is Send.CHECK
        credentials = sender.has_nonce and is_check
        sender.checks -= is_check
        ticket = sender.controller.sent(now, permission.send, credentials=credentials)
        request = SentRequest(now, permission.send, credentials, sender.world(now, credentials))
        sender.journey.requests.append(request)
        self._follow(_Flight(sender, ticket, request), now)

    def _follow(self, flight: _Flight, now: float) -> None:
        """Await the answer, or the moment at which what was dropped is sent again."""
        request, reply = flight.request, flight.request.reply
        moment = now + reply.seconds
        flight.reply = reply
        if reply.is_lost and request.kind is Send.CANARY:
            moment = request.at + flight.sender.controller.canary_patience
        elif reply.is_lost:
            gives_up_at = request.at + ANSWER_TIMEOUT
            again_at = request.at + REPEATS[request.repeats] if request.repeats < len(REPEATS) else inf
            if again_at < gives_up_at:
                flight.reply, moment = None, again_at
            else:
                moment = gives_up_at
        heapq.heappush(self._events, (moment, next(self._order), flight))

    def _happen(self, moment: float, flight: _Flight) -> None:
        sender, request, reply = flight.sender, flight.request, flight.reply
        if reply is None:
            request.repeats += 1
            if not sender.controller.is_quiet:
                self._left -= 1
                request.reply = sender.world(moment, request.credentials)
            self._follow(flight, moment)
            return
        request.answered_at = moment
        sender.controller.answered(
            flight.ticket,
            moment,
            reply.answer,
            reply.retry_after,
            status=reply.status,
            feedback=reply.feedback,
        )
        if reply.answer is not Answer.PASSED:
            sender.asleep_until = -inf
        sender.has_nonce |= reply.answer is Answer.CHALLENGED
        sender.checks += request.kind is Send.CHECK and reply.answer is not Answer.PASSED
        sender.journey.ended_at = moment


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

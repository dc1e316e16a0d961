"""The governor against a trunk in virtual time: what it would do, without a socket or a wait."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from shiftline.governor.governor import Answer, Governor, Mode, Permission, Send
from shiftline.governor.limiters import Limiter


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request, and how many seconds later the sender knows."""

    answer: Answer
    seconds: float = 0.04
    retry_after: float | None = None


World = Callable[[float, bool], Reply]
"""What a trunk does with a request that left at that time (seconds), with credentials or without."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of a journey."""

    at: float
    kind: Send
    credentials: bool
    reply: Reply


@dataclass(slots=True)
class Journey:
    """All that was sent, and when the last answer came."""

    requests: list[SentRequest] = field(default_factory=list)
    ended_at: float = 0.0

    def between(self, start: float, end: float) -> list[SentRequest]:
        """What left from ``start`` on and before ``end``."""
        return [request for request in self.requests if start <= request.at < end]

    def answered(self, answer: Answer) -> list[SentRequest]:
        """What was answered like that."""
        return [request for request in self.requests if request.reply.answer is answer]


def travel(governor: Governor, world: World, *, checks: int, until: float) -> Journey:
    """Send what the governor permits from time 0 on, with credentials once challenged.

    What has not passed waits again. Ends when every check has passed, when nothing more may ever leave,
    or at ``until``.
    """
    journey, order = Journey(), count()
    in_flight: list[tuple[float, int, int, SentRequest]] = []
    now, waiting, has_nonce = 0.0, checks, False
    while now < until:
        while in_flight and in_flight[0][0] <= now:
            moment, _, ticket, request = heapq.heappop(in_flight)
            governor.answered(ticket, moment, request.reply.answer, request.reply.retry_after)
            has_nonce |= request.reply.answer is Answer.CHALLENGED
            waiting += request.kind is Send.CHECK and request.reply.answer is not Answer.PASSED
            journey.ended_at = moment
        permission = governor.permission(now) if waiting else Permission(Send.NOTHING)
        if permission.send is Send.NOTHING:
            moments = [flight[0] for flight in in_flight[:1]]
            if permission.again_at is not None:
                moments.append(permission.again_at)
            if not moments:
                break
            now = max(now, min(moments))
            continue
        credentials = has_nonce and permission.send is Send.CHECK
        waiting -= permission.send is Send.CHECK
        ticket = governor.sent(now, permission.send, credentials=credentials)
        request = SentRequest(now, permission.send, credentials, world(now, credentials))
        journey.requests.append(request)
        heapq.heappush(in_flight, (now + request.reply.seconds, next(order), ticket, request))
    return journey


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Answer times in seconds: of a handled request (drawn by the caller) and of a refusal."""

    handled: Callable[[], float]
    refused: float = 0.002


def throttled(
    limiter: Limiter, handled: Callable[[], float], refusal: Reply = Reply(Answer.REFUSED, 0.002)
) -> World:
    """A healthy trunk behind a limiter. ``handled`` draws answer times in seconds."""

    def world(now: float, credentials: bool) -> Reply:  # noqa: FBT001 - the shape of a `World`
        if not limiter.admits(now):
            return refusal
        return Reply(Answer.PASSED if credentials else Answer.CHALLENGED, handled())

    return world


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstReport:
    """What the burst came to. ``finished_at`` is the last answer, counted from the first request."""

    requests: int
    refused: int
    finished_at: float
    refusal_times: tuple[float, ...]
    stopped: bool


def simulate_burst(
    governor: Governor, limiter: Limiter, *, checks: int, delays: Delays, horizon_seconds: float = 600.0
) -> BurstReport:
    """Send ``checks`` requests (the first is challenged, as digest has it) and report how it went.

    Stops when all are answered, the governor stopped, or the horizon is reached.
    """
    world = throttled(limiter, delays.handled, Reply(Answer.REFUSED, delays.refused))
    journey = travel(governor, world, checks=checks, until=horizon_seconds)
    refusals = journey.answered(Answer.REFUSED)
    return BurstReport(
        requests=len(journey.requests),
        refused=len(refusals),
        finished_at=journey.ended_at,
        refusal_times=tuple(request.at for request in refusals),
        stopped=governor.mode is Mode.STOPPED,
    )

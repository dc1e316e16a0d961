"""A burst against a limiter in virtual time: what the governor would do, without a socket or a wait."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from shiftline.governor.governor import Answer, Governor, Mode, Send
from shiftline.governor.limiters import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Answer times in seconds: of a handled request (drawn by the caller) and of a refusal."""

    handled: Callable[[], float]
    refused: float = 0.002


@dataclass(slots=True, kw_only=True)
class BurstReport:
    """What the burst came to. ``finished_at`` is the last answer, counted from the first request."""

    requests: int = 0
    refused: int = 0
    finished_at: float = 0.0
    refusal_times: list[float] = field(default_factory=list)
    stopped: bool = False


def simulate_burst(
    governor: Governor, limiter: Limiter, *, checks: int, delays: Delays, horizon_seconds: float = 600.0
) -> BurstReport:
    """Send ``checks`` requests (the first is challenged, as digest has it) and report how it went.

    Time begins at 0. A refused check is sent again. Stops when all are answered, the governor stopped,
    or the horizon is reached.
    """
    report = BurstReport()
    waiting, has_nonce = checks, False
    answers: list[tuple[float, int, int, Answer]] = []
    order = count()
    now = 0.0
    while now < horizon_seconds:
        while answers and answers[0][0] <= now:
            moment, _, ticket, answer = heapq.heappop(answers)
            governor.answered(abs(ticket), moment, answer)
            report.finished_at = moment
            if answer is Answer.CHALLENGED:
                has_nonce = True
            waiting += answer is not Answer.PASSED and ticket > 0
        if governor.mode is Mode.STOPPED or (not waiting and not answers):
            break
        permission = governor.permission(now) if waiting else None
        if permission is None or permission.send is Send.NOTHING:
            moments = [answers[0][0]] if answers else []
            if permission is not None and permission.again_at is not None:
                moments.append(permission.again_at)
            if not moments:
                break
            now = max(min(moments), now)
            continue
        canary = permission.send is Send.CANARY
        credentials = has_nonce and not canary
        ticket = governor.sent(now, permission.send, credentials=credentials)
        waiting -= not canary
        report.requests += 1
        if limiter.admits(now):
            answer = Answer.PASSED if credentials else Answer.CHALLENGED
            delay = delays.handled()
        else:
            answer, delay = Answer.REFUSED, delays.refused
            report.refused += 1
            report.refusal_times.append(now)
        heapq.heappush(answers, (now + delay, next(order), -ticket if canary else ticket, answer))
    report.stopped = governor.mode is Mode.STOPPED
    return report

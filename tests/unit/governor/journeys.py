"""Journeys that several tests make: a governor at a trunk that a text names, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor, Mode
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import Journey, Reply, World, behind, travel

LEARNING = GovernorPolicy(learn=True, max_rate=0)
MANY = 10**9
CHALLENGED = Reply(Answer.CHALLENGED)
REFUSED = Reply(Answer.REFUSED, 0.002)


def trunk(limiter: str, *, seed: int = 1, answers: tuple[float, float] = (0.02, 0.06)) -> World:
    """A healthy trunk behind the limiter of that text; its answers take so many seconds."""
    random = Random(seed)
    built = parse_limiter(limiter).build(random.random(), random=random.random)
    return behind(built, lambda: random.uniform(*answers))


def drive(
    world: World,
    *,
    until: float,
    policy: GovernorPolicy = LEARNING,
    known: Mapping[str, Any] | None = None,
    checks: float = MANY,
) -> tuple[Governor, Journey]:
    """Send what a fresh governor permits; return both."""
    governor = Governor(policy, 0.0, known)
    return governor, travel(governor, world, checks=checks, until=until)


def changed_at(moment: float, before: World, after: World) -> World:
    """Another trunk from that second on."""
    return lambda now, credentials: (before if now < moment else after)(now, credentials)


def checks_refused(journey: Journey, start: float = 0.0, end: float = MANY) -> list[float]:
    """When each check left that was refused."""
    return [
        one.at
        for one in journey.between(start, end)
        if one.kind is Send.CHECK and one.reply.answer is Answer.REFUSED
    ]


def proven(policy: GovernorPolicy = LEARNING, now: float = 0.0) -> Governor:
    """One whose first check passed, 40 ms after ``now``."""
    governor = Governor(policy, now)
    answer(governor, now, now + 0.04, Answer.PASSED)
    return governor


def answer(governor: Governor, sent_at: float, at: float, became: Answer, **more: Any) -> None:
    """Let one check leave and be answered."""
    governor.answered(governor.sent(sent_at, Send.CHECK, credentials=True), at, became, **more)


def ask_until_check(governor: Governor, now: float, canary: Answer = Answer.CHALLENGED) -> float:
    """Wait and send canaries until a check may leave; return when. Fails if the governor has stopped."""
    for _ in range(1000):
        permission = governor.permission(now)
        if permission.send is Send.CHECK:
            return now
        assert governor.mode is not Mode.STOPPED
        if permission.send is Send.CANARY:
            governor.answered(governor.sent(now, Send.CANARY, credentials=False), now + 0.01, canary)
        now = max(now + 0.01, permission.again_at or 0.0)
    raise AssertionError("no check was permitted")


Stall = Callable[[World], World]


def stalls(*pauses: tuple[float, float]) -> Stall:
    """A PBX that stands still from a moment on for so many seconds: what comes then waits for its end."""

    def slowed(world: World) -> World:
        def standing(now: float, credentials: bool) -> Reply:
            reply = world(now, credentials)
            for start, seconds in pauses:
                if start <= now < start + seconds:
                    return Reply(reply.answer, start + seconds - now + reply.seconds, reply.retry_after)
            return reply

        return standing

    return slowed

"""Journeys that several tests make: a governor at a trunk that a text names, in virtual time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import behind, travel
from shiftline.governor.simulation.journey import Journey, Reply, World
from shiftline.governor.state import Mode

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


@dataclass
class Agents:
    """A trunk that refuses some agents for themselves, and a driver that asks whom the governor wants asked.

    As in `shiftline.net`: a third refusal of the same agent, with something passing in between, is his own.
    """

    healthy: World
    names: Collection[int]
    bound: Collection[int]
    governor: Governor = field(init=False)
    done_at: dict[int, float] = field(default_factory=dict, init=False)
    _queue: deque[int] = field(init=False)
    _refusals: Counter[int] = field(default_factory=Counter, init=False)
    _suspect: int | None = field(default=None, init=False)
    _has_witness: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._queue = deque(self.names)

    def drive(self, *, until: float, policy: GovernorPolicy = LEARNING) -> Journey:
        """Ask about all of them, and about the witness once there is nobody left."""
        self.governor = Governor(policy, 0.0)
        return travel(self.governor, self._ask, checks=MANY, until=until)

    def _ask(self, now: float, credentials: bool) -> Reply:
        reply = self.healthy(now, credentials)
        if not credentials or (self.governor.asks_for_account and self._has_witness):
            return reply
        agent = self._next()
        if agent is None:
            return reply
        if reply.answer is Answer.PASSED and agent not in self.bound:
            self._has_witness = True
            self.done_at[agent] = now + reply.seconds
            return reply
        self._refusals[agent] += reply.answer is Answer.PASSED  # else by the limiter
        if self._refusals[agent] >= 3:
            self.done_at[agent] = now
            return replace(
                REFUSED, answer=REFUSED.answer if self.governor.mode is Mode.PROVING else Answer.PASSED
            )
        self._queue.append(agent)
        self._suspect = agent
        return REFUSED if agent in self.bound else reply

    def _next(self) -> int | None:
        suspect, self._suspect = self._suspect, None
        if self.governor.is_doubting and suspect is not None and suspect in self._queue:
            self._queue.remove(suspect)
            return suspect
        return self._queue.popleft() if self._queue else None


Pauses = tuple[tuple[float, float], ...]
"""When each begins, and how many seconds it lasts."""


def standing_still(world: World, pauses: Pauses) -> World:
    """A PBX that pauses: what comes meanwhile is judged in time, and answered at the end."""

    def slowed(now: float, credentials: bool) -> Reply:
        reply = world(now, credentials)
        return replace(reply, seconds=reply.seconds + _end(now, pauses) - now)

    return slowed


def drive_asleep(
    world: World, pauses: Pauses, *, until: float, policy: GovernorPolicy = LEARNING
) -> tuple[Governor, Journey]:
    """The same as `drive` in a process that pauses: it neither sends nor reads meanwhile."""
    governor = Governor(policy, 0.0)
    return governor, travel(_Asleep(governor, pauses), world, checks=MANY, until=until)


class _Asleep:
    """A governor whose driver sleeps now and then."""

    def __init__(self, governor: Governor, pauses: Pauses) -> None:
        self._governor = governor
        self._pauses = pauses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._governor, name)

    def permission(self, now: float) -> Permission:
        awake = _end(now, self._pauses)
        return Permission(Send.NOTHING, awake) if awake > now else self._governor.permission(now)

    def answered(self, ticket: int, now: float, *args: Any, **more: Any) -> None:
        self._governor.answered(ticket, _end(now, self._pauses), *args, **more)


def _end(now: float, pauses: Pauses) -> float:
    """The end of the pause of that moment; without one, the moment itself."""
    ends = [start + seconds for start, seconds in pauses if start <= now < start + seconds]
    return ends[0] if ends else now

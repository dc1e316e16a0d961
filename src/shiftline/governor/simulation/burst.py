"""One burst against a counter, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiftline.governor.controller import Answer
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.model import Counter
from shiftline.governor.simulation.engine import travel
from shiftline.governor.simulation.journey import Reply, World
from shiftline.governor.state import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Answer times in seconds: of a handled request (drawn by the caller) and of a refusal."""

    handled: Callable[[], float]
    refused: float = 0.002


AT_ONCE = Reply(Answer.REFUSED, 0.002)


def throttled(counter: Counter, handled: Callable[[], float], refusal: Reply = AT_ONCE) -> World:
    """A healthy trunk behind a counter. ``handled`` draws answer times in seconds."""

    def world(now: float, credentials: bool) -> Reply:  # noqa: FBT001 - the shape of a `World`
        if not counter.admits(now):
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
    governor: Governor, counter: Counter, *, checks: int, delays: Delays, horizon_seconds: float = 600.0
) -> BurstReport:
    """Send ``checks`` requests (the first is challenged, as digest has it) and report how it went.

    Stops when all are answered, the governor stopped, or the horizon is reached.
    """
    world = throttled(counter, delays.handled, Reply(Answer.REFUSED, delays.refused))
    journey = travel(governor, world, checks=checks, until=horizon_seconds)
    refusals = journey.answered(Answer.REFUSED)
    return BurstReport(
        requests=len(journey.requests),
        refused=len(refusals),
        finished_at=journey.ended_at,
        refusal_times=tuple(request.at for request in refusals),
        stopped=governor.mode is Mode.STOPPED,
    )

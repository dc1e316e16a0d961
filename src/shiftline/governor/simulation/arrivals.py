"""When checks are wanted: trades come, and each asks about two agents whom nobody asked about yet.

A check is coalesced per agent, and its evidence counts for all trades of that agent in the simulation. So
500 trades of 600 agents make about 488 checks, as in the demo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from shiftline.governor.simulation.bank import Draw
from shiftline.trades.publish_day import BEFORE_SHARE, PUBLISHED_AT, surge_moment

AGENTS_PER_TRADE = 1.2  # the demo's: 600 agents, 500 trades


class Arrivals(StrEnum):
    """How trades come."""

    BACKLOG = "backlog"
    """All at once."""
    BURST = "burst"
    """Evenly by chance within a minute."""
    STEADY = "steady"
    """Evenly by chance within ten minutes."""
    PUBLISH_DAY = "publish-day"
    """An hour: few at first, a surge when the schedule is published after ten minutes, which ebbs away."""


def _publish_day(draw: Draw) -> float:
    if draw() < BEFORE_SHARE:
        return PUBLISHED_AT * draw()
    return surge_moment(draw())


MOMENTS: Mapping[Arrivals, Callable[[Draw], float]] = {
    Arrivals.BACKLOG: lambda _: 0.0,
    Arrivals.BURST: lambda draw: 60.0 * draw(),
    Arrivals.STEADY: lambda draw: 600.0 * draw(),
    Arrivals.PUBLISH_DAY: _publish_day,
}


def wanted_checks(trades: int, agents: int, arrivals: Arrivals, draw: Draw) -> list[float]:
    """Draw the moments (seconds, in order) at which so many trades want a check of a new agent.

    There must be two agents at least, for nobody trades with himself.
    """
    moments = sorted(MOMENTS[arrivals](draw) for _ in range(trades))
    asked: set[int] = set()
    wanted: list[float] = []
    for moment in moments:
        first = int(agents * draw())
        second = (first + 1 + int((agents - 1) * draw())) % agents
        for agent in (first, second):
            if agent not in asked:
                asked.add(agent)
                wanted.append(moment)
    return wanted

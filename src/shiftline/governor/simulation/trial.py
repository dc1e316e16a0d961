"""One controller at one trunk of the bank, for ten minutes of virtual time."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.governor.controllers.registry import controller_named
from shiftline.governor.controllers.start import Start
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.bank import Beginning, Case, Draw
from shiftline.governor.simulation.engine import Sender, behind, travel_together
from shiftline.governor.simulation.measure import Outcome, Watched, measure

KNOWN_SHARE = 0.97  # of the limit: what an earlier life had settled at
HORIZON = 600.0  # seconds
FLOOD = 10.0  # times what could pass: whoever sends more is not waited for


def beginning_of(case: Case, beginning: Beginning) -> tuple[GovernorPolicy, Mapping[str, object] | None]:
    """What a controller may do and what it knows when it begins."""
    rate = case.ideal_rate()
    match beginning:
        case Beginning.COLD:
            return GovernorPolicy(learn=True, max_rate=0.0), None
        case Beginning.DECLARED:
            return GovernorPolicy(learn=False, max_rate=rate), None
        case Beginning.KNOWN:
            return GovernorPolicy(learn=True, max_rate=0.0), {
                "rate": KNOWN_SHARE * rate,
                "learned": True,
                "proven": True,
            }


def attempt(
    name: str,
    case: Case,
    beginning: Beginning,
    draw: Draw,
    *,
    settings: Mapping[str, float] | None = None,
    horizon: float = HORIZON,
) -> Outcome:
    """Let the controller of that name work at the trunk, with more checks than could pass.

    Raises ConfigurationError if there is no such controller.
    """
    watched = Watched(case.build(draw))
    policy, known = beginning_of(case, beginning)
    controller = controller_named(name, Start(policy=policy, known=known, settings=settings or {}, draw=draw))
    world = behind(
        watched, lambda: case.answer_seconds * (0.5 + draw()), refused_seconds=case.refused_seconds
    )
    sender = Sender(controller, world)
    most = FLOOD * case.ideal(0.0, horizon)
    travel_together([sender], until=horizon, most=most)
    ended_at = horizon if len(watched.arrivals) < most else watched.arrivals[-1]
    return measure(sender.journey, watched, case, horizon=ended_at)

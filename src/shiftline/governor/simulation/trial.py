"""One controller at one trunk of the bank, for ten minutes of virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shiftline.governor.controllers.registry import controller_named
from shiftline.governor.controllers.start import Start
from shiftline.governor.fairness import jain
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.bank import Beginning, Case, Draw
from shiftline.governor.simulation.engine import Sender, behind, on_time, travel_together
from shiftline.governor.simulation.measure import Outcome, Watched, measure, share_refused
from shiftline.governor.simulation.worth import worth_of

KNOWN_SHARE = 0.97  # of the limit: what an earlier life had settled at
HORIZON = 600.0  # seconds
LATER = 60.0  # seconds; when the second of two senders comes
FLOOD = 6.0  # times what could pass: whoever sends more is not waited for, and has failed


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


def lateness_of(case: Case, draw: Draw) -> Callable[[], float]:
    """Draws how late (seconds) each turn of the sender's loop comes."""
    return (lambda: 2.0 * case.late_seconds * draw()) if case.late_seconds else on_time


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
    return attempt_watched(name, case, beginning, draw, settings=settings, horizon=horizon)[0]


def attempt_watched(
    name: str,
    case: Case,
    beginning: Beginning,
    draw: Draw,
    *,
    settings: Mapping[str, float] | None = None,
    horizon: float = HORIZON,
) -> tuple[Outcome, Watched]:
    """The same, with all that arrived at the limiter and was turned down."""
    watched = Watched(case.build(draw))
    policy, known = beginning_of(case, beginning)
    controller = controller_named(name, Start(policy=policy, known=known, settings=settings or {}, draw=draw))
    world = behind(
        watched, lambda: case.answer_seconds * (0.5 + draw()), refused_seconds=case.refused_seconds
    )
    sender = Sender(controller, world)
    most = FLOOD * case.ideal(0.0, horizon)
    travel_together([sender], until=horizon, most=most, late=lateness_of(case, draw))
    flooded_at = None if len(watched.arrivals) < most else watched.arrivals[-1]
    return measure(sender.journey, watched, case, horizon=horizon, flooded_at=flooded_at), watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """What two senders got of one trunk. Shares are from 0 to 1."""

    fairness: float
    """Jain's index of the checks that each got answered once both were there."""
    efficiency: float
    """Of both together, in the same time."""
    refused_share: float


def attempt_together(
    name: str,
    case: Case,
    draw: Draw,
    *,
    settings: Mapping[str, float] | None = None,
    horizon: float = HORIZON,
) -> Companions:
    """Let two controllers of that name, neither of which knows of the other, share the trunk.

    The second comes after `LATER` seconds, when the first has settled; the rest of the horizon is measured.
    """
    limiter = case.build(draw)
    policy, known = beginning_of(case, Beginning.COLD)
    watched = [Watched(limiter) for _ in range(2)]
    senders = [
        Sender(
            controller_named(name, Start(policy=policy, known=known, settings=settings or {}, draw=draw)),
            behind(one, lambda: case.answer_seconds * (0.5 + draw()), refused_seconds=case.refused_seconds),
            starts_at=number * LATER,
        )
        for number, one in enumerate(watched)
    ]
    travel_together(senders, until=horizon, most=FLOOD * case.ideal(0.0, horizon))
    passed = [sender.journey.passed_between(LATER, horizon) for sender in senders]
    worth = worth_of(sorted(at for sender in senders for at in sender.journey.passed()), case)
    count = sum(LATER <= at < horizon for at in worth.counted)
    arrivals = sum(one.arrived_between(LATER, horizon) for one in watched)
    refused = sum(one.turned_down_between(LATER, horizon) for one in watched)
    return Companions(
        fairness=jain(passed),
        efficiency=min(1.0, count / case.ideal(LATER, horizon)),
        refused_share=share_refused(refused, arrivals, sum(passed) - count),
    )

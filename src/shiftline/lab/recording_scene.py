"""What happens in a recording of the lab: which PBX, which faults, who is there and how much they ask."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.lab.pbx.bank.limits import STANDINGS
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes

SHARED_LOCKOUT = "credentials.shared-lockout"
_IN_MID_HOUR = frozenset({"credentials.rotated", "schedule.time-of-day", "ban.user"})
"""Faults that are known by what went well before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What happens. The burst of checks begins with the publish; ``road_loss`` is a share of datagrams."""

    personality: str = "practice"
    fault_ids: tuple[str, ...] = ()
    seed: int = 1
    wishes: Wishes | None = None
    """None: what makes the faults show in such an hour (`usual_wishes`)."""
    phones: int = 30
    trades: int = 60
    """Each asks for the checks of two agents."""
    seconds: float = 360.0
    published_after_seconds: float = 150.0
    burst_per_second: float | None = None
    """How fast the connector sends them; None: three times a throttle that was drawn, or 60."""
    calls_per_second: float = 0.3
    desk_shares_account: bool | None = None
    """The ticket desk logs in to the trunk's account, with the password of last year. None: if that is the
    fault."""
    neighbour_every_seconds: float | None = None
    """How often a queue display behind the connector's address polls with an account of its own; None:
    there is none. It reloads what it shows when schedules are published, its own line as well."""
    road_loss: float = 0.0


def usual_wishes(scene: Scene) -> Wishes:
    """The desk's failures lock an account, the burst earns a ban, some faults begin in the middle."""
    options: dict[str, Drawn] = {}
    if SHARED_LOCKOUT in scene.fault_ids:
        options["others_every_seconds"] = 0.0
    if "ban.source" in scene.fault_ids:
        options["in_force_seconds"] = 0.0
    begins = scene.published_after_seconds * 0.7 if _IN_MID_HOUR & {*scene.fault_ids} else 0.0
    if "schedule.time-of-day" in scene.fault_ids:
        options["begins_after_seconds"] = begins
    return Wishes(since_seconds=begins, options=options)


def incident(seed: int = 1, personality: str = "chan_sip", *, trades: int = 500) -> Scene:
    """The incident: a throttle, a weekly publish, a burst of checks, a campaign, a ticket desk, a display.

    The throttle counts all that an address sends but OPTIONS to the PBX itself. One that leaves REGISTER
    alone could as well be a limit on OPTIONS: no record tells these two apart.
    """
    return Scene(
        personality=personality,
        fault_ids=("throttle.source",),
        seed=seed,
        wishes=Wishes(options={"stands": STANDINGS[1]}),
        trades=trades,
        phones=60,
        seconds=900.0,
        published_after_seconds=420.0,
        calls_per_second=0.5,
        neighbour_every_seconds=4.0,
    )

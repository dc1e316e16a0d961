"""capacity.*, schedule.* and clock.*: the box as a whole (facts: A10, A11, F9 to F11, V5, V13, V29)."""

from __future__ import annotations

from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import FORBIDDEN, Shown, Stage, at, everywhere, is_stranger, say
from shiftline.lab.pbx.personalities import PRACTICE
from shiftline.lab.pbx.refusal import SILENCE

_PLAIN_SLOW_FACTOR = 20.0
_BUSY = say(503, "System Busy", headers=(("Retry-After", "300"),))  # F10
_SKEW = '1013;reason="Significant time skew detected during authentication"'  # V13
_FULL = say(503, "Maximum Calls In Progress", headers=(("Retry-After", "300"),))  # F9, OPTIONS by its option
_PAUSED = say(503, "System Paused", headers=(("Retry-After", "300"),))  # F11


def _reason(text: str) -> tuple[tuple[str, str], ...]:
    return (("Reason", f'SIP;cause=503;text="{text}"'),)


def _overload(draw: Draw) -> None:
    """Slow for everybody, and a share of the requests is turned away whatever their rate."""
    if draw.personality.name == PRACTICE:
        draw.settings.slow_factor = _PLAIN_SLOW_FACTOR
        draw.tell("slow_factor", _PLAIN_SLOW_FACTOR)
        return
    draw.settings.slow_factor = draw.between("slow_factor", 5.0, 15.0)
    share = draw.between("refused_share", 0.2, 0.6, digits=2)
    chance = draw.random
    if draw.personality.name == "pjsip":  # A10: silence over UDP, 503 over the others
        draw.refuse(
            lambda visit: visit.peer.transport.is_reliable and chance.random() < share,
            showing=at(Stage.STATE, say(503)),
        )
        draw.refuse(lambda visit: not visit.peer.transport.is_reliable and chance.random() < share)
        return
    draw.refuse(lambda visit: chance.random() < share)  # noqa: ARG005 - it strikes anybody


def _maintenance(draw: Draw) -> None:
    draw.refuse(lambda visit: True)  # noqa: ARG005 - it strikes everybody


def _time_of_day(draw: Draw) -> None:
    """In force from the beginning for a while; what is asked at other hours goes through."""
    begins = draw.pick("begins_after_seconds", 0.0)  # unless it is wished otherwise
    lasts = draw.between("lasts_seconds", 60.0, 900.0, digits=0)
    draw.refuse(lambda visit: is_stranger(visit) and begins <= visit.elapsed < begins + lasts)


def _skew(draw: Draw) -> None:
    """Its clock is wrong, it says so in Date, and it does not believe credentials of another time."""
    ahead = draw.between("skew_seconds", 400.0, 90_000.0, digits=0) * draw.pick("direction", -1, 1)
    draw.settings.clock_skew_seconds = ahead
    draw.settings.tells_date = True
    draw.refuse(lambda visit: visit.account is not None)


_HOURS: Shown = {
    "practice": (at(Stage.STATE, FORBIDDEN),),
    "chan_sip": (at(Stage.STATE, say(503)), at(Stage.STATE, FORBIDDEN)),
    "freeswitch": (at(Stage.STATE, _PAUSED),),
    "kamailio": (at(Stage.STATE, FORBIDDEN), at(Stage.STATE, say(503))),
    "sbc": (at(Stage.STATE, FORBIDDEN), at(Stage.STATE, say(503))),
}

CONDITION = (
    Entry(
        id="capacity.overload",
        does="answers take many times as long, and some requests are turned away",
        make=_overload,
        shown={
            **everywhere(at(Stage.STATE, SILENCE)),
            "freeswitch": (at(Stage.STATE, _BUSY), at(Stage.STATE, _FULL, "INVITE", "OPTIONS")),
            "sbc": (
                at(Stage.STATE, say(503, headers=_reason("Board In Overload"))),
                at(Stage.STATE, say(503)),
            ),
        },
    ),
    Entry(
        id="capacity.maintenance",
        does="503 to everything",
        make=_maintenance,
        shown={
            "practice": (at(Stage.STATE, say(503)),),
            "pjsip": (at(Stage.STATE, say(503), "OPTIONS", "INVITE"),),  # A11
            "freeswitch": (at(Stage.STATE, _PAUSED),),
            "kamailio": (at(Stage.STATE, say(503, "Maintenance", headers=(("Retry-After", "600"),))),),
            "sbc": (at(Stage.STATE, say(503, headers=_reason("Board Is Locked"))), at(Stage.STATE, say(503))),
        },
    ),
    Entry(
        id="schedule.time-of-day",
        does="a rule of the hour turns everything away for some minutes, the campaign excepted",
        make=_time_of_day,
        shown=_HOURS,
    ),
    Entry(
        id="clock.skew",
        does="its clock is far off; it says Date, and refuses credentials for it",
        make=_skew,
        shown={
            "practice": (at(Stage.USER, FORBIDDEN),),
            "sbc": (
                at(Stage.USER, say(403, headers=(("ms-diagnostics", _SKEW),))),
                at(Stage.USER, say(403, "Stale Date")),  # V29
            ),
        },
    ),
)

"""Limits of real Kamailio as faults of the lab: its own pipelimit, ratelimit and pike (facts: K1 to K4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shiftline.lab.kamailio_change import Change
from shiftline.lab.pbx.bank.draw import Lottery
from shiftline.lab.pbx.bank.limits import OTHER_STATUSES, STANDINGS


def _per_second(draw: Lottery) -> int:
    limit = draw.wishes.limit or round(draw.between("limit", 5.0, 60.0, digits=0))
    draw.truth.update(limit=limit, window_seconds=1)
    return limit


def _in_status(draw: Lottery, delivered: int) -> str:
    """The status as an option of a limiter: a setting of the module, or a line of the script (K4)."""
    as_delivered = 3 * len(OTHER_STATUSES) * (delivered,)
    return f",status={draw.pick('status', *as_delivered, *OTHER_STATUSES)}"


def _throttle_source(draw: Lottery) -> Change:
    limiter = f"window:{_per_second(draw)}/1s" + _in_status(draw, 403)
    return Change(limiter=limiter, stands=draw.aside("stands", *STANDINGS))


def _throttle_shared(draw: Lottery) -> Change:
    limiter = f"window:{_per_second(draw)}/1s,key=all"
    return Change(limiter=limiter + _in_status(draw, 403))


def _throttle_user(draw: Lottery) -> Change:
    limiter = f"window:{_per_second(draw)}/1s,key=user"
    limiter += _in_status(draw, 403)
    return Change(limiter=limiter, stands=draw.aside("stands", *STANDINGS))


def _throttle_method(draw: Lottery) -> Change:
    method = draw.pick("method", "OPTIONS", "REGISTER")
    limiter = f"retry-after:{_per_second(draw)}/1s,key=all"
    limiter += _in_status(draw, 503)
    stands = draw.aside("stands", *STANDINGS) if method == "OPTIONS" else ""
    return Change(limiter=limiter, limited_methods=method, stands=stands)


def _throttle_callee(draw: Lottery) -> Change:
    """A pipe for each user of a Request-URI: a pipe may have any name (K4)."""
    limiter = f"window:{_per_second(draw)}/1s,key=all" + _in_status(draw, 403)
    return Change(limiter=limiter, pipe='"callee-" + $rU')


def _throttle_registrations(draw: Lottery) -> Change:
    limiter = f"retry-after:{_per_second(draw)}/1s,key=all"
    return Change(limiter=limiter + _in_status(draw, 503), limited_methods="REGISTER")


def _ban_source(draw: Lottery) -> Change:
    density = draw.pick("density", 16, 30)
    seconds = draw.between("ban_seconds", 60.0, 600.0, digits=0)
    return Change(limiter=f"pike:{density}/2s,ban={seconds:.0f}s")


LIMITS: Mapping[str, Callable[[Lottery], Change]] = MappingProxyType(
    {
        "throttle.source": _throttle_source,
        "throttle.shared": _throttle_shared,
        "throttle.user": _throttle_user,
        "throttle.method": _throttle_method,
        "throttle.callee": _throttle_callee,
        "throttle.registration-rate": _throttle_registrations,
        "ban.source": _ban_source,
    }
)
"""By the ids of the doctor's catalogue."""

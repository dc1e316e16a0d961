"""What real Kamailio, or what a message, may be like, as faults of the lab (facts: K11, K15, K19, K22)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from shiftline.lab.kamailio_change import OTHERS, Change, refuse
from shiftline.lab.pbx.bank.draw import Lottery


def _overload(draw: Lottery) -> Change:
    """One process that a slow database holds up for so long with every request: what comes waits for it."""
    milliseconds = draw.pick("service_milliseconds", 30, 60, 100)
    return Change(
        load='loadmodule "cfgutils.so"',
        shape=f'\tusleep("{1000 * milliseconds}");',
        children=1,
    )


def _uneven(draw: Lottery) -> Change:
    """What a pool of so many looks like if one of them has an older list; each request draws its server."""
    nodes = draw.pick("nodes", 2, 3, 4, 5)
    condition = f"$RANDOM mod {nodes} == 0"
    place = draw.pick("refuses", "all but OPTIONS to itself", "everything")
    refused = refuse("network.uneven-nodes", condition, 403, "Forbidden")
    if place == "everything":
        return Change(load='loadmodule "cfgutils.so"', shape=refused)
    return Change(load='loadmodule "cfgutils.so"', source=refused)


def _maintenance(draw: Lottery) -> Change:
    del draw
    return Change(
        shape=refuse("capacity.maintenance", "1", 503, "Maintenance", "Retry-After: 600"),
    )


def _time_of_day(draw: Lottery) -> Change:
    """A rule of the clock: Kamailio compares its own time with the end of the hour that is now."""
    lasts = draw.between("lasts_seconds", 60.0, 900.0, digits=0)
    ends = round(time.time() + lasts)
    draw.tell("ends_at", ends)
    return Change(shape=refuse("schedule.time-of-day", f"$Ts < {ends} && {OTHERS}", 403, "Forbidden"))


def _malformed(draw: Lottery) -> Change:
    header = draw.pick("header", "Accept", "User-Agent", "Expires")
    condition = f'is_present_hf("{header}") && {OTHERS}'
    return Change(shape=refuse("message.malformed", condition, 400, "Bad Request"))


def _too_large(draw: Lottery) -> Change:
    most = draw.pick("most_bytes", 480, 560, 640, 800)
    condition = f"msg:len > {most} && {OTHERS}"
    return Change(shape=refuse("message.too-large", condition, 403, "Message too large"))


def _metadata(draw: Lottery) -> Change:
    header = draw.pick("header", "X-Agent-ID", "X-Genesys-Agent", "X-Queue", "X-Tenant")
    condition = f'!is_present_hf("{header}") && {OTHERS}'
    return Change(shape=refuse("message.missing-metadata", condition, 403, "Forbidden"))


def _blind(draw: Lottery) -> Change:
    del draw
    return Change(source=refuse("method.blind", 'is_method("OPTIONS")', 200, "Keepalive"))


def _failing(draw: Lottery) -> Change:
    """The next hop is one that Kamailio has no socket for, so that `t_relay` fails, and the script says so as
    the stock one does (K22); or the question is handed to a program that is not there, after 100 Trying.
    """
    about = 'is_method("OPTIONS") && $rU != $null'
    logged = '$var(reason) = "method.failing"; $var(status) = {}; route(LOG);'
    if draw.pick("answer", 500, 100) == 100:
        handed = f'{logged.format(100)} sl_send_reply("100", "Trying"); exit;'
        return Change(proven=f"\tif ({about}) {{ {handed} }}")
    relayed = '$du = "sip:LAB_PHONES:5061;transport=sctp"; if (!t_relay()) sl_reply_error(); exit;'
    return Change(proven=f"\tif ({about}) {{ {logged.format(500)} {relayed} }}")


CONDITIONS: Mapping[str, Callable[[Lottery], Change]] = MappingProxyType(
    {
        "network.uneven-nodes": _uneven,
        "capacity.overload": _overload,
        "capacity.maintenance": _maintenance,
        "schedule.time-of-day": _time_of_day,
        "message.malformed": _malformed,
        "message.too-large": _too_large,
        "message.missing-metadata": _metadata,
        "method.blind": _blind,
        "method.failing": _failing,
    }
)
"""By the ids of the doctor's catalogue."""

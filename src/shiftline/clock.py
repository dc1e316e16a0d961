"""Civil time and boot time, the only place that reads them.

The lab moves civil time: with ``SHIFTLINE_CIVIL_START=2026-11-23T09:00:00-06:00@1234.5`` it is nine
o'clock in Chicago when the machine's boot-time clock shows 1234.5 s, in every process that sees it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite

from shiftline.errors import ConfigurationError

Clock = Callable[[], datetime]
"""Returns the civil time as an aware UTC datetime."""

VARIABLE = "SHIFTLINE_CIVIL_START"


def boot_time() -> float:
    """Seconds since boot, sleep included: a suspended owner must not believe in an old lease."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_clock() -> datetime:
    """Return the system's civil time."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one home of the ban


def moved_clock(start: datetime, anchor: float) -> Clock:
    """Return a clock that showed ``start`` when the boot-time clock showed ``anchor``."""

    def now() -> datetime:
        return start.astimezone(UTC) + timedelta(seconds=boot_time() - anchor)

    return now


def clock_setting(start: datetime, anchor: float) -> str:
    """Return the value of the environment variable that gives other processes this clock."""
    return f"{start.isoformat()}@{anchor}"


def clock_from_environment() -> Clock:
    """Return the system's clock, or the moved one that the lab asks for."""
    text = os.environ.get(VARIABLE)
    if not text:
        return wall_clock
    start, _, anchor = text.rpartition("@")
    try:
        civil, boot = datetime.fromisoformat(start), float(anchor)
    except ValueError as error:
        raise _unreadable(text) from error
    if civil.tzinfo is None or not isfinite(boot):
        raise _unreadable(text)
    return moved_clock(civil, boot)


def _unreadable(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"{VARIABLE} is {text!r}, which is not TIME@BOOTSECONDS with an offset from UTC.",
        remedy="Unset it; only the lab needs it.",
    )

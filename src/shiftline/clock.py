"""Civil time and boot time, the only place that reads them.

The lab moves civil time: with ``SHIFTLINE_CIVIL_START=2026-11-23T09:00:00-06:00@1234.5`` it is nine
o'clock in Chicago when the machine's boot-time clock shows 1234.5 s, in every process that sees it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

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
    try:
        start, _, anchor = text.rpartition("@")
        return moved_clock(datetime.fromisoformat(start), float(anchor))
    except ValueError as error:
        raise ConfigurationError(
            f"{VARIABLE} is {text!r}, which is not TIME@BOOTSECONDS.",
            remedy="Unset it; only the lab needs it.",
        ) from error

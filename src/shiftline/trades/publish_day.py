"""The arrival curve of the incident: trades around the publishing of a schedule, within one hour.

A few come before it, evenly; then a surge that ebbs away by the half every 208 seconds.
"""

from __future__ import annotations

from math import log

HOUR = 3600.0
PUBLISHED_AT = 600.0
"""Seconds after the hour's beginning."""
SURGE_SECONDS = 300.0
"""The mean delay of those who trade because of the new schedule."""
BEFORE_SHARE = 0.1
"""Of all, those that come before it."""


def moment_of(part: float) -> float:
    """The second of the hour by which ``part`` (0 to below 1) of the hour's trades have come."""
    if part < BEFORE_SHARE:
        return PUBLISHED_AT * part / BEFORE_SHARE
    return surge_moment((part - BEFORE_SHARE) / (1.0 - BEFORE_SHARE))


def surge_moment(part: float) -> float:
    """The same of those that come after the publishing alone."""
    return min(PUBLISHED_AT - SURGE_SECONDS * log(1.0 - part), HOUR)

"""When a decision still helps, and when a supervisor must have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shiftline.trades.model import Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePolicy:
    """The unit's minimum notice before a shift, and the time a supervisor needs to answer."""

    minimum_notice: timedelta = timedelta(0)
    supervisor_lead: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """``refer_by``: the last moment to hand a trade to a person. ``deadline``: the last that helps at all."""

    deadline: datetime
    refer_by: datetime


def deadlines_of(trade: Trade, now: datetime, policy: DeadlinePolicy) -> Deadlines:
    """Return both moments.

    The deadline is before the WFM's expiration and before the first shift's start less the minimum
    notice. The supervisor gets the lead time, but at most half of what is left, so that checking has
    a chance too. All arithmetic is on instants: a DST change moves no deadline.
    """
    shifts = [s for s in (trade.initiating_shift, trade.receiving_shift) if s is not None]
    first_start = min(shift.starts_at for shift in shifts)
    deadline = min(trade.expires_at, first_start - policy.minimum_notice)
    left = max(deadline - now, timedelta(0))
    return Deadlines(deadline=deadline, refer_by=deadline - min(policy.supervisor_lead, left // 2))

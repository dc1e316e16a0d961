"""The states of a subscription as a table (RFC 6665 section 4.1.2).

Rules of this file: which phase follows stands in one table ``(phase, input) -> phase``; what the table
does not list changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType


class Phase(StrEnum):
    """The states of figure 1 (section 4.1.2), and our own leaving."""

    INIT = auto()
    NOTIFY_WAIT = auto()
    PENDING = auto()
    ACTIVE = auto()
    LEAVING = auto()
    """Unsubscribed; the last NOTIFY is still to come."""
    TERMINATED = auto()


class Given(StrEnum):
    """What can happen to a subscription."""

    SUBSCRIBE = auto()
    REFUSED = auto()
    """A final answer that is no 2xx."""
    GONE = auto()
    """A refusal that ends a subscription that stands (RFC 5057 section 5.1): 404, 481, 489 and their kin."""
    UNANSWERED = auto()
    ACTIVE = auto()
    PENDING = auto()
    TERMINATED = auto()
    """These three: what a NOTIFY's Subscription-State says."""
    LEAVE = auto()
    NO_NOTIFY = auto()
    """Timer N fired."""
    EXPIRED = auto()


_END = Phase.TERMINATED
PHASES: Mapping[tuple[Phase, Given], Phase] = MappingProxyType(
    {
        (Phase.INIT, Given.SUBSCRIBE): Phase.NOTIFY_WAIT,
        (Phase.NOTIFY_WAIT, Given.REFUSED): _END,
        (Phase.NOTIFY_WAIT, Given.GONE): _END,
        (Phase.NOTIFY_WAIT, Given.UNANSWERED): _END,
        (Phase.NOTIFY_WAIT, Given.ACTIVE): Phase.ACTIVE,
        (Phase.NOTIFY_WAIT, Given.PENDING): Phase.PENDING,
        (Phase.NOTIFY_WAIT, Given.TERMINATED): _END,
        (Phase.NOTIFY_WAIT, Given.NO_NOTIFY): _END,
        # There is no dialog to leave in yet: the NOTIFY that comes all the same meets 481.
        (Phase.NOTIFY_WAIT, Given.LEAVE): _END,
        **{
            (phase, given): follows
            for phase in (Phase.PENDING, Phase.ACTIVE)
            for given, follows in {
                # REFUSED and UNANSWERED are absent: until it expires, the subscription stands without
                # the refresh (section 4.1.2.2), and a NOTIFY is better proof than a lost first answer.
                Given.GONE: _END,
                Given.ACTIVE: Phase.ACTIVE,
                Given.PENDING: Phase.PENDING,
                Given.TERMINATED: _END,
                Given.NO_NOTIFY: _END,
                Given.EXPIRED: _END,
                Given.LEAVE: Phase.LEAVING,
            }.items()
        },
        (Phase.LEAVING, Given.REFUSED): _END,
        (Phase.LEAVING, Given.GONE): _END,
        (Phase.LEAVING, Given.UNANSWERED): _END,
        (Phase.LEAVING, Given.TERMINATED): _END,
        (Phase.LEAVING, Given.NO_NOTIFY): _END,
        (Phase.LEAVING, Given.EXPIRED): _END,
    }
)

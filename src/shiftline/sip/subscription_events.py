"""What a subscription tells its user, and when a new one makes sense after its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from types import MappingProxyType

from shiftline.sip.message import Request
from shiftline.sip.values import SubscriptionState


class End(StrEnum):
    """Why a subscription is over."""

    COMPLETE = auto()
    """We asked for it: the NOTIFY of a fetch or of an unsubscription has come."""
    REFUSED = auto()
    UNANSWERED = auto()
    NO_NOTIFY = auto()
    CLOSED_BY_NOTIFIER = auto()
    EXPIRED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A 2xx to a SUBSCRIBE came; ``expires_seconds`` is what was granted."""

    expires_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A NOTIFY of ours came, the first of its CSeq."""

    request: Request
    state: SubscriptionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last event. ``status`` is that of the answer that ended it, ``state`` that of the last NOTIFY."""

    why: End
    status: int | None = None
    state: SubscriptionState | None = None


SubscriptionEvent = Accepted | Notified | Ended

SOON_SECONDS = 1.0
"""Where the standard says "immediately": a notifier that ends each one at once shall not spin us."""
LATER_SECONDS = 60.0
_AGAIN_AFTER: Mapping[str, float | None] = MappingProxyType(
    {  # section 4.1.3; a retry-after comes before the figure here
        "deactivated": SOON_SECONDS,
        "timeout": SOON_SECONDS,
        "probation": LATER_SECONDS,
        "giveup": LATER_SECONDS,
        "rejected": None,
        "noresource": None,
        "invariant": None,
    }
)


def resubscribe_after_seconds(ended: Ended) -> float | None:
    """When a new subscription makes sense, in seconds from now; None for never."""
    if ended.why is End.CLOSED_BY_NOTIFIER and ended.state is not None:
        usual = _AGAIN_AFTER.get(ended.state.reason or "", LATER_SECONDS)
        wish = ended.state.retry_after_seconds
        # deactivated and timeout allow it at once, whatever retry-after says (section 4.1.3)
        return max(usual, wish) if wish is not None and usual == LATER_SECONDS else usual
    if ended.why is End.REFUSED:
        if ended.status == 481:
            return SOON_SECONDS  # the notifier has lost it
        is_passing = ended.status is not None and (ended.status in (408, 480) or 500 <= ended.status < 600)
        return LATER_SECONDS if is_passing and ended.status not in (501, 505) else None
    return None if ended.why is End.COMPLETE else LATER_SECONDS

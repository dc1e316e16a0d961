"""What can be wrong with the practice PBX.

The throttle is the incident's: N requests pass in each fixed window and the rest are refused at once,
before authentication (facts: sip-403-signatures 3.1 K4, 3.8). Its phase is not known to the clients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shiftline.governor.limiters.counters import FixedWindow


class ThrottleKey(StrEnum):
    """What a throttle counts together."""

    SOURCE = "source"
    """Each source address on its own."""
    TRUNK = "trunk"
    """All that arrives, other applications' traffic included."""


class WrongPasswordAnswer(StrEnum):
    """What credentials that do not verify get; families of PBXs differ (facts: K7, A3, C1, F5)."""

    CHALLENGE_AGAIN = "challenge-again"
    """401 forever, as PJSIP and Kamailio."""
    FORBID = "forbid"
    """401 first, then 403, as chan_sip and FreeSWITCH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """At most ``limit`` requests in each window of ``window_seconds``, tail drop."""

    limit: int
    window_seconds: float = 1.0
    key: ThrottleKey = ThrottleKey.SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults that are switched on; the default is a healthy PBX."""

    throttle: Throttle | None = None
    limiter: str = ""
    """A limiter of the bank by its text, in place of ``throttle`` (docs/reference/limiters.md)."""
    allow_list: frozenset[str] | None = None
    """Source addresses that may speak; all others get 403 before any challenge. None: everybody may."""
    rotated_accounts: frozenset[str] = frozenset()
    """Accounts whose password was changed on the PBX only: what their users know is wrong."""
    wrong_password_answer: WrongPasswordAnswer = WrongPasswordAnswer.CHALLENGE_AGAIN
    blind_methods: frozenset[str] = frozenset()
    """Of "options", "presence", "dialog" and "reg": these call every agent available, phone or not.

    OPTIONS then gets its 200 from the box itself, before any challenge, as from many SBCs.
    """
    slow_factor: float = 1.0
    """Multiplies the time of every answer that reached authentication."""
    dead_phones: frozenset[str] = frozenset()
    """Users whose phones are registered and never answer: the PBX waits for them longer than we do."""
    list_notifies: int | None = None
    """So many NOTIFYs of a list, the last of which ends it (deactivated); from then on a list gets 489."""
    silent: bool = False
    """Nothing is ever answered."""


class ThrottledKeys:
    """One limiter per key; every window has the same phase, as windows of one timer have."""

    def __init__(self, throttle: Throttle, *, phase_seconds: float) -> None:
        self._throttle = throttle
        self._clock = FixedWindow(
            limit=throttle.limit, window_seconds=throttle.window_seconds, phase_seconds=phase_seconds
        )
        self._limiters: dict[str, FixedWindow] = {}

    def window_at(self, now: float) -> int:
        """The number of the window that ``now`` falls into, the same for every key."""
        return self._clock.window_at(now)

    def admits(self, source: str, now: float) -> bool:
        """Count one arrival from ``source`` and say whether it passes. ``now``: seconds, never falling."""
        key = source if self._throttle.key is ThrottleKey.SOURCE else ""
        limiter = self._limiters.get(key)
        if limiter is None:
            limiter = self._limiters[key] = replace(self._clock)
        return limiter.admits(now)

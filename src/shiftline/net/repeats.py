"""Requests that are sent again (RFC 3261 timer E) out of the trunk's budget.

A PBX's limiter counts datagrams, not transactions, so a copy needs room as a new request does. Where both
wait they leave turn about: a slow trunk halves what is new at most, and what was lost is never stuck.
"""

from __future__ import annotations

from collections.abc import Callable

from shiftline.governor.governor import Governor
from shiftline.net.endpoint import SipEndpoint


class Repeats:
    """What waits to be sent again. Times are seconds on the loop's clock."""

    def __init__(
        self, endpoint: SipEndpoint, on_due: Callable[[], None], *, is_quiet: Callable[[], bool]
    ) -> None:
        """``on_due`` is called when something waits anew; the endpoint sends nothing again by itself."""
        # What is sent again is sent: it would reach a ban as well, and some bans begin anew with it.
        endpoint.may_repeat = lambda: not is_quiet()
        self._endpoint = endpoint
        self._had_last_turn = False
        endpoint.hold_repeats(on_due)

    def may_leave_at(self, governor: Governor, now: float) -> float | None:
        """When the next one may leave; None: there is none, or nobody knows."""
        return governor.repeat_at(now) if self._endpoint.has_held_repeats() else None

    def take_turn(self, governor: Governor, now: float, *, other_may: bool) -> bool:
        """Send one if it may leave, and return whether; ``other_may``: something new may leave as well."""
        free_at = self.may_leave_at(governor, now)
        if free_at is None or free_at > now:
            return False
        self._had_last_turn = not (other_may and self._had_last_turn)
        if not self._had_last_turn:
            return False  # what is new leaves now
        governor.repeated(now)
        self._endpoint.repeat_next()
        return True

"""A trunk's copies (see `shiftline.governor.copies`), held at its endpoint until the governor has room."""

from __future__ import annotations

from collections.abc import Callable

from shiftline.governor.copies import Turns
from shiftline.governor.governor import Governor
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.message import Request


class Repeats:
    """What waits to be sent again. Times are seconds on the loop's clock."""

    def __init__(
        self, endpoint: SipEndpoint, on_due: Callable[[], None], governor: Callable[[], Governor]
    ) -> None:
        """``on_due`` is called when something waits anew; the endpoint sends nothing again by itself.

        ``governor`` gives the one of the moment.
        """
        # What is sent again is sent: it would reach a ban as well, and some bans begin anew with it.
        endpoint.may_repeat = lambda: not governor().is_quiet
        endpoint.t1 = lambda: governor().t1
        self._endpoint = endpoint
        self._canary = ""
        self._turns = Turns()
        endpoint.hold_repeats(on_due)

    def canary_leaves(self, request: Request) -> None:
        """Remember the newest canary."""
        self._canary = request.headers.get("Call-ID") or ""

    def repeat_canary(self, governor: Governor, now: float) -> None:
        """Send it again, for the governor says so."""
        governor.repeated(now)
        self._endpoint.repeat(self._canary)

    def may_leave_at(self, governor: Governor, now: float) -> float | None:
        """When the next one may leave; None: there is none, or nobody knows."""
        return governor.repeat_at(now) if self._endpoint.has_held_repeats() else None

    def take_turn(self, governor: Governor, now: float, *, other_may: bool) -> bool:
        """Send one if it is its turn, and return whether; ``other_may``: something new may leave as well."""
        if not self._turns.is_copys(self.may_leave_at(governor, now), now, other_may=other_may):
            return False
        governor.repeated(now)
        self._endpoint.repeat_next()
        return True

"""The publish windows on the loop's clock: civil time, with its changes, meets the monotonic one here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shiftline.clock import Clock
from shiftline.sip.refresh import Window
from shiftline.trades.windows import PublishWindow


def windows_seen_from(
    windows: Sequence[PublishWindow], clock: Clock, loop_time: Callable[[], float]
) -> Callable[[float], list[Window]]:
    """The publish windows of the present and the next week or two, on the loop's clock."""

    def seen(_now: float) -> list[Window]:
        now, offset = clock(), loop_time()
        found = []
        for window in windows:
            following = window.next_opening(now)
            for opening in (window.last_opening(now), following, window.next_opening(following)):
                opens = offset + (opening - now).total_seconds()
                found.append((opens, opens + window.length.total_seconds()))
        return found

    return seen

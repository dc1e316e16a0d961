"""The time of a run, and how it stands to the wall time by which kernels stamp datagrams."""

from __future__ import annotations

import time

_READINGS = 32
_STEP_SECONDS = 0.001
"""More than a clock is steered by in a second."""


class RunClock:
    """Seconds from the run's start."""

    def __init__(self) -> None:
        self.zero = time.monotonic()
        self.wall_zero = 0.0
        """The wall time of the start."""
        self.compare()

    def __call__(self) -> float:
        return time.monotonic() - self.zero

    def follow(self) -> None:
        """Compare both clocks anew if somebody has set the wall clock since; cheap enough for every batch."""
        if abs(time.time() - self() - self.wall_zero) > _STEP_SECONDS:
            self.compare()

    def compare(self) -> None:
        """Compare both clocks anew; the wall clock is steered, and may be set.

        Of several readings the quickest counts: it leaves least room between the two clocks.
        """
        best = float("inf")
        for _ in range(_READINGS):
            before = self()
            wall = time.time()
            after = self()
            if after - before < best:
                best = after - before
                self.wall_zero = wall - (before + after) / 2

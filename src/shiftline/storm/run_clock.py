"""The time of a run, and how it stands to the wall time by which kernels stamp datagrams."""

from __future__ import annotations

import time

_READINGS = 32


class RunClock:
    """Seconds from the run's start."""

    def __init__(self) -> None:
        self.zero = time.monotonic()
        self.wall_zero = 0.0
        """The wall time of the start."""
        self.compare()

    def __call__(self) -> float:
        return time.monotonic() - self.zero

    def compare(self) -> None:
        """Compare both clocks anew; somebody may have set the wall clock meanwhile.

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

"""How far behind its own times a load is: what this machine noticed too late is no silence of the PBX."""

from __future__ import annotations

_ARREARS_SECONDS = 0.25
"""So much is made up for: more at once would be another load, and a heavier one."""
_LATE_SECONDS = 0.5
"""So far behind, an answer may have waited in our own socket."""
_MOST_GIVEN_UP_SECONDS = 3.0
"""Beyond that, it is no more the load that was planned."""
TOO_BUSY = "this machine was too busy to tell what was lost from what it heard too late"


class Lateness:
    """Takes in when a load came to its turns. Times are seconds of the driver's clock."""

    def __init__(self) -> None:
        self.given_up = 0.0
        """Seconds of the load that were not made up for: all its later times move by these."""
        self.on_time_since = 0.0
        """What was sent before may have its answer in our own socket."""
        self.is_told = False
        """Whether our own lateness may be what looks like silence."""

    @property
    def is_hopeless(self) -> bool:
        """Whether going on would tell nothing."""
        return self.given_up > _MOST_GIVEN_UP_SECONDS

    def note_turn(self, due: float, now: float) -> None:
        """A request that was due then leaves now."""
        late = now - due
        if late > _ARREARS_SECONDS:
            self.on_time_since = now
            self.given_up += late - _ARREARS_SECONDS
        self.is_told = self.is_told or max(late, self.given_up) > _LATE_SECONDS

    def note_end(self, due: float, now: float) -> None:
        """The patience with a request was over then, and that was noticed now."""
        self.is_told = self.is_told or now - due > _LATE_SECONDS

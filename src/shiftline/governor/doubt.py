"""Was it the rate, one agent, or our account? Asked when one request alone was refused and a canary passed.

Where a refused login counts, a user who has passed before is asked first: refused too, it is our account,
and the question that was refused need not be asked again to tell. Then the same question is asked: what
passes was refused for the rate. Refused again, a witness is asked, twice: if both pass, it was the agent; if
the first does not, it is our account; if the second does not, it was the rate after all, for some limiters
refuse every second request only.

```
refused, canary passes -> WITNESS FIRST --passed--> SUSPECT --passed--> the rate
                             |                         |
                          refused: our account      refused -> WITNESSES --refused--> account, or rate
                                                                   |
                                                              both passed: that agent
```
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

ENOUGH_WITNESSES = 2  # in a row: a limiter that lets every second request pass does not let both


class _Stage(Enum):
    OVER = "over"
    WITNESS_FIRST = "witness first"
    SUSPECT = "suspect"
    WITNESSES = "witnesses"


@dataclass(slots=True)
class Doubt:
    """Where that experiment stands."""

    is_about_one: bool = False
    """One question alone was refused."""
    _stage: _Stage = _Stage.OVER
    _witnesses: int = 0

    @property
    def is_open(self) -> bool:
        """True while the same question is to be asked again."""
        return self._stage is _Stage.SUSPECT

    @property
    def asks_witness(self) -> bool:
        """True while a user who has passed before is to be asked: he tells whether it is all of us."""
        return self._stage in (_Stage.WITNESS_FIRST, _Stage.WITNESSES)

    def begin(self, *, about_one: bool, witness_first: bool = False) -> None:
        """Ask the same question again, or a witness before."""
        self._stage = _Stage.WITNESS_FIRST if witness_first else _Stage.SUSPECT
        self.is_about_one, self._witnesses = about_one, 0

    def tells_of_one(self) -> bool:
        """End it, since what came tells enough; return whether that agent alone was refused for himself."""
        was_witnessed = self._stage is _Stage.WITNESSES
        self._stage = _Stage.OVER
        return was_witnessed and self.is_about_one

    def was_refused(self) -> bool:
        """Note a refusal; return whether a witness is to be asked about it."""
        is_the_suspect = self.is_open
        self._stage = _Stage.WITNESSES if is_the_suspect else _Stage.OVER
        return is_the_suspect

    def wants_another(self) -> bool:
        """Note that a check passed; return whether one more is to be asked before it tells."""
        if self._stage is _Stage.WITNESS_FIRST:
            # Many that were refused together are no single agent: that he passes is enough.
            self._stage = _Stage.SUSPECT
            return self.is_about_one
        if self._stage is not _Stage.WITNESSES:
            return False
        self._witnesses += 1
        return self._witnesses < ENOUGH_WITNESSES

"""Was it the rate, one agent, or our account? Asked when one request alone was refused and a canary passed.

The same question is asked again: what passes then was refused for the rate. Refused again, a user who has
passed before is asked, twice: if both pass, it was the agent; if the first does not, it is our account; if
the second does not, it was the rate after all, for some limiters refuse every second request only.

```
refused, canary passes -> SUSPECT --passed--> the rate
                             |
                          refused -> WITNESS --refused--> our account
                                       |
                                    passed -> WITNESS AGAIN --passed--> that agent
                                                  |
                                               refused --> the rate
```
"""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH_WITNESSES = 2  # in a row: a limiter that lets every second request pass does not let both


@dataclass(slots=True)
class Doubt:
    """Where that experiment stands."""

    is_open: bool = False
    """One request was refused, and a canary passed at once: the same question tells what was meant."""
    asks_witness: bool = False
    """It was refused again: a user who has passed before tells whether it is all of us."""
    is_about_one: bool = False
    """One question alone was refused."""
    _witnesses: int = 0

    def begin(self, *, about_one: bool) -> None:
        """Ask the same question again."""
        self.is_open, self.asks_witness, self.is_about_one, self._witnesses = True, False, about_one, 0

    def tells_of_one(self) -> bool:
        """End it, since what came tells enough; return whether that agent alone was refused for himself."""
        was_witnessed = self.asks_witness
        self.is_open = self.asks_witness = False
        return was_witnessed and self.is_about_one

    def was_refused(self) -> bool:
        """Note a refusal; return whether a witness is to be asked about it."""
        is_the_suspect = self.is_open and not self.asks_witness
        self.is_open = self.asks_witness = is_the_suspect
        return is_the_suspect

    def wants_another(self) -> bool:
        """Note that a check passed; return whether one more is to be asked before it tells."""
        if not self.asks_witness:
            return False
        self._witnesses += 1
        return self._witnesses < ENOUGH_WITNESSES

"""One account on several trunks of a process: what the PBX refuses it on one, it refuses it on all.

Each trunk's own strikes stay its own (`account`). What others have struck counts as well, until this trunk's
own login passes: then the account is fine, and the refusals are another address's affair. Where it is
suspected, one login at a time asks whether it is let through again: its answer tells all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Struck:
    """Refused logins on some trunk. ``at`` is when the last one came, in seconds."""

    count: int
    at: float
    was_accepted: bool
    """The password had passed there: it is a lock, perhaps, and not wrong."""


LONGEST_TRIAL = 32.0  # seconds: no answer is waited for longer (RFC 3261, timer F)
NOTHING = Struck(0, -inf, was_accepted=False)


@dataclass(slots=True)
class AccountBook:
    """The strikes of one account by the name of the trunk that carried it."""

    _struck: dict[str, Struck] = field(default_factory=dict, init=False)
    _trials: dict[str, float] = field(default_factory=dict, init=False)

    def note(self, trunk: str, struck: Struck) -> None:
        """What stands against it on that trunk now."""
        self._struck[trunk] = struck

    def asks(self, trunk: str, now: float) -> None:
        """A login left there that is to tell about the account."""
        self._trials[trunk] = now

    def is_told(self, trunk: str) -> None:
        """It was answered, or nobody waits for it any more."""
        self._trials.pop(trunk, None)

    def asked_elsewhere(self, trunk: str, now: float) -> bool:
        """True while another trunk waits for such an answer, but not for one that never comes."""
        others = (at for name, at in self._trials.items() if name != trunk)
        return any(abs(now - at) < LONGEST_TRIAL for at in others)

    def elsewhere(self, trunk: str, *, since: float) -> Struck:
        """What the other trunks struck after that moment."""
        others = [one for name, one in self._struck.items() if name != trunk and one.count and one.at > since]
        if not others:
            return NOTHING
        return Struck(
            sum(one.count for one in others),
            max(one.at for one in others),
            was_accepted=any(one.was_accepted for one in others),
        )


@dataclass(frozen=True, slots=True)
class BookPage:
    """A trunk's access to the book of its account."""

    book: AccountBook = field(default_factory=AccountBook)
    trunk: str = ""

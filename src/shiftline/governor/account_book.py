"""One account on several trunks of a process: what the PBX refuses it on one, it refuses it on all.

Each trunk's own strikes stay its own (`account`). What others have struck counts as well, until this trunk's
own login passes: then the account is fine, and the refusals are another address's affair.
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


NOTHING = Struck(0, -inf, was_accepted=False)


@dataclass(slots=True)
class AccountBook:
    """The strikes of one account by the name of the trunk that carried it."""

    _struck: dict[str, Struck] = field(default_factory=dict, init=False)

    def note(self, trunk: str, struck: Struck) -> None:
        """What stands against it on that trunk now."""
        self._struck[trunk] = struck

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

"""Are the bindings really there? A REGISTER query of a few users after the load (RFC 3261 section 10.2.3).

Servers are known to answer 200 and to keep nothing, once a memory pool is full (facts, overload-control
4.2); only their own list of bindings tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shiftline.storm.flow import Source
from shiftline.storm.flows import Flows
from shiftline.storm.sample import BindingCheck
from shiftline.storm.script import query_script
from shiftline.storm.users import User, Users

MOST_ASKED = 20
TIMEOUT_SECONDS = 2.0
SAFE_SECONDS = 10.0
"""A binding that is to last less long than this is not asked about: it may be over before the answer."""
_CONTACT = re.compile(rb"^(?:contact|m)[ \t]*:[^\r\n]*\bsips?:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
"""A row of Contact with an address in it, with or without ``<>`` (RFC 3261 section 20.10)."""


class BindingQuery:
    """Asks about users one after the other; `receive` stands where the flows' own does."""

    def __init__(self, sources: Sequence[Source], users: Sequence[User], first_number: int) -> None:
        """``users`` are those that were told 200; an even choice of them is asked about."""
        step = max(1, len(users) // MOST_ASKED)
        chosen = users[::step][:MOST_ASKED]
        asking = [Source(source.place, [query_script()], cnonce="binding") for source in sources[:1]]
        self.source = asking[0]
        self.left = len(chosen)
        self._asked = self._bound = self._others = 0
        self._ours = [f"@{_written(source.place.local_host)}:{source.place.local_port}" for source in sources]
        accounts = Users(
            [user.name.decode() for user in chosen], [user.password for user in chosen] or [None]
        )
        self._pairs = list(zip(accounts.all, chosen, strict=True))
        for asked, user in self._pairs:
            asked.tries = user.tries
        self._flows = Flows(asking, accounts, timeout_seconds=TIMEOUT_SECONDS, first_number=first_number)

    def tell_tries(self) -> None:
        """Tell the load's own users what was learned of their passwords here."""
        for asked, user in self._pairs:
            user.tries = asked.tries

    @property
    def check(self) -> BindingCheck:
        """What was found; users of whom the server did not tell do not count."""
        return BindingCheck(asked=self._asked, bound=self._bound, others=self._others)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._flows.pending)

    def ask(self, now: float) -> None:
        """Ask about the next one."""
        self.left -= 1
        self._flows.start(now)
        self._flows.stamp(self.source, now, now)

    def tick(self, now: float) -> None:
        """Send again or give up."""
        self._flows.tick(now)

    def receive(self, data: bytes, at: float) -> None:
        """Take in an answer."""
        before = self._flows.tally.ok
        self._flows.receive(data, at)
        if self._flows.tally.ok > before:
            self._asked += 1
            rows = [found[0].decode(errors="replace") for found in _CONTACT.finditer(data)]
            if rows:
                self._bound += 1
                self._others += not any(ours in row for ours in self._ours for row in rows)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""Is it not the rate but the number of requests at a time that the PBX limits?

A limiter of places refuses a request exactly when so many others are in flight, and lets any pass while
fewer are. A limiter of rates refuses at the same numbers at which others pass. So few refusals tell.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

EPISODES = 3
PASSES_AT_THE_EDGE = 5
EPISODES_MORE = 2  # the same of each where places were limited before: then another number is the likeliest
PASSES_MORE = 1
CONTRADICTIONS = 0.05  # share of those passes that may have passed beyond: answers overtake each other
FEWEST = 2  # one at a time is what a slow rate looks like
MEMORY = 4_000


@dataclass(slots=True)
class Places:
    """How many requests may be in flight, once it is known."""

    limit: int | None = None
    _were_known: bool = field(default=False, init=False)
    _is_trying: bool = field(default=False, init=False)
    _refused: deque[int] = field(default_factory=lambda: deque(maxlen=EPISODES), init=False)
    _passed: Counter[int] = field(default_factory=Counter, init=False)

    def passed(self, others: int) -> None:
        """A request passed that left while ``others`` were in flight."""
        self._passed[others] += 1
        if self._is_trying and self.limit is not None and others >= self.limit - 1:
            self._is_trying = False
        if self._passed.total() > MEMORY:
            self._passed = Counter({number: count // 2 for number, count in self._passed.items()})

    def refused(self, others: int) -> None:
        """The first request of an episode that was refused left while ``others`` were in flight."""
        if self._is_trying and self.limit is not None and others >= self.limit - 1:
            self.limit, self._is_trying = self.limit - 1, False
            return
        is_less = self.limit is not None and others < self.limit
        if is_less or (self._were_known and self.limit is None and others < min(self._refused, default=0)):
            # There are fewer now: what was under way tells of what there was.
            self._passed.clear()
            self._refused.clear()
            self.limit, self._were_known = None, True
        self._refused.append(others)
        self.limit = self._explanation()

    def try_one_more(self) -> None:
        """See whether there is one more place by now."""
        if self.limit is not None:
            self.limit += 1
            self._is_trying = True

    def _explanation(self) -> int | None:
        if len(self._refused) < (EPISODES_MORE if self._were_known else EPISODES):
            return None
        limit = min(self._refused)
        at_the_edge = self._passed[limit - 1]
        beyond = sum(count for others, count in self._passed.items() if others >= limit)
        enough = PASSES_MORE if self._were_known else PASSES_AT_THE_EDGE
        explains = at_the_edge >= enough and beyond <= CONTRADICTIONS * at_the_edge
        return limit if limit >= FEWEST and explains else None

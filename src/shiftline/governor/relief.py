"""Does it help to go slower? Where it does not, the rate was not to blame, and what was cut is given back.

A limiter refuses less and less as its limit is neared from above. Lost datagrams and refusals at random
come as often per request at any rate. So after some cuts in a row, each for a brief refusal, it is seen
how many requests passed between them: if at slow rates hardly more than at fast ones, the cuts were in
vain. From then on refusals of that kind are borne, until they come clearly more often.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import fmean

ENOUGH = 2  # refusals at fast rates, and as many at slow ones
CLEARLY_FASTER = 1.5
LONGER = 1.5  # times as many requests between two refusals: it helped
SHORTEST_RUN = 5.5  # requests: what refuses more often than that is not waited for to tell
MORE_OFTEN = 2.5
LATEST_RUNS = 20
OTHERS_THAT_TELL = 2  # in a row
BRIEF_SECONDS = 1.0
BEARABLE_SECONDS = 3.0  # that long may a canary, or a trial, be refused by chance as well


@dataclass(slots=True)
class Relief:
    """Rates are requests per second, runs are requests that passed between two brief refusals."""

    borne_run: float | None = None
    """So many pass on average between two refusals that no rate avoids; None: no such are known."""
    _cuts: list[_Cut] = field(default_factory=list, init=False)
    _latest: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST_RUNS), init=False)
    _run: int = field(default=0, init=False)
    _others: int = field(default=0, init=False)

    def passed(self) -> None:
        """One request passed."""
        self._run += 1

    def forget(self) -> None:
        """Begin anew."""
        self._cuts.clear()
        self._run = self._others = 0

    def tried(self, rate: float) -> None:
        """Note that a try at ``rate`` was refused: it is no cut.

        Above the rate of the first cut it met a limit of its own, and what was known before is over.
        """
        if not self._cuts or rate > self._cuts[0].rate:
            self._cuts.clear()
        self._run = self._others = 0

    def is_another_borne(self) -> bool:
        """Note a refusal of another kind; return whether it is borne as well.

        Chance makes one now and then, out of two at once; a limiter makes several in a row.
        """
        self._run = 0
        self._others += 1
        if self._others < OTHERS_THAT_TELL:
            return self.bears
        self.forget()
        return False

    @property
    def bears(self) -> bool:
        """True once refusals are known that no rate avoids."""
        return self.borne_run is not None

    def is_borne(self) -> bool:
        """Note a brief refusal; return whether it is one of those that no rate avoids."""
        self._latest.append(self._run)
        if self.borne_run is None:
            return False
        if len(self._latest) == LATEST_RUNS and fmean(self._latest) * MORE_OFTEN < self.borne_run:
            self.borne_run = None
            self.forget()
            return False
        self._run = self._others = 0
        return True

    def given_back(self, rate: float) -> float | None:
        """Note that ``rate`` is about to be cut for it; return the first rate if all cuts were in vain."""
        if not self._cuts or rate > self._cuts[0].rate:
            self._cuts.clear()
        self._cuts.append(_Cut(rate, self._run))
        self._run = self._others = 0
        after = self._cuts[1:]  # the first rate may have been held for long before anything was refused
        late = [cut.run for cut in after[-ENOUGH:]]
        early = [cut.run for cut in after[:-ENOUGH] if cut.rate >= CLEARLY_FASTER * after[-ENOUGH].rate]
        if len(early) < ENOUGH or fmean(early + late) < SHORTEST_RUN or fmean(late) > LONGER * fmean(early):
            return None
        self.borne_run = fmean(early + late)
        before = self._cuts[0].rate
        self._cuts.clear()
        self._latest.clear()
        return before


@dataclass(frozen=True, slots=True)
class _Cut:
    rate: float
    run: int
    """So many had passed at that rate since the cut before."""

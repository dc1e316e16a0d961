"""Is what is lost lost by our rate? A limiter that drops a little without a word looks like a network.

What comes alone among answers is no silence, so nothing else would lower the rate for it. A limiter that is
passed by a share drops that share, and nothing once the rate is lower by as much; a network goes on losing.
So the rate is lowered once by what is lost, and given back if that did not help.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

BEARABLE = 0.02  # share: what is asked of a governor is to lose no more
LATELY = 256  # requests
ENOUGH = 8  # lost, to begin a trial
BACK_OFF = 0.98
EXPECTED = 16.0  # so many would be lost in a trial if it did not help
HELPED = 2.5  # times fewer: of 16 that are expected, 6 or fewer come by chance once in 250 trials
FORGETS = 1000  # requests
RESTS = 3000  # requests after a trial in vain; doubled with each
RAISED = 1.02  # times the rate that lost: more than it was is passed now


@dataclass(slots=True)
class Loss:
    """Rates are requests per second."""

    clear: float | None = None
    """Held without much loss; None: no rate is known to lose."""
    lossy: float = 0.0
    """Held, and lost."""
    _rate: float = field(default=0.0, init=False)
    _newest: float = field(default=-inf, init=False)
    _since: float = field(default=-inf, init=False)
    _seen: int = field(default=0, init=False)
    _lost: int = field(default=0, init=False)
    _share: float | None = field(default=None, init=False)
    """What was lost before the rate was lowered; None: no trial is under way."""
    _chance: float = field(default=0.0, init=False)
    """What is lost at any rate."""
    _tried: deque[bool] = field(default_factory=lambda: deque(maxlen=LATELY), init=False)
    _before: float = field(default=0.0, init=False)
    _rests: int = field(default=0, init=False)
    _in_vain: int = field(default=0, init=False)

    def note(self, rate: float, sent_at: float, *, is_lost: bool) -> float | None:
        """Note what became of a request at a rate that is held; return another rate to hold, if there is one.

        What left at ``sent_at`` (seconds), before that rate, does not count: what is lost is told late.
        """
        self._newest = max(self._newest, sent_at)
        self._tried.clear()
        if rate != self._rate:
            self._begin(rate)
            self._share = None
        if sent_at < self._since:
            return None
        self._seen += 1
        self._lost += is_lost
        self._rests = max(0, self._rests - 1)
        if self._share is not None:
            return self._judge(rate, self._share)
        if self._lost >= ENOUGH and not self._rests and self._lost >= BEARABLE * self._seen:
            share = self._lost / self._seen
            self._before = rate
            self._begin(rate * (1.0 - share) * BACK_OFF)
            self._share = share
            return self._rate
        if self._seen >= FORGETS:
            self._seen, self._lost = self._seen // 2, self._lost // 2
        return None

    def tried(self, rate: float, *, is_lost: bool) -> float | None:
        """Note what became of a request at a rate that grows; return what to hold if it grew too much."""
        self._tried.append(is_lost)
        lost = sum(self._tried) if is_lost else 0
        if lost < ENOUGH:
            return None
        share = lost / (len(self._tried) - self._tried.index(True))  # since the growth began to lose
        if share < BEARABLE + 2.0 * self._chance:
            return None
        self._tried.clear()
        return rate * (1.0 - share) * BACK_OFF

    def _judge(self, rate: float, share: float) -> float | None:
        if self._seen * share < EXPECTED:
            return None
        self._share = None
        if self._lost * HELPED <= self._seen * share:
            self.clear, self.lossy, self._in_vain = rate, self._before, 0
            self._begin(rate)
            return None
        self._chance = share
        self._rests = RESTS * 2 ** min(self._in_vain, 10)
        self._in_vain += 1
        self._begin(self._before)
        return self._before

    def bounded(self, rate: float) -> float:
        """That rate, but not one that is known to lose."""
        if self.clear is None or rate <= self.clear:
            return rate
        if rate > self.lossy * RAISED:
            self.clear = None
            return rate
        return self.clear

    def _begin(self, rate: float) -> None:
        self._rate, self._since, self._seen, self._lost = rate, self._newest, 0, 0

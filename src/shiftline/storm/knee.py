"""The search for the highest rate without a failure, after RFC 7502 section 4; pure.

Grow while nothing fails; at a failure go back to the last rate that passed and grow more slowly from there;
when the slope is smaller than the wanted precision, confirm the candidate with one long run. If that nearly
holds, confirm a twentieth less; if not, the steps had been too short to see the limit: they become longer,
and the search goes on below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_SLOPE = 1.0
"""Growth per step until the first failure: twice as much each time."""
STEP_SECONDS, LONGER = 3.0, 4.0
CONFIRM_SECONDS, CONFIRM_FLOWS = 60.0, 50_000
"""RFC 7502 wants 50,000 attempts; at a low rate, a minute has to do."""
BACK_OFF = 0.05
"""The calibration amount of RFC 7502: by so much a candidate is lowered that nearly held."""
MOST_BACK_OFFS = 2
NEARLY = 0.1
"""A share of failed flows up to which a candidate nearly held."""
_MOST_FAILED_CONFIRMATIONS = 6
_MOST_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A rate to try, in flows per second, and for how long."""

    rate: float
    seconds: float
    is_confirmation: bool = False


@dataclass(slots=True, kw_only=True)
class KneeSearch:
    """Ask for the next `attempt`, `tell` what became of it; it is over when there is none.

    ``lowest`` and ``highest`` (flows per second) bound what is ever tried; ``precision`` is a share of the
    rate. ``passed`` is the highest rate known to pass, ``failed`` the lowest known to fail; both only close
    in while the steps are equally long.
    """

    start: float
    highest: float
    lowest: float = 0.5
    precision: float = 0.03
    passed: float = 0.0
    failed: float | None = None
    confirmed: float | None = None
    """The result: a rate at which the long run had no failure."""
    steps: int = 0
    _slope: float = field(default=FIRST_SLOPE, init=False)
    _seconds: float = field(default=STEP_SECONDS, init=False)
    _confirmations: int = field(default=0, init=False)
    _back_offs: int = field(default=0, init=False)
    _is_over: bool = field(default=False, init=False)

    def attempt(self) -> Attempt | None:
        """What to try next; None when the search is over."""
        if self._is_over or self.confirmed is not None or self.steps >= _MOST_STEPS:
            return None
        rate = self._next_rate()
        if rate is not None:
            return Attempt(rate=rate, seconds=self._seconds)
        if self.passed <= 0.0:
            return None
        seconds = min(CONFIRM_SECONDS, CONFIRM_FLOWS / self.passed)
        return Attempt(rate=self.passed, seconds=seconds, is_confirmation=True)

    def tell(self, attempt: Attempt, *, passed: bool, failed_share: float = 1.0) -> None:
        """What became of it; ``failed_share`` of the flows failed, if it did not pass."""
        self.steps += 1
        if attempt.is_confirmation and passed:
            self.confirmed = attempt.rate
        elif attempt.is_confirmation:
            self._back_off(attempt, failed_share)
        elif passed:
            self.passed = max(self.passed, attempt.rate)
        else:
            self.failed = attempt.rate if self.failed is None else min(self.failed, attempt.rate)
            if self.passed > 0.0:
                self._slope /= 2.0
            self._is_over = attempt.rate <= self.lowest

    def stop(self) -> None:
        """Nothing more can be learned: the generator is at its end, or the target bans."""
        self._is_over = True

    def _back_off(self, attempt: Attempt, failed_share: float) -> None:
        """Confirm a little less, or search again with longer steps."""
        self._confirmations += 1
        self.failed = attempt.rate
        self._is_over = self._confirmations >= _MOST_FAILED_CONFIRMATIONS or attempt.rate <= self.lowest
        if failed_share <= NEARLY and self._back_offs < MOST_BACK_OFFS:
            self._back_offs += 1
            self._slope = 0.0
            self.passed = max(self.lowest, attempt.rate * (1.0 - BACK_OFF))
            return
        self._back_offs = 0
        self.passed = 0.0
        self._seconds = min(self._seconds * LONGER, CONFIRM_SECONDS)
        self._slope = FIRST_SLOPE / 2.0
        self.start = max(self.lowest, attempt.rate / LONGER)

    def _next_rate(self) -> float | None:
        """The next rate of the search; None when there is nothing between what passed and what failed."""
        if self.passed <= 0.0:
            below = self.start if self.failed is None else min(self.start, self.failed / 2.0)
            return min(self.highest, max(self.lowest, below))
        if self.passed >= self.highest:
            return None
        while self._slope >= self.precision / 2.0:
            rate = min(self.highest, self.passed * (1.0 + self._slope))
            if self.failed is None or rate < self.failed:
                return rate
            self._slope /= 2.0
        return None

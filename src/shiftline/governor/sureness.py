"""How sure a learned rate is, and how old: 1 is certain; it halves with each week, until learned anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftline.governor.known import number

WEEK_SECONDS = 604_800.0
PINNED_CONFIDENCE = 0.95


@dataclass(slots=True)
class Sureness:
    """All times are seconds on one monotonic clock."""

    learned_at: float | None = field(default=None, init=False)
    """When the rate was learned in this life, or recalled from an earlier one."""
    _age: float = field(default=0.0, init=False)
    """So old it was when it was recalled."""
    _recalled: float = field(default=0.0, init=False)

    def recall(self, known: Mapping[str, Any], now: float) -> None:
        """Begin with what was learned ``age_seconds`` ago."""
        self._age = (number(known, "age_seconds") or 0.0) + (number(known, "learned_ago") or 0.0)
        self.learned_at = now
        before = (number(known, "learned_ago") or 0.0) / WEEK_SECONDS  # so many weeks it had lost even then
        self._recalled = min(1.0, (number(known, "confidence") or 0.0) * 2.0 ** min(before, 64.0))

    def learned(self, now: float) -> None:
        """A refusal has taught the rate."""
        self.learned_at, self._age, self._recalled = now, 0.0, 0.0

    def certainty(self, now: float, *, is_pinned: bool, searched: float) -> dict[str, Any]:
        """How sure it is, and how many seconds ago it was learned, as plain JSON values.

        ``is_pinned``: the limit is known exactly. ``searched`` is what the search tells, from 0 to 1.
        """
        ago = None if self.learned_at is None else self._age + max(0.0, now - self.learned_at)
        # What showed the limit is not kept over a restart, only how sure it made us.
        sure = PINNED_CONFIDENCE if is_pinned else max(searched, self._recalled)
        return {
            "confidence": 0.0 if ago is None else round(float(sure * 0.5 ** (ago / WEEK_SECONDS)), 2),
            "learned_ago": None if ago is None else round(ago, 1),
        }

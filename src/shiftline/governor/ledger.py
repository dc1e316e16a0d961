"""What an operator is told of a governor: how much left, what was refused and as what, what it waits for.

A refusal gets its class when the governor has decided, which is mostly a while after it came. Nothing here
decides anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shiftline.governor.controller import Answer
from shiftline.governor.known import mappings, number, whole

KEPT = 10
TOGETHER_SECONDS = 1.0
"""Refusals with the same status that come within so much of one another are one entry."""
UNDECIDED = "undecided"
_REFUSED = (Answer.REFUSED, Answer.CREDENTIALS_REFUSED)
_SILENT_BECAUSE = {
    "ban": "silent after a ban",
    "unreachable": "the trunk does not answer",
    UNDECIDED: "silent after a refusal",
}


@dataclass(slots=True)
class _Refusal:
    at: float
    status: int | None
    rate: float
    kind: str = UNDECIDED
    count: int = 1
    is_open: bool = True
    """Its class may still be told; not that of a life before."""


@dataclass(slots=True)
class Ledger:
    """Counts since the governor's start, and the last refusals. Times are seconds on the governor's clock."""

    sent: int = 0
    passed: int = 0
    refused: int = 0
    in_flight: int = 0
    _refusals: deque[_Refusal] = field(default_factory=lambda: deque(maxlen=KEPT), init=False)
    _has_undecided: bool = field(default=False, init=False)

    def recall(self, known: Mapping[str, Any], now: float) -> None:
        """Show the refusals of the life before as well, ``age_seconds`` older than they were told."""
        age = number(known, "age_seconds") or 0.0
        for told in mappings(known, "refusals"):
            kind = told.get("class")
            self._refusals.append(
                _Refusal(
                    now - age - (number(told, "ago") or 0.0),
                    whole(told, "status"),
                    number(told, "rate") or 0.0,
                    kind=kind if isinstance(kind, str) else UNDECIDED,
                    count=whole(told, "count", least=1) or 1,
                    is_open=False,
                )
            )

    def left(self) -> None:
        """A request was sent."""
        self.sent += 1
        self.in_flight += 1

    def came(self, now: float, answer: Answer, status: int | None, rate: float) -> None:
        """What became of a request; ``rate`` is what the governor paced at, in requests per second."""
        self.in_flight -= 1
        self.passed += answer is Answer.PASSED
        if answer in _REFUSED:
            self.refused += 1
            self.note(now, status, rate)

    def note(self, now: float, status: int | None, rate: float) -> None:
        """Note a refusal, or with no status a silence that counts as one."""
        self._has_undecided = True
        last = self._refusals[-1] if self._refusals else None
        if last is not None and last.status == status and abs(now - last.at) <= TOGETHER_SECONDS:
            last.at = max(now, last.at)
            last.count += 1
        else:
            self._refusals.append(_Refusal(now, status, rate))

    def decided(self, kind: str) -> None:
        """The governor has said what is wrong: so were the refusals of which it was not known."""
        if not self._has_undecided or kind in (UNDECIDED, "none"):
            return
        self._has_undecided = False
        for refusal in self._refusals:
            if refusal.is_open:
                refusal.kind, refusal.is_open = kind, False

    def knowledge(self, now: float) -> dict[str, Any]:
        """Plain JSON values: ``refusals`` with the newest last, ``ago`` in seconds, ``rate`` as it began."""
        return {
            "sent": self.sent,
            "passed": self.passed,
            "refused": self.refused,
            "in_flight": self.in_flight,
            "refusals": [
                {
                    "ago": round(max(0.0, now - refusal.at), 3),
                    "class": refusal.kind,
                    "status": refusal.status,
                    "rate": round(refusal.rate, 3),
                    "count": refusal.count,
                }
                for refusal in self._refusals
            ],
        }


def what_it_waits_for(mode: str, refusal: str, canary_in: float | None) -> str | None:
    """A short sentence, or None for a governor that waits for nothing.

    ``canary_in`` is in seconds; None while a canary is under way.
    """
    match mode:
        case "stopped":
            return f"somebody to mend it and re-arm the trunk ({refusal})"
        case "proving" if refusal == "user-bound":
            return f"one check in {max(0.0, canary_in or 0.0):.0f} s: our account alone is refused"
        case "proving" if canary_in is not None and canary_in >= 1.0:
            return f"one check in {canary_in:.0f} s: a canary passed, checks did not"
        case "proving":
            return "one request to be accepted"
        case "listening":
            why = _SILENT_BECAUSE.get(refusal, f"silent after a refusal ({refusal})")
            when = "answer to a canary" if canary_in is None else f"canary in {max(0.0, canary_in):.0f} s"
            return f"{when}: {why}"
        case _:
            return None

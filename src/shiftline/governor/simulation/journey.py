"""What became of all that one sender sent, request by request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shiftline.governor.controller import Answer, Send
from shiftline.governor.limiters.model import Feedback


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request, and how many seconds later the sender knows."""

    answer: Answer
    seconds: float = 0.04
    retry_after: float | None = None
    status: int | None = None
    feedback: Feedback | None = None
    is_lost: bool = False
    """It was dropped: no answer comes to it."""


World = Callable[[float, bool], Reply]
"""What a trunk does with a request that left at that time (seconds), with credentials or without."""


@dataclass(slots=True)
class SentRequest:
    """One request of a journey."""

    at: float
    kind: Send
    credentials: bool
    reply: Reply
    repeats: int = 0
    copied_at: float | None = None
    """When it was sent again first."""
    answered_at: float | None = None
    """None: not yet."""

    @property
    def has_passed(self) -> bool:
        """It is a check, and was handled or will be."""
        return self.kind is Send.CHECK and self.reply.answer is Answer.PASSED


@dataclass(slots=True)
class Journey:
    """All that was sent, and when the last answer came."""

    requests: list[SentRequest] = field(default_factory=list)
    ended_at: float = 0.0

    def between(self, start: float, end: float) -> list[SentRequest]:
        """What left from ``start`` on and before ``end``."""
        return [request for request in self.requests if start <= request.at < end]

    def passed(self) -> list[float]:
        """When each check left that passed."""
        return [request.at for request in self.requests if request.has_passed]

    def passed_between(self, start: float, end: float) -> int:
        """How many checks that passed left from ``start`` on and before ``end``."""
        return sum(start <= at < end for at in self.passed())

    def answered(self, answer: Answer) -> list[SentRequest]:
        """What was answered like that."""
        return [request for request in self.requests if request.reply.answer is answer]

"""What every controller of a trunk's rate can do, so that they can be tried on the same trunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from shiftline.governor.limiters.model import Feedback


class Answer(StrEnum):
    """What became of one request, as far as admission goes."""

    PASSED = "passed"
    """Handled: any answer that only a PBX which looked at the request gives (200, 404, 480, 486...)."""
    CHALLENGED = "challenged"
    """401 or 407 to a request without credentials: the path is open, nothing is proven yet."""
    REFUSED = "refused"
    """403, 503 and the like."""
    CREDENTIALS_REFUSED = "credentials-refused"
    """Challenged again although the request carried credentials for the newest nonce."""
    SILENT = "silent"
    """No answer in time."""


class Send(StrEnum):
    """What the driver may send now."""

    NOTHING = "nothing"
    CHECK = "check"
    CANARY = "canary"
    CANARY_AGAIN = "canary again"
    """A copy of the canary that is under way, in place of a new one."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What may leave now; with NOTHING, ``again_at`` is when to ask again (None: after the next answer)."""

    send: Send
    again_at: float | None = None
    at_latest: float | None = None
    """Where it waits for an answer: then even without one."""


class Controller(Protocol):
    """Decides when a request may leave. All times are seconds on one monotonic clock."""

    @property
    def rate(self) -> float:
        """The rate it would send at, in requests per second."""

    @property
    def is_quiet(self) -> bool:
        """True while nothing but a canary may leave: what was sent is not to be sent again either."""

    @property
    def canary_patience(self) -> float:
        """So long (seconds) to wait for the answer to a canary that is never sent again."""

    @property
    def canary_lasts(self) -> float:
        """So long (seconds) to wait where it is sent again when the permission says so, and only then."""

    @property
    def has_stopped(self) -> bool:
        """True when nothing will ever leave again."""

    @property
    def t1(self) -> float:
        """How old (seconds) a request must be to be sent again at this moment."""

    def repeat_at(self, now: float) -> float | None:
        """When what waits for its answer may be sent again; None: not before something else has happened."""

    def repeated(self, now: float) -> None:
        """Note that a request left once more."""

    def permission(self, now: float) -> Permission:
        """Return what may leave at ``now``, given that something waits to be sent."""

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """Note that a request left; return the ticket for `answered`.

        Each is to be told of once, as SILENT if its driver no longer waits. What is never told of counts as
        silent after the policy's ``lost_seconds`` (for a baseline: never).
        """

    def answered(
        self,
        ticket: int,
        now: float,
        answer: Answer,
        retry_after: float | None = None,
        *,
        status: int | None = None,
        feedback: Feedback | None = None,
        copied_at: float | None = None,
    ) -> None:
        """Note what became of a request. ``retry_after`` (seconds) is honoured on any refusal.

        ``copied_at`` is when it was sent again first; None: it left once.
        """

    def knowledge(self) -> Mapping[str, Any]:
        """What it knows, as plain JSON values."""

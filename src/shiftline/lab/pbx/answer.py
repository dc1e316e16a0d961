"""A final answer of the practice PBX."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.governor.limiters.model import Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A final answer. ``status`` None is silence; ``reason`` is the log's word."""

    status: int | None
    reason: str = "ok"
    phrase: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    authenticated: bool = False
    """It took the time of a digest check (a challenge does as well)."""
    wait_seconds: float = 0.0
    """So long the request waited before anybody took it up."""
    feedback: Feedback | None = None
    """What the PBX would rather get; told to whoever asks for it (RFC 7339)."""
    is_dropped: bool = False
    """It was never taken note of: what repeats it is judged anew."""
    to_tag: str | None = None
    """The tag of a dialog that the answer makes; None: any tag does."""

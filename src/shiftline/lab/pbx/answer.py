"""A final answer of the practice PBX."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A final answer. ``status`` None is silence; ``reason`` is the log's word."""

    status: int | None
    reason: str = "ok"
    phrase: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    authenticated: bool = False
    """It took the time of a digest check (a challenge does as well)."""
    to_tag: str | None = None
    """The tag of a dialog that the answer makes; None: any tag does."""

"""Which copy of a request was answered. A limiter counts the others as well, and drops them."""

from __future__ import annotations

SOON = 0.25
"""Seconds, half of T1 (RFC 3261 section 17.1.1.1): an answer that comes sooner is to the latest copy."""


def arrivals_of(
    copied_after: tuple[float, ...], answered_after: float | None
) -> tuple[float, tuple[float, ...]]:
    """When the copy that counts left, and those that were dropped, in seconds after the first copy.

    Without an answer the first copy counts, and all others were dropped as well. An answer that is long in
    coming may be to an earlier copy: then nothing is said to be dropped.
    """
    if not copied_after:
        return 0.0, ()
    moments = (0.0, *copied_after)
    if answered_after is None:
        return 0.0, copied_after
    answered = max((moment for moment in moments if moment <= answered_after), default=0.0)
    if answered_after - answered > SOON:
        return 0.0, ()
    return answered, tuple(moment for moment in moments if moment != answered)

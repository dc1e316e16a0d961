"""How evenly something was shared: Jain's index (Jain, Chiu and Hawe, DEC-TR-301, 1984)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from shiftline.errors import MisuseError


def jain(amounts: Sequence[float], shares: Sequence[float] | None = None) -> float:
    """1 when everybody got the same for his share, 1/n when one of n got all; 1 when nobody got anything.

    ``amounts`` are what each one got (0 or more), ``shares`` what each was entitled to (above 0; None: all
    alike). Raises MisuseError for figures that are no such thing.
    """
    entitled = shares if shares is not None else [1.0] * len(amounts)
    if not amounts or len(entitled) != len(amounts):
        raise MisuseError("Fairness needs one share for each amount, and somebody to share.")
    if not all(isfinite(x) and x >= 0 for x in amounts) or not all(isfinite(s) and s > 0 for s in entitled):
        raise MisuseError("Amounts are 0 or more, shares above 0, and all finite.")
    scaled = [amount / share for amount, share in zip(amounts, entitled, strict=True)]
    most = max(scaled)
    if not most:
        return 1.0
    parts = [part / most for part in scaled]  # the squares of large figures would overflow
    return min(1.0, sum(parts) ** 2 / (len(parts) * sum(part * part for part in parts)))

"""Whether so many single questions were lost on the way that it is no chance."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb

LOST, ASKED = "questions_lost", "questions_at_rest"
"""Figures of a finding: how many single questions over UDP were answered only when they were sent again, or
not at all, and of how many."""
_USUAL_LOSS = 0.02
"""There and back, of a road that is called good."""
_CHANCE = 0.003
"""How seldom a good road may do it for it to be said: one run in 300."""


def losses(lost: int, asked: int) -> Mapping[str, float]:
    """The figures of a road that loses; none where a good one may have lost as much."""
    if _at_least(lost, asked) >= _CHANCE:
        return {}
    return {LOST: float(lost), ASKED: float(asked)}


def losses_in_short(figures: Mapping[str, float]) -> str:
    """For a headline; empty where there are none to speak of."""
    return (
        f"{figures[LOST]:.0f} of {figures[ASKED]:.0f} questions had to be sent again"
        if LOST in figures
        else ""
    )


def losses_in_words(figures: Mapping[str, float]) -> str:
    """How many of how many; empty where that is none to speak of."""
    if LOST not in figures:
        return ""
    many = f"{figures[LOST]:.0f} of {figures[ASKED]:.0f}"
    return f"{many} single questions were answered only when they were sent again, or not at all"


def _at_least(lost: int, asked: int) -> float:
    """The chance that a good road loses so many of so many, or more."""
    kept = 1.0 - _USUAL_LOSS
    few = (comb(asked, count) * _USUAL_LOSS**count * kept ** (asked - count) for count in range(lost))
    return 1.0 - sum(few)

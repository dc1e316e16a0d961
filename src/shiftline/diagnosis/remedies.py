"""What to do where it is not clear which of several causes it is: first what helps against all of them."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.families import Family

_MOST_APART = 3
"""So many causes have their first step told beside the shared ones."""


def remedy_of(cause: str, family: Family | None) -> tuple[str, ...]:
    """The steps of one cause; none of what is not in the catalogue."""
    return CATALOGUE[cause].remedy.of(family) if cause in CATALOGUE else ()


def remedy_of_one_of(causes: Sequence[str], family: Family | None) -> tuple[str, ...]:
    """The steps that all of them share, then the first of each that the others lack, for the likeliest."""
    each = {cause: remedy_of(cause, family) for cause in causes if cause in CATALOGUE}
    if len(each) <= 1:
        return next(iter(each.values()), ())
    first, *rest = each.values()
    shared = [step for step in first if all(step in steps for steps in rest)]
    apart = []
    for cause, steps in list(each.items())[:_MOST_APART]:
        own = next((step for step in steps if step not in shared), None)
        if own is not None:
            apart.append(f"If it is {cause}: {own}")
    return (*shared, *apart)

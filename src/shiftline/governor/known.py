"""What was kept of an earlier life, read with suspicion.

It comes from a database that other versions wrote, and people. A value of the wrong kind counts as not
kept: a governor that begins blind is slow for a while, one that raises sends nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HIGHEST = 1e12  # seconds, or requests: whatever is more was never measured


def number(known: Mapping[str, Any], name: str, *, least: float = 0.0) -> float | None:
    """The number of that name, from ``least`` on; None for anything else."""
    value = known.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if least <= value <= HIGHEST else None  # not true of NaN


def whole(known: Mapping[str, Any], name: str, *, least: int = 0) -> int | None:
    """The same for what is counted."""
    value = number(known, name, least=least)
    return int(value) if value is not None and value.is_integer() else None


def is_set(known: Mapping[str, Any], name: str) -> bool:
    """True for true alone."""
    return known.get(name) is True


def mappings(known: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Those of a list's items that have names themselves."""
    value = known.get(name)
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item

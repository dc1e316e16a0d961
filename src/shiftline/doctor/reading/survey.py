"""How files hang together: their spans of time, and by how much their clocks differ.

Two records of one network hold the same transactions, so the difference of a request's times in both is
the difference of their clocks and a few milliseconds of way. From each file the requests with the smallest
hashes are kept: the same ones in every file, however large it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from statistics import median

from shiftline.doctor.reading.sighting import Sighting

_SAMPLE = 2000
_FEWEST_SHARED = 3
_SAME_CLOCK = 0.25
"""Seconds: a difference below is the way from one place to the other."""
_MOST_SPREAD = 2.0
"""Seconds: if the middle half of the differences lies wider apart, no single offset explains them."""


@dataclass(slots=True)
class Survey:
    """What one file was found to hold."""

    first: float = 0.0
    last: float = 0.0
    messages: int = 0
    times: dict[int, float] = field(default_factory=dict)
    """When each sampled request was first seen, by its hash."""


def survey(sightings: Iterable[Sighting]) -> Survey:
    """Look through a file's messages."""
    found = Survey()
    heap: list[int] = []  # negated hashes: the largest of the sample is in front
    times = found.times
    for at, _, data, _ in sightings:
        found.messages += 1
        if found.messages == 1:
            found.first = found.last = at
        found.first, found.last = min(found.first, at), max(found.last, at)
        if data.startswith(b"SIP/"):
            continue
        number = _hash(data)
        if number in times or (len(heap) == _SAMPLE and number >= -heap[0]):
            continue
        times[number] = at
        if len(heap) < _SAMPLE:
            heappush(heap, -number)
        else:
            del times[-heappushpop(heap, -number)]
    return found


def _hash(data: bytes) -> int:
    """Of Call-ID and CSeq: a proxy leaves them as they are."""
    parts = []
    for name in (b"\nCall-ID:", b"\nCSeq:"):
        start = data.find(name)
        parts.append(data[start : data.find(b"\n", start + 1)].strip() if start >= 0 else b"")
    return zlib.crc32(b"".join(parts))


def offset_between(reference: Survey, other: Survey) -> float | None:
    """Seconds to add to the times of ``other``; None where too little is shared, or no one offset fits."""
    shared = reference.times.keys() & other.times.keys()
    if len(shared) < _FEWEST_SHARED:
        return None
    differences = sorted(reference.times[number] - other.times[number] for number in shared)
    quarter = len(differences) // 4
    if differences[-1 - quarter] - differences[quarter] > _MOST_SPREAD:
        return None
    middle = median(differences)
    return 0.0 if abs(middle) < _SAME_CLOCK else middle


def clusters(surveys: Sequence[Survey]) -> list[list[int]]:
    """Which files must be read side by side, by their positions: those that overlap. In the order of time."""
    order = sorted(range(len(surveys)), key=lambda position: surveys[position].first)
    found: list[list[int]] = []
    end = float("-inf")
    for position in order:
        if found and surveys[position].first <= end:
            found[-1].append(position)
        else:
            found.append([position])
            end = surveys[position].last
        end = max(end, surveys[position].last)
    return found

"""What arrived at the server and whether it passed: the rows of a phase, ready to be explained.

A request passed if the server dealt with it: 2xx, a challenge, or what the same request gets alone. It was
refused if anything else came, or nothing. What is never refused while other requests are is not counted by
the limiter, and is left out: so a policer of logins does not look as if it let half of everything through.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import compress

from shiftline.storm.watch import Asked

COPIES = (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
"""Seconds after the first copy at which an unanswered request is sent again (RFC 3261 section 17.1.2.2)."""
_FEWEST_OF_KIND = 20
_NEVER = 0.005
"""A share of refusals below which a kind of request is not counted by the limiter."""


class Key(StrEnum):
    """What a limiter counts together."""

    ALL = "all"
    SOURCE = "source"
    USER = "user"


Kind = tuple[str, bool]
"""A method, and whether credentials were carried."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One copy of a request at the server."""

    at: float
    source: str
    user: str
    kind: Kind
    passed: bool
    seconds: float = 0.0
    """From its sending to its answer; 0.0 where none came."""

    def group(self, key: Key) -> str:
        """What it is counted with."""
        if key is Key.ALL:
            return ""
        return self.source if key is Key.SOURCE else self.user


def passed(row: Asked, usual: frozenset[int]) -> bool:
    """Whether the server dealt with it; ``usual`` are other statuses that it has for a request alone."""
    return 200 <= row.status < 300 or row.status in (401, 407) or row.status in usual


def arrivals_of(rows: Iterable[Asked], *, usual: frozenset[int] = frozenset()) -> list[Arrival]:
    """The arrivals of ``rows`` in order of time, each request once."""
    found = [
        Arrival(
            row.sent, row.source, row.user, (row.method, row.carried), passed(row, usual),
            0.0 if row.answered is None else row.answered - row.sent,
        )
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda arrival: arrival.at)


def with_copies(rows: Iterable[Asked], *, usual: frozenset[int], timeout: float, end: float) -> list[Arrival]:
    """Every copy of every request: what silence answered was sent again, until ``timeout`` or the ``end``.

    If an answer came in the end, it came to the last copy before it, and those before that were refused.
    Of what left in one batch, the first passed: whoever was refused came after them.
    """
    found = []
    for row in rows:
        last = min(row.sent + timeout, end) if row.answered is None else row.answered
        times = [row.sent, *(row.sent + after for after in COPIES if row.sent + after < last)]
        fate = passed(row, usual)
        found += [
            Arrival(at, row.source, row.user, (row.method, row.carried), fate and at == times[-1])
            for at in times
        ]
    return sorted(found, key=lambda arrival: (arrival.at, not arrival.passed))


def counted_kinds(arrivals: Iterable[Arrival]) -> frozenset[Kind]:
    """The kinds of requests that are refused at all."""
    seen: Counter[Kind] = Counter()
    refused: Counter[Kind] = Counter()
    for arrival in arrivals:
        seen[arrival.kind] += 1
        refused[arrival.kind] += not arrival.passed
    return frozenset(kind for kind, count in seen.items() if refused[kind] > max(0.0, _NEVER * count))


def free_kinds(arrivals: Sequence[Arrival]) -> frozenset[Kind]:
    """The kinds that came often while others were refused, and never were themselves."""
    counted = counted_kinds(arrivals)
    often = Counter(arrival.kind for arrival in arrivals)
    return frozenset(
        kind for kind, count in often.items() if kind not in counted and count >= _FEWEST_OF_KIND
    )


class Trial:
    """The counted arrivals of one phase, and cells in which a prediction is compared with what was seen.

    A cell is a tenth of a second of all, a second of one source, or a second of the users who asked about
    equally often. A limiter's timers are not ours, so that who of two neighbours passed is no evidence, and
    how many of many is.
    """

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.arrivals = arrivals
        self.passed = [arrival.passed for arrival in arrivals]
        often = Counter(arrival.user for arrival in arrivals)
        self._cells = [
            _Cells(arrivals, lambda arrival: ("", int(arrival.at * 10.0))),
            _Cells(arrivals, lambda arrival: (arrival.source, int(arrival.at))),
            _Cells(arrivals, lambda arrival: (str(often[arrival.user].bit_length()), int(arrival.at))),
        ]

    def __len__(self) -> int:
        return len(self.arrivals)

    @cached_property
    def refused(self) -> int:
        """How many were refused."""
        return sum(not arrival.passed for arrival in self.arrivals)

    @cached_property
    def pass_rate(self) -> float:
        """Passes per second, from the first arrival to the last."""
        length = self.arrivals[-1].at - self.arrivals[0].at if self.arrivals else 0.0
        return sum(self.passed) / length if length else 0.0

    def groups(self, key: Key) -> Mapping[str, Sequence[int]]:
        """The places of the arrivals that are counted together."""
        return self._groups[key]

    def times(self, key: Key) -> Sequence[tuple[Sequence[int], Sequence[float]]]:
        """The same places, each group's with the moments (seconds, in order) of its arrivals."""
        return self._times[key]

    @cached_property
    def _times(self) -> Mapping[Key, Sequence[tuple[Sequence[int], Sequence[float]]]]:
        return {
            key: [(places, [self.arrivals[place].at for place in places]) for places in groups.values()]
            for key, groups in self._groups.items()
        }

    @cached_property
    def _groups(self) -> Mapping[Key, Mapping[str, Sequence[int]]]:
        found: dict[Key, dict[str, list[int]]] = {key: defaultdict(list) for key in Key}
        for place, arrival in enumerate(self.arrivals):
            for key, groups in found.items():
                groups[arrival.group(key)].append(place)
        return found

    def agreement(self, predicted: Sequence[bool]) -> float:
        """How well it foretells what passed and what was refused: 0 to 1."""
        return min(cells.agreement(predicted) for cells in self._cells)


class _Cells:
    def __init__(self, arrivals: Sequence[Arrival], cell_of: Callable[[Arrival], tuple[str, int]]) -> None:
        numbers: dict[tuple[str, int], int] = {}
        self._cell = [numbers.setdefault(cell_of(arrival), len(numbers)) for arrival in arrivals]
        self._passed = [0] * len(numbers)
        for cell, arrival in zip(self._cell, arrivals, strict=True):
            self._passed[cell] += arrival.passed

    def agreement(self, predicted: Sequence[bool]) -> float:
        foretold = Counter(compress(self._cell, predicted))
        off = sum(abs(seen - foretold[cell]) for cell, seen in enumerate(self._passed))
        whole = len(self._cell)
        passes = sum(self._passed) + foretold.total()
        refusals = 2 * whole - passes
        return max(0.0, 1.0 - off / max(1, min(passes, refusals)))

"""How much passed from one filling of a limit to the next, while a load went on beyond it.

A window that is kept full lets as much pass again and again, a window apart; a bucket one request each time
that one has flowed in (facts K3, K4, RFC 7415 section 3.5.1). Whatever it is, so much passed in so much time.
Timers of a busy PBX come late and catch up, which contradicts windows of one length (`possible_limits`);
several together do not mind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers

_PAUSE_SECONDS = 0.5
"""Where nothing was asked for longer, nothing was kept full."""
_LEAST_CYCLES = 2
_LEAST_REFUSED = 0.2
"""A load of which less is refused may leave a window unfilled."""
_LESS = 0.3
"""A row of refusals is so short beside the others where two requests overtook each other."""
_UNSURE = 0.1
"""A figure that may be further off is none."""
_ALIKE = 0.75
"""So many of the counts have to be the same, give or take one or a twentieth: what a window holds is."""
_UNEVEN = 0.4
"""Nor is one cycle so much slower than all together."""
_WHOLE = 0.1
"""Windows have whole seconds, as timers of PBXs do (facts K1, K3, K4): what is further from one is none."""


@dataclass(frozen=True, slots=True)
class Fillings:
    """What passed in whole cycles of a limit, each from the first passage after refusals to the next such."""

    counts: tuple[int, ...]
    periods: tuple[float, ...]
    """Seconds of each."""
    unsure_seconds: float
    """By which that may be wrong: nothing is known between a refusal and the next passage."""

    @property
    def figures(self) -> dict[str, float]:
        """For a finding: the limit and its window if it has one, else the rate."""
        cycle = median(self.periods)
        window = float(round(cycle))
        if abs(cycle - window) > _WHOLE * window:
            return {
                "limit": self.passed / self.seconds,
                "rate_lowest": self.passed / (self.seconds + self.unsure_seconds),
                "rate_highest": self.passed / max(self.seconds - self.unsure_seconds, self.unsure_seconds),
            }
        same = self._same
        return {
            "limit": float(median(same)),
            "limit_lowest": float(min(same)),
            "limit_highest": float(max(same)),
            "rate_lowest": min(same) / window,
            "rate_highest": max(same) / window,
            "window_seconds": window,
            "window_seconds_lowest": window,
            "window_seconds_highest": window,
        }

    @property
    def seconds(self) -> float:
        """Of all of them together."""
        return sum(self.periods)

    @property
    def passed(self) -> int:
        """In all of them together."""
        return sum(self.counts)

    @property
    def is_regular(self) -> bool:
        """Whether a limit may have brought it about: chance lets now more pass, now less."""
        rate = self.passed / self.seconds
        rates = [count / seconds for count, seconds in zip(self.counts, self.periods, strict=True)]
        even = [one for one in rates if abs(one - rate) <= _UNEVEN * rate]
        return min(len(self._same), len(even)) >= _ALIKE * len(self.counts)

    @property
    def equal(self) -> float:
        """The share of the counts that are the usual one: what a limit does not count adds to some."""
        usual = median(self.counts)
        return sum(one == usual for one in self.counts) / len(self.counts)

    @property
    def spread(self) -> float:
        """How far the periods lie apart: what passes beside a limit looks like the next filling."""
        return max(self.periods) - min(self.periods)

    @property
    def _same(self) -> list[int]:
        usual = median(self.counts)
        return [one for one in self.counts if abs(one - usual) <= max(1.0, 0.05 * usual)]


def fillings(*readings: LoadAnswers) -> Fillings | None:
    """Of several readings of what a limit counts the one with the most equal counts, and then periods."""
    found = [one for seen in readings if (one := _longest(seen)) is not None]
    return max(found, key=lambda one: (one.equal, -one.spread), default=None)


def _longest(seen: LoadAnswers) -> Fillings | None:
    """Of the longest time in which a load was kept up, if it is regular."""
    stretches = [one for part in seen.episodes(_PAUSE_SECONDS) if (one := _of_stretch(part)) is not None]
    longest = max(stretches, key=lambda one: one.seconds, default=None)
    return longest if longest is not None and longest.is_regular else None


def _of_stretch(seen: LoadAnswers) -> Fillings | None:
    order = sorted(seen.seen, key=_decided)
    begins = _begins(order)
    if len(begins) <= _LEAST_CYCLES:
        return None
    whole = order[begins[0] : begins[-1]]
    if sum(not one.passed for one in whole) < _LEAST_REFUSED * len(whole):
        return None
    counts = [sum(one.passed for one in order[begin:end]) for begin, end in pairwise(begins)]
    times = [_decided(order[begin]) for begin in begins]
    unsure = max(_decided(order[at]) - _decided(order[at - 1]) for at in (begins[0], begins[-1]))
    periods = tuple(end - begin for begin, end in pairwise(times))
    found = Fillings(tuple(counts), periods, unsure)
    return found if unsure <= _UNSURE * found.seconds and _is_even(found, times) else None


def _begins(order: Sequence[LoadAnswer]) -> list[int]:
    """Of each filling the first passage, by its number, after a row of refusals that is no overtaking."""
    rows: list[tuple[int, float]] = []
    last = None
    for at, one in enumerate(order):
        if not one.passed:
            continue
        if last is not None and last < at - 1:
            rows.append((at, _decided(one) - _decided(order[last])))
        last = at
    half, usual = sum(seconds for _, seconds in rows) / 2.0, 0.0
    for seconds in sorted((seconds for _, seconds in rows), reverse=True):
        half, usual = half - seconds, seconds
        if half <= 0.0:
            break  # half of all that time is in rows that are no shorter
    return [at for at, seconds in rows if seconds >= _LESS * usual]


def _is_even(found: Fillings, times: Sequence[float]) -> bool:
    """Whether at no time more passed or less than at an even rate, but for a filling."""
    rate, most = found.passed / found.seconds, median(found.counts) + 1.0
    passed = accumulate(found.counts)
    return all(
        abs(count - rate * (at - times[0])) <= most for count, at in zip(passed, times[1:], strict=True)
    )


def _decided(one: LoadAnswer) -> float:
    """About when: midway between its leaving and its answer."""
    return (one.sent_at + one.answered_at) / 2.0

"""Limiters that shut: once exceeded, nothing passes for a time, or as long as somebody keeps asking.

How many requests it takes stands in the first burst of each key; in which time, in what happens to keys that
ask slowly, each at a rate of its own. Every limiter of the governor's bank that fits is then played over all
that was seen, the quiet times and the single questions in them included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import median

from shiftline.governor.limiters.model import Arrival as Judged
from shiftline.governor.limiters.model import Fate
from shiftline.governor.limiters.pike import PikeTree, address_bytes
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.storm.verdict.arrivals import Arrival, Key, Trial

BAN_WINDOWS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds in which a limiter that shuts counts."""
_PHASES, _FINER_PHASES, _FINALISTS = 8, 40, 5
_MOST_PLAYED = 4_000
_LEAST_BAN_SECONDS = 8.0
_FOR_EVER = 3600.0
_MOST_DENSITY = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutFit:
    """A limiter that shuts, and how well it foretells."""

    spec: str
    count: float
    seconds: float
    key: Key
    agreement: float
    ban_seconds: float | None
    """None: it opens again when the rate falls; infinity: longer than was waited."""


def shut_fits(arrivals: Sequence[Arrival], key: Key) -> list[ShutFit]:
    """Every limiter that shuts and might be it; the best first. ``arrivals`` are of all phases."""
    trial = Trial(_thinned(arrivals))
    burst = burst_size(arrivals, key)
    if not burst:
        return []
    ban = _shut_seconds(arrivals, key)
    coarse = [
        replace(candidate, agreement=_best_agreement(trial, candidate, _PHASES))
        for candidate in _candidates(arrivals, key, burst, ban)
    ]
    ordered = sorted(coarse, key=lambda fit: -fit.agreement)
    finer = [
        replace(fit, agreement=_best_agreement(trial, fit, _FINER_PHASES)) for fit in ordered[:_FINALISTS]
    ]
    return sorted([*finer, *ordered[_FINALISTS:]], key=lambda fit: -fit.agreement)


def burst_size(arrivals: Sequence[Arrival], key: Key) -> int:
    """How many requests of a key passed before its first refusal, in a burst; 0 if none was refused.

    The fastest bursts count: in a slow one, some are forgotten before it is full.
    """
    begun: dict[str, float] = {}
    passed: dict[str, int] = {}
    bursts: dict[str, tuple[float, int]] = {}
    for arrival in arrivals:
        group = arrival.group(key)
        if arrival.passed:
            passed[group] = passed.get(group, 0) + 1
            begun.setdefault(group, arrival.at)
        elif group not in bursts and group in passed:
            bursts[group] = (arrival.at - begun[group], passed[group])
    quick = sorted(bursts.values())[: max(1, len(bursts) // 4)]
    return round(median(count for _, count in quick)) if quick else 0


def _shut_seconds(arrivals: Sequence[Arrival], key: Key) -> float:
    """How long a key stayed shut, from its first refusal to its next pass; infinity if there was none."""
    since: dict[str, float] = {}
    last: dict[str, float] = {}
    spells = []
    for arrival in arrivals:
        group = arrival.group(key)
        if not arrival.passed:
            since.setdefault(group, arrival.at)
            last[group] = arrival.at
        elif group in since:
            spells.append((last[group] + arrival.at) / 2.0 - since.pop(group))
    long = [spell for spell in spells if spell >= _LEAST_BAN_SECONDS]
    if long:
        return median(long)
    return inf if since and not spells else 0.0


def _candidates(arrivals: Sequence[Arrival], key: Key, burst: int, shut: float) -> Iterator[ShutFit]:
    bans: Sequence[float | None] = [None] if not shut else [shut] if shut == inf else [shut, None]
    for seconds in BAN_WINDOWS:
        for ban in bans:
            lasting = _FOR_EVER if ban == inf else None if ban is None else float(int(ban))
            if key is Key.SOURCE:
                for density in _densities(arrivals, burst):
                    words = f"pike:{density}/{seconds:g}s,ban={lasting or 0:g}s"
                    yield _candidate(words, density, seconds, key, ban)
            if lasting is None:
                yield _candidate(
                    f"sliding:{burst}/{seconds:g}s,counts=all,key={key}", burst, seconds, key, ban
                )
            elif key is Key.USER:
                words = f"lockout:{burst}/{seconds:g}s,lock={lasting:g}s,key={key}"
                yield _candidate(words, burst, seconds, key, ban)
            else:
                words = f"escalating:{burst}/{seconds:g}s,ban={lasting:g}s,growth=1,key={key}"
                yield _candidate(words, burst, seconds, key, ban)


def _candidate(spec: str, count: float, seconds: float, key: Key, ban: float | None) -> ShutFit:
    return ShutFit(spec=spec, count=count, seconds=seconds, key=key, agreement=0.0, ban_seconds=ban)


def _densities(arrivals: Sequence[Arrival], burst: int) -> list[int]:
    """Pike's densities whose first burst, from the first source that was seen, would have been this long."""
    first = next((arrival.source for arrival in arrivals if not arrival.passed), "")
    address = address_bytes(first)
    low, high = 1, min(_MOST_DENSITY, burst + 1)
    while low < high:
        middle = (low + high) // 2
        if _burst_of(middle, address) < burst:
            low = middle + 1
        else:
            high = middle
    return sorted({max(1, low - 1), low, low + 1})


def _burst_of(density: int, address: bytes) -> int:
    tree = PikeTree(density)
    count = 0
    while tree.passes(address, 0.0):
        count += 1
    return count


def _best_agreement(trial: Trial, fit: ShutFit, phases: int) -> float:
    """At the phase that suits it best."""
    spec = parse_limiter(fit.spec)
    best = 0.0
    for number in range(phases):
        limiter = spec.build(number / phases)
        foretold = [
            limiter.judge(Judged(at=arrival.at, source=arrival.source, account=arrival.user)).fate
            is Fate.PASS
            for arrival in trial.arrivals
        ]
        best = max(best, (trial.agreement(foretold) + _same_bursts(trial, fit.key, foretold)) / 2.0)
    return best


def _same_bursts(trial: Trial, key: Key, foretold: Sequence[bool]) -> float:
    """How well the first bursts agree in size, of keys that shut or were to shut: 0 to 1."""
    shares = []
    for places in trial.groups(key).values():
        seen, said = _until_refused(trial, places, None), _until_refused(trial, places, foretold)
        if seen is not None or said is not None:
            low, high = sorted(len(places) if size is None else size for size in (seen, said))
            shares.append(low / high if high else 1.0)
    return sum(shares) / len(shares) if shares else 0.0


def _until_refused(trial: Trial, places: Sequence[int], foretold: Sequence[bool] | None) -> int | None:
    """How many of them come before the first that is refused; None if none is."""
    for number, place in enumerate(places):
        if not (trial.arrivals[place].passed if foretold is None else foretold[place]):
            return number
    return None


def _thinned(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """All that passed and each key's first refusals, and of the later ones so many as can be played."""
    counts: dict[str, int] = {}
    kept = []
    step = max(1, len(arrivals) // _MOST_PLAYED)
    for arrival in arrivals:
        if arrival.passed:
            counts[arrival.user] = 0
            kept.append(arrival)
            continue
        count = counts[arrival.user] = counts.get(arrival.user, 0) + 1
        if count <= 2 or count % step == 0:
            kept.append(arrival)
    return kept

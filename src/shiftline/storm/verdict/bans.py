"""Limiters that shut: once exceeded, nothing passes for a time, or as long as somebody keeps asking.

How many requests it takes stands in the first burst of each key; in which time, in what happens to keys that
ask slowly, each at a rate of its own. Every limiter of the governor's bank that fits is then played over all
that was seen, the quiet times and the single questions in them included.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import fmean, median

from shiftline.governor.limiters.model import Arrival as Judged
from shiftline.governor.limiters.model import Fate, Limiter
from shiftline.governor.limiters.pike import PikeTree, address_bytes
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.storm.verdict.arrivals import Arrival, Key, Trial

BAN_WINDOWS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds in which a limiter that shuts counts."""
_PHASES, _FINER_PHASES, _FINALISTS = 8, 40, 5
_MOST_PLAYED = 4_000
_LEAST_BAN_SECONDS = 8.0
_TOGETHER_SECONDS = 0.05
"""What is refused and passed within this is one burst: a server's processes overtake one another."""
_CLOCK_SECONDS = 0.15
"""By so much a ban's end, seen from outside, may be off."""
_CLOCK_SECONDS = 0.1
"""By so much a ban's end, seen from outside, may be off."""
_ALONE_SECONDS = 0.3
"""A question with none from anybody this long before and after it was asked alone."""
_ROUNDS = 5
"""How often a phase's step is halved: a burst over a window's end shows that to a few milliseconds."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """How long a key stayed shut: ``seconds``, infinity if to the end; it ``opened`` within a ``gap``."""

    gap: float
    seconds: float
    opened: float

    @property
    def exact(self) -> float:
        """A ban that ends when it is over: in whole seconds, if it may be."""
        if self.seconds == inf:
            return _FOR_EVER
        whole = float(round(self.seconds))
        return (
            whole if abs(whole - self.seconds) <= self.gap / 2.0 + _CLOCK_SECONDS else round(self.seconds, 1)
        )

    @property
    def ticking(self) -> float:
        """A ban in a table of Kamailio's, whose clock ticks once a second: it lasts up to a second more."""
        return _FOR_EVER if self.seconds == inf else float(int(self.seconds + _CLOCK_SECONDS))


def shut_fits(arrivals: Sequence[Arrival], key: Key) -> list[ShutFit]:
    """Every limiter that shuts and might be it; the best first. ``arrivals`` are of all phases."""
    bursts = burst_sizes(arrivals, key)
    if not bursts:
        return []
    spell = _spell(arrivals, key)
    history = _History(_thinned(arrivals, key, max(bursts)), key, spell.opened if spell else 0.0)
    ordered = _ordered(history.played(fit, _PHASES) for fit in _candidates(arrivals, key, bursts, spell))
    finer = [history.played(fit, _FINER_PHASES, _ROUNDS) for fit in ordered[:_FINALISTS]]
    return _ordered([*finer, *ordered[_FINALISTS:]])


def _ordered(found: Iterable[ShutFit]) -> list[ShutFit]:
    """The best first; of those that agree equally well, what bans nobody and has the shorter window."""
    return sorted(found, key=lambda fit: (-round(fit.agreement, 3), fit.ban_seconds is not None, fit.seconds))


def burst_sizes(arrivals: Sequence[Arrival], key: Key) -> list[int]:
    """How many requests of a key passed before its first refusal: the quickest burst, the first, the fewest.

    A limiter with windows lets a burst through that is longer than its limit, if a window ends within it;
    pike one that depends on what it had seen. Empty if nothing was refused.
    """
    begun: dict[str, float] = {}
    passed: Counter[str] = Counter()
    refused: dict[str, float] = {}
    for arrival in arrivals:
        group, at = arrival.group(key), arrival.at
        if not arrival.passed:
            refused.setdefault(group, at)
        elif group not in refused or at <= refused[group] + _TOGETHER_SECONDS:
            passed[group] += 1
            begun.setdefault(group, at)
    bursts = {group: (at - begun[group], passed[group]) for group, at in refused.items() if passed[group]}
    if not bursts:
        return []
    quick = sorted(bursts.values())[: max(1, len(bursts) // 4)]
    counts = [count for _, count in bursts.values()]  # in the order in which they were refused
    return list(dict.fromkeys((round(median(count for _, count in quick)), counts[0], min(counts))))


def _spell(arrivals: Sequence[Arrival], key: Key) -> Spell | None:
    """How long a key stayed shut, from its first refusal to its next pass; None if it never opened late.

    The spell whose end was seen most closely tells: who goes on asking sees it to a tenth of a second, who
    asks once in two seconds does not.
    """
    since: dict[str, float] = {}
    last: dict[str, float] = {}
    spells = []
    for arrival in arrivals:
        group = arrival.group(key)
        if not arrival.passed:
            since.setdefault(group, arrival.at)
            last[group] = arrival.at
        elif group in since:
            opened = (last[group] + arrival.at) / 2.0
            spells.append(
                Spell(gap=arrival.at - last[group], seconds=opened - since.pop(group), opened=opened)
            )
    if since and not spells:
        return Spell(gap=0.0, seconds=inf, opened=0.0)
    long = [spell for spell in spells if spell.seconds >= _LEAST_BAN_SECONDS]
    return min(long, key=lambda spell: spell.gap, default=None)


def _candidates(
    arrivals: Sequence[Arrival], key: Key, bursts: Sequence[int], spell: Spell | None
) -> Iterator[ShutFit]:
    densities: list[int] = []
    if key is Key.SOURCE:  # a burst over a unit's end is longer: any of them may be
        densities = sorted({density for burst in bursts for density in _densities(arrivals, burst)})
    spells: list[Spell | None] = [] if spell is None else [spell]
    if spell is None or spell.seconds != inf:  # it may merely count what it refuses
        spells.append(None)
    for seconds in BAN_WINDOWS:
        for one in spells:
            ban = None if one is None else one.seconds
            lasting = 0.0 if one is None else one.ticking
            for density in densities:
                yield _candidate(f"pike:{density}/{seconds:g}s,ban={lasting:g}s", density, seconds, key, ban)
            for burst in bursts:
                words = _counted_words(f"{burst}/{seconds:g}s", key, one)
                yield _candidate(words, burst, seconds, key, ban)


def _counted_words(amount: str, key: Key, spell: Spell | None) -> str:
    if spell is None:
        return f"sliding:{amount},counts=all,key={key}"
    if key is Key.USER:
        return f"lockout:{amount},lock={spell.ticking:g}s,key=user"
    return f"escalating:{amount},ban={spell.exact:g}s,growth=1,key={key}"


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


class _History:
    """What was seen, ready to be played to many limiters; a table's clock ticked when somebody ``opened``."""

    def __init__(self, arrivals: Sequence[Arrival], key: Key, opened: float) -> None:
        self._trial = Trial(arrivals)
        self._tick = opened % 1.0
        self._judged = [
            Judged(at=arrival.at, source=arrival.source, account=arrival.user) for arrival in arrivals
        ]
        self._groups = list(self._trial.groups(key).values())
        self._times = [arrival.at for arrival in arrivals]
        self._seen = [_until_refused(self._times, places, self._trial.passed) for places in self._groups]
        self._alone = _alone(self._times)

    def played(self, fit: ShutFit, phases: int, rounds: int = 0) -> ShutFit:
        """The same with its agreement, at the phase (0 to 1) that suits it best."""
        spec = parse_limiter(fit.spec)

        def agreement(phase: float) -> float:
            return self._agreement(spec.build(phase % 1.0, random=lambda: self._tick))

        if spec.name == "sliding":
            return replace(fit, agreement=agreement(0.0))
        best, phase = max((agreement(number / phases), number / phases) for number in range(phases))
        step = 1.0 / phases
        for _ in range(rounds):
            step /= 2.0
            best, phase = max((best, phase), *((agreement(one), one) for one in (phase - step, phase + step)))
        return replace(fit, agreement=best)

    def _agreement(self, limiter: Limiter) -> float:
        foretold = [limiter.judge(arrival).fate is Fate.PASS for arrival in self._judged]
        parts = [self._trial.agreement(foretold), self._same_bursts(foretold)]
        if self._alone:
            parts.append(fmean(foretold[place] is self._trial.passed[place] for place in self._alone))
        return fmean(parts)

    def _same_bursts(self, foretold: Sequence[bool]) -> float:
        """How well the first bursts agree in size, of keys that shut or were to shut: 0 to 1.

        Keys that began in the same second did so in the same phase; the phase that agrees least counts, as
        a fan of five keys tells more than a load of five hundred.
        """
        shares: dict[int, list[float]] = defaultdict(list)
        for places, seen in zip(self._groups, self._seen, strict=True):
            said = _until_refused(self._times, places, foretold)
            if seen is not None or said is not None:
                low, high = sorted(len(places) if size is None else size for size in (seen, said))
                shares[int(self._judged[places[0]].at)].append(low / high if high else 1.0)
        return min(map(fmean, shares.values()), default=0.0)


def _until_refused(times: Sequence[float], places: Sequence[int], passed: Sequence[bool]) -> int | None:
    """How many of them pass until the first is refused; None if none is."""
    first = next((times[place] for place in places if not passed[place]), None)
    if first is None:
        return None
    return sum(passed[place] and times[place] <= first + _TOGETHER_SECONDS for place in places)


def _alone(times: Sequence[float]) -> list[int]:
    """The places of what was asked alone: how long it stays shut for who asks seldom stands in those few."""
    padded = [-inf, *times, inf]
    return [
        place
        for place, (before, at, after) in enumerate(zip(padded, times, padded[2:], strict=False))
        if min(at - before, after - at) >= _ALONE_SECONDS
    ]


def _thinned(arrivals: Sequence[Arrival], key: Key, burst: int) -> list[Arrival]:
    """All that passed, and of each key's refusals in a second enough to keep shut whatever counts them.

    They are left out evenly, so that a window ends when it did.
    """
    cells = [(arrival.group(key), int(arrival.at)) for arrival in arrivals]
    refused = Counter(cell for cell, arrival in zip(cells, arrivals, strict=True) if not arrival.passed)
    for enough in (4 * burst, 2 * burst, burst + burst // 4 + 1):
        kept = []
        before: Counter[tuple[str, int]] = Counter()
        for cell, arrival in zip(cells, arrivals, strict=True):
            if arrival.passed or before[cell] % max(1, refused[cell] // enough) == 0:
                kept.append(arrival)
            before[cell] += not arrival.passed
        if len(kept) <= _MOST_PLAYED:
            break
    return kept

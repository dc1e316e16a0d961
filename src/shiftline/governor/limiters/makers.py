"""How the limiters that a text names are built, and what an all-knowing sender gets of each.

Times are seconds, rates requests per second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shiftline.governor.limiters.capacity import ConcurrencyCap, CpuBound, FeedbackServer
from shiftline.governor.limiters.circumstances import Shared
from shiftline.governor.limiters.counters import FixedWindow, RedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.form import Chance, Wanted
from shiftline.governor.limiters.model import DROPPED, Counter, Fate, Limiter, Verdict
from shiftline.governor.limiters.pike import Pike, PikeTree, address_bytes
from shiftline.governor.limiters.policers import Ban, Keyed, PerSource, Policer, by_account, by_source


def _refusal(wanted: Wanted) -> Verdict:
    status = str(wanted.options["status"])
    if status == "silent":
        return DROPPED
    wait = wanted.options.get("retry-after", wanted.options.get("seconds", 0.0))
    return Verdict(fate=Fate.REFUSE, status=int(status), retry_after=float(wait) or None)


def _keyed(wanted: Wanted, make: Callable[[], Limiter]) -> Limiter:
    match wanted.options["key"]:
        case "source":
            return Keyed(make, by_source)
        case "user":
            return Keyed(make, by_account)
        case _:
            return make()


def _counter(of: str, wanted: Wanted, phase_share: float) -> Counter:
    limit, seconds = wanted.limit, wanted.amount.seconds
    phase = phase_share * seconds
    match of:
        case "red":
            return RedWindow(limit, seconds, phase)
        case "sliding":
            return SlidingWindow(limit, seconds, wanted.options.get("counts") == "all")
        case _:
            return FixedWindow(limit, seconds, phase)


def policer(of: str) -> Callable[[Wanted, Chance], Limiter]:
    def build(wanted: Wanted, chance: Chance) -> Limiter:
        refusal = _refusal(wanted)
        return _keyed(wanted, lambda: Policer(_counter(of, wanted, chance.phase_share), refusal))

    return build


def bucket(wanted: Wanted, chance: Chance) -> Limiter:
    del chance
    rate = wanted.amount.per_second
    burst = wanted.number("burst") or max(1.0, rate)
    return _keyed(wanted, lambda: Policer(TokenBucket(rate, burst), _refusal(wanted)))


def pike(wanted: Wanted, chance: Chance) -> Limiter:
    """Kamailio's stock flood protection: pike, and whom it has caught in a table of banned addresses."""
    # Its timer runs since before the first arrival: a unit that began then is not longer than others.
    phase = (chance.phase_share - 1.0) * wanted.amount.seconds
    refusal, seconds, clock_phase = _refusal(wanted), wanted.number("ban"), chance.draw()
    tree = PikeTree(wanted.limit, wanted.amount.seconds, phase, wanted.number("latency"))

    def make(source: str) -> Limiter:
        counter = Pike(tree, address_bytes(source))
        if not seconds:
            return Policer(counter, refusal)
        return Ban(
            counter=counter, seconds=seconds, refusal=refusal, clock_seconds=1.0, clock_phase=clock_phase
        )

    return PerSource(make)


def lockout(wanted: Wanted, chance: Chance) -> Limiter:
    """A table of counts per user and minute, and one of locked users (Kamailio's htable)."""
    phase, clock_phase = chance.phase_share * wanted.amount.seconds, chance.draw()
    return _keyed(
        wanted,
        lambda: Ban(
            counter=FixedWindow(wanted.limit, wanted.amount.seconds, phase),
            seconds=wanted.number("lock"),
            refusal=_refusal(wanted),
            prolonged=bool(wanted.options["prolonged"]),
            clock_seconds=1.0,
            clock_phase=clock_phase,
        ),
    )


def escalating(wanted: Wanted, chance: Chance) -> Limiter:
    phase = chance.phase_share * wanted.amount.seconds
    return _keyed(
        wanted,
        lambda: Ban(
            counter=FixedWindow(wanted.limit, wanted.amount.seconds, phase),
            seconds=wanted.number("ban"),
            growth=wanted.number("growth"),
            longest_seconds=wanted.number("longest"),
            refusal=_refusal(wanted),
            prolonged=bool(wanted.options["prolonged"]),
        ),
    )


def concurrency(wanted: Wanted, chance: Chance) -> Limiter:
    del chance
    return _keyed(wanted, lambda: ConcurrencyCap(wanted.limit, _refusal(wanted)))


def cpu(wanted: Wanted, chance: Chance) -> Limiter:
    del chance
    return CpuBound(rate=wanted.amount.per_second, queue_seconds=wanted.number("queue"))


def feedback(algorithm: str) -> Callable[[Wanted, Chance], Limiter]:
    def build(wanted: Wanted, chance: Chance) -> Limiter:
        # A server with overload control admits by its rate; the client's own bucket smooths (RFC 7415).
        rate = wanted.amount.per_second
        counter = FixedWindow(max(1, round(rate)), 1.0, chance.phase_share)
        return FeedbackServer(
            limiter=Policer(counter, _refusal(wanted)),
            rate=rate,
            algorithm=algorithm,
            validity_seconds=wanted.number("validity"),
        )

    return build


def changing(wanted: Wanted, chance: Chance) -> Limiter:
    """One of its limiters; `LimiterSpec.build` puts them one after the other."""
    return policer(str(wanted.options["of"]))(wanted, chance)


def shared(wanted: Wanted, chance: Chance) -> Limiter:
    return Shared(limiter=changing(wanted, chance), others=_arrivals(wanted.number("others"), chance.random))


def _arrivals(rate: float, random: Callable[[], float] | None) -> Iterator[float]:
    """The others' arrivals for ever: evenly spaced, or up to twice as far apart by chance."""
    at = 0.0
    while rate > 0:
        at += (2.0 * random() if random else 1.0) / rate
        yield at


def window_rate(wanted: Wanted, answer_seconds: float) -> float:
    del answer_seconds
    return wanted.amount.per_second


def bucket_rate(wanted: Wanted, answer_seconds: float) -> float:
    """One that never holds a whole token lets nothing pass."""
    return 0.0 if 0.0 < wanted.number("burst") < 1.0 else window_rate(wanted, answer_seconds)


def red_rate(wanted: Wanted, answer_seconds: float) -> float:
    """It refuses from the window on whose predecessor had twice the limit."""
    del answer_seconds
    return (2 * wanted.limit - 1) / wanted.amount.seconds


def pike_rate(wanted: Wanted, answer_seconds: float) -> float:
    """The hit that makes the density is the first that is blocked."""
    del answer_seconds
    return max(0, wanted.limit - 1) / wanted.amount.seconds


def places_rate(wanted: Wanted, answer_seconds: float) -> float:
    return wanted.amount.count / answer_seconds


def rate_of(wanted: Wanted, answer_seconds: float) -> float:
    ideal = red_rate if wanted.options["of"] == "red" else window_rate
    return ideal(wanted, answer_seconds)


def left_rate(wanted: Wanted, answer_seconds: float) -> float:
    return max(0.0, rate_of(wanted, answer_seconds) - wanted.number("others"))

"""The loads that follow the one that was asked for, each made to tell explanations apart; plans only.

None of them asks more in a second than the first did in its busiest, nor more in all (`_no_more`). Users
whose password was refused stay left alone: what is known of every password goes from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Plan
from shiftline.storm.script import METHOD_SCRIPTS, Method
from shiftline.storm.shapes import Shape, constant, replay, steps
from shiftline.storm.users import MOST_TRIES, PROVEN
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.caps import BURST_SHARE, BURSTS, SPREAD_SHARE, Cap

WATCH_ROWS = 60_000
FAN = (16, 8, 4, 2, 1)
"""How often each key of a fan asks, against the slowest."""
FAN_WINDOWS = (0.7, 1.4, 2.8, 5.6, 11.2)
"""Seconds: a key of the fan is refused if the limiter counts within more than this."""
FAN_SECONDS = 14.0
RATES = (1.5, 4.5, 12.5)
"""Times what passed: below twice a limit RED lets everything through, far above it nothing but the limit.
None is a whole number: RED counts whole multiples, and between two of them one arrival decides nothing."""
RESERVE = len(FAN) + 2
_MANY = 10
STEP_USERS = 40
_UNQUEUED = 0.6
"""Of the requests per second of a closed loop: with fewer, nothing waits before it is judged."""
_MOST_ROWS = 40_000
_SHORT_SECONDS, _LONG_SECONDS = 9.0, 33.0
_LEAST_GAP = 0.3
_LEAST_RATE = 4.0
SINGLE_TIMEOUT = 1.4
"""Seconds to wait for one answer: time for two copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the runs so far have shown of sources and users."""

    own: str
    """The source address that was refused."""
    spares: tuple[str, ...]
    """Others that have not been used."""
    others: tuple[str, ...] = ()
    """Others that the load came from, too."""
    tries: Mapping[str, int]
    request_rate: float
    """Requests per second of the load that was asked for, in the mean."""
    peak_rate: float
    """Of its busiest second: of who waits for silence, the mean is low."""
    requests: int
    """All of that load."""

    @property
    def spare(self) -> str:
        """The first of the others; empty: there is none."""
        return self.spares[0] if self.spares else ""

    @property
    def second(self) -> str:
        """Any other source; empty: there is none."""
        return self.spare or next(iter(self.others), "")

    def usable(self, names: Sequence[str]) -> list[str]:
        """Users that may be asked about again: first those with a proven password, never one left alone."""
        unproven = [name for name in names if 0 <= self.tries.get(name, 0) < MOST_TRIES]
        return [name for name in names if self.tries.get(name) == PROVEN] + unproven


def watched(plan: Plan) -> Plan:
    """The load that was asked for, with its requests kept; of many users, some are left for later."""
    kept = RESERVE if len(plan.names) >= _MANY * RESERVE else 0
    count = len(plan.names) - kept
    passwords = plan.passwords if len(plan.passwords) == 1 else plan.passwords[:count]
    return replace(plan, names=plan.names[:count], passwords=passwords, watch=WATCH_ROWS // 2)


def steps_plan(plan: Plan, known: Known, pass_rate: float, *, is_slow: bool) -> Plan:
    """A little, then far above what passed: two sources, users that ask unequally often, a second method."""
    seconds = _LONG_SECONDS if is_slow else _SHORT_SECONDS
    unqueued = _UNQUEUED if isinstance(plan.load, ClosedLoop) else 1.0
    wanted = [max(4.0, times * pass_rate) for times in RATES]
    if sum(wanted) / 3.0 * seconds > _MOST_ROWS:
        wanted = wanted[:2]
    rates = [min(rate, _no_more(unqueued * known.request_rate, known.request_rate)) for rate in wanted]
    seconds = max(4.0, min(seconds, _MOST_ROWS * len(rates) / sum(rates)))
    shape = steps(rates, seconds / len(rates))
    sources = _shuffled([known.own, known.own, known.second] * 8) if known.second else [known.own]
    return _phase(
        plan, known, OpenLoop(shape=shape), seconds, names=_unequal(known.usable(plan.names)),
        mix=_with_other_method(plan.mix), sources=tuple(sources),
    )  # fmt: skip


def single_plan(plan: Plan, known: Known, *, source: str, user: str) -> Plan:
    """One flow alone."""
    return replace(
        _phase(plan, known, OpenLoop(shape=constant(1.0)), SINGLE_TIMEOUT * 3, names=[user], mix=plan.mix,
               sources=(source,)),
        flows=1, timeout_seconds=SINGLE_TIMEOUT,
    )  # fmt: skip


def fan_plan(plan: Plan, known: Known, burst: int, *, names: Sequence[str], sources: Sequence[str]) -> Plan:
    """Keys that nobody has used, each at a rate of its own: which of them exceed ``burst`` in the window?

    The keys are as many ``names`` from one source, or as many ``sources`` with any name.
    """
    rate = _no_more(sum(FAN) * burst / FAN_WINDOWS[-1], known.peak_rate)
    many_names = [name for name, times in zip(names, FAN, strict=False) for _ in range(times)]
    many_sources = [source for source, times in zip(sources, FAN, strict=False) for _ in range(times)]
    return _phase(
        plan, known, OpenLoop(shape=constant(rate)), FAN_SECONDS,
        names=_shuffled(many_names) if len(sources) == 1 else names, mix=plan.mix,
        sources=tuple(_shuffled(many_sources)) if len(sources) > 1 else tuple(sources),
    )  # fmt: skip


def burst_plan(plan: Plan, known: Known, burst: int) -> Plan:
    """Far too much from one source, and a little from another: is the other one shut with the first?"""
    sources = [known.own] * 15 + [known.spare or known.own]
    return _phase(
        plan, known, OpenLoop(shape=constant(_no_more(2.0 * burst, known.peak_rate))), 4.0,
        names=_unequal(known.usable(plan.names)), mix=plan.mix, sources=tuple(_shuffled(sources)),
    )  # fmt: skip


def ladder_plan(plan: Plan, known: Known, burst: int) -> Plan:
    """One key, slowly and then faster: at which rate does it exceed ``burst`` in the window?"""
    points: list[tuple[float, float]] = []
    at = 0.0
    for window in reversed(FAN_WINDOWS):
        rate = _no_more(burst / window, known.peak_rate)
        points += [(at, rate), (at + 1.1 * window, rate)]
        at += 1.1 * window
    shape = Shape(points=tuple(points), name="step")
    names = known.usable(plan.names)
    return _phase(plan, known, OpenLoop(shape=shape), at, names=names, mix=plan.mix, sources=(known.own,))


def fresh_burst_plan(plan: Plan, known: Known, burst: int, *, source: str) -> Plan:
    """Far too much at once from a source that nobody has used: is its burst as long as the first one was?"""
    rate = _no_more(20.0 * burst, known.peak_rate)
    shape = OpenLoop(shape=constant(rate))
    names = known.usable(plan.names)
    return _phase(
        plan, known, shape, max(0.5, 3.0 * burst / rate), names=names, mix=plan.mix, sources=(source,)
    )


def between_plan(
    plan: Plan, known: Known, rate: float, seconds: float, *, source: str, names: Sequence[str]
) -> Plan:
    """One key, evenly, at a rate (req/s) between two that explain as much: what counts longer refuses it."""
    return _phase(
        plan, known, OpenLoop(shape=constant(min(rate, known.peak_rate))), seconds, names=names, mix=plan.mix,
        sources=(source,),
    )  # fmt: skip


def cap_plan(plan: Plan, known: Known, cap: Cap) -> Plan:
    """Bursts of more than a cap's places, at once and spread in turn, each when the one before is answered.

    None asks for more in a second than the load did.
    """
    sources = _shuffled([known.own, known.own, known.second] * 8) if known.second else [known.own]
    shares = 3.0 / 2.0 if cap.key is Key.SOURCE and known.second else 1.0
    size = max(4, round(BURST_SHARE * shares * cap.places))
    spread = SPREAD_SHARE * cap.answer_seconds / size
    gap = max(
        3.0 * cap.answer_seconds, _LEAST_GAP, 1.2 * size / _no_more(known.request_rate, known.request_rate)
    )
    count = max(4, min(BURSTS, round(_SHORT_SECONDS / gap), _MOST_ROWS // 10 // size))
    times = [burst * gap + place * spread * (burst % 2) for burst in range(count) for place in range(size)]
    names = known.usable(plan.names)
    return _phase(
        plan, known, OpenLoop(shape=replay(times)), count * gap, mix=plan.mix, sources=tuple(sources),
        names=names[:1] if cap.key is Key.USER else names,
    )  # fmt: skip


def lighter_plan(plan: Plan, known: Known, share: float, seconds: float) -> Plan:
    """The same load with a part of its flows."""
    load = plan.load
    if isinstance(load, ClosedLoop):
        load = ClosedLoop(concurrency=max(1, round(load.concurrency * share)))
    else:
        load = OpenLoop(shape=constant(max(1.0, load.shape.highest_rate * share)))
    return replace(
        plan, load=load, seconds=seconds, flows=None, watch=0, checks_bindings=False, tries=known.tries
    )


def _phase(
    plan: Plan, known: Known, load: OpenLoop, seconds: float, *,
    names: Sequence[str], mix: tuple[Mixed, ...], sources: tuple[str, ...],
) -> Plan:  # fmt: skip
    passwords = plan.passwords
    if len(passwords) > 1:
        by_name = dict(zip(plan.names, passwords, strict=True))
        passwords = [by_name[name] for name in names]
    return replace(
        plan, load=load, seconds=seconds, flows=max(4, known.requests), names=names, passwords=passwords,
        mix=mix,
        sources=sources, ports=1, processes=1, scouts=0, checks_bindings=False, fresh_challenge=False,
        tries=known.tries, timeout_seconds=4.0, silence_seconds=max(seconds, plan.silence_seconds),
        watch=WATCH_ROWS,
    )  # fmt: skip


def _no_more(rate: float, most: float) -> float:
    """The rate, or what the load had; below `_LEAST_RATE` there is nothing to see."""
    return max(min(rate, most), _LEAST_RATE)


def _unequal(names: Sequence[str]) -> list[str]:
    """Some users eight times, some three times, most once."""
    chosen = names[:STEP_USERS]
    often = [8 if place % 8 == 0 else 3 if place % 4 == 0 else 1 for place in range(len(chosen))]
    return _shuffled([name for name, times in zip(chosen, often, strict=True) for _ in range(times)])


def _shuffled(things: Sequence[str]) -> list[str]:
    """In an order without a pattern, the same each time."""
    mixed = list(things)
    Random(len(mixed)).shuffle(mixed)
    return mixed


def _with_other_method(mix: tuple[Mixed, ...]) -> tuple[Mixed, ...]:
    """Three of what was asked for, and one of another method that needs no account."""
    names = {mixed.script.name for mixed in mix}
    other = Method.QUERY if Method.OPTIONS.value in names else Method.OPTIONS
    weight = sum(mixed.weight for mixed in mix)
    return (
        *(replace(mixed, weight=3 * mixed.weight) for mixed in mix),
        Mixed(script=METHOD_SCRIPTS[other], weight=weight),
    )

"""Whatever the limiter: no limit of a rate is called contradicted by loads, and no limit of places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.load_habits import faster_passed, refused_alone
from shiftline.governor.limiters.counters import FixedWindow, SlidingWindow, TokenBucket
from shiftline.governor.window_fit import WINDOW_LENGTHS

Admits = Callable[[float], bool]
LADDER = (
    ("p8.options.brisk", 10.0, 12, 1),
    ("p9.options", 1e4, 20, 20),
    ("p8.options.raised", 50.0, 150, 1),
    ("p8.options.storm", 200.0, 1200, 1),
)
BESIDE, MOST, MORE = 2.5, 500.0, 600
"""How much faster the load that is kept up is, at most, and for how many requests."""
SERVED_SECONDS = 0.05

delays = st.lists(st.floats(0.0, 0.03), min_size=1, max_size=7)
lengths = st.sampled_from(WINDOW_LENGTHS)
losses = st.integers(20, 1000)
"""One in so many is lost on the road, however it was judged."""


def examined(admits: Admits, delays: Sequence[float], loses: int) -> tuple[list[Trial], list[Exchange]]:
    """The ladder with rests, and after each refusal the same load kept up faster."""
    trials: list[Trial] = []
    exchanges: list[Exchange] = []
    begin = 100.0
    for name, rate, count, at_once in LADDER:
        found = loaded(admits, name, begin, rate, count, at_once, delays, loses, stops=True)
        is_refused = any(one.status == 503 for one in found)
        outcome = Outcome.UNAVAILABLE if is_refused else Outcome.OK
        trials.append(Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name))
        exchanges += found
        begin = found[-1].at + (12.0 if is_refused else 4.0)
        if is_refused:
            faster = 200.0 if at_once > 1 else min(BESIDE * rate, MOST)
            exchanges += loaded(
                admits, "p8.during.options", begin, faster, MORE, at_once, delays, loses, stops=False
            )
            begin = exchanges[-1].at + 12.0
    return trials, exchanges


def loaded(
    admits: Admits,
    name: str,
    begin: float,
    rate: float,
    count: int,
    at_once: int,
    delays: Sequence[float],
    loses: int,
    *,
    stops: bool,
) -> list[Exchange]:
    """One load; decided in the order of coming, answered as soon as it is served."""
    coming: list[tuple[float, int, float]] = []
    for number in range(count):
        at = begin + (number // at_once) * at_once / rate
        heappush(coming, (at + delays[number % len(delays)], number, at))
    found: list[Exchange] = []
    until = float("inf")
    while coming:
        decided, number, at = heappop(coming)
        if at > until:
            continue
        passed = admits(decided)
        if not passed and stops:
            until = min(until, decided + 0.001)
        answered = decided - at + (SERVED_SECONDS if passed else 0.001)
        is_lost = number % loses == loses - 1
        found.append(
            Exchange(
                at=at,
                source="a",
                method="OPTIONS",
                status=None if is_lost else 200 if passed else 503,
                answered_after=None if is_lost else answered,
                probe=name,
            )
        )
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 400), lengths, st.floats(0.0, 1.0), delays, losses)
def test_no_fixed_window_is_contradicted(
    limit: int, length: float, share: float, delays: list[float], loses: int
) -> None:
    assert faster_passed(*examined(FixedWindow(limit, length, share * length).admits, delays, loses)) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 400), lengths, st.booleans(), delays, losses)
def test_no_sliding_window_is_contradicted(
    limit: int, length: float, counts_refused: bool, delays: list[float], loses: int
) -> None:
    window = SlidingWindow(limit, length, counts_refused)
    assert faster_passed(*examined(window.admits, delays, loses)) is None


@settings(deadline=None, max_examples=60)
@given(st.floats(0.5, 190.0), st.integers(2, 120), delays, losses)
def test_no_bucket_is_contradicted(rate: float, burst: int, delays: list[float], loses: int) -> None:
    assert faster_passed(*examined(TokenBucket(rate, burst).admits, delays, loses)) is None


class Places:
    """So many at a time, each for as long as it is served."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: list[float] = []

    def admits(self, now: float) -> bool:
        """Whether one is free."""
        while self.held and self.held[0] <= now:
            heappop(self.held)
        if len(self.held) >= self.limit:
            return False
        heappush(self.held, now + SERVED_SECONDS)
        return True


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), delays, st.integers(100, 1000))
def test_no_limit_of_places_is_contradicted(limit: int, delays: list[float], loses: int) -> None:
    _, exchanges = examined(Places(limit).admits, delays, loses)
    assert refused_alone(exchanges) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 6), delays, losses)
def test_chance_that_knows_no_rate_is_told(one_in: int, delays: list[float], loses: int) -> None:
    """What is refused by turns, at any rate, passes faster than it was refused."""
    turn = iter(range(10**6))
    trials, exchanges = examined(lambda _: next(turn) % one_in != one_in - 1, delays, max(loses, 100))
    assert any(one.outcome is Outcome.UNAVAILABLE for one in trials)
    assert faster_passed(trials, exchanges) is not None

"""Figures of a journey stay within their bounds, whatever limiter, controller and seed."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.fairness import jain
from shiftline.governor.limiters.model import Arrival
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.simulation.arrivals import Arrivals
from shiftline.governor.simulation.bank import DEVELOPMENT_BANK, Beginning, case
from shiftline.governor.simulation.drawn_bank import KINDS, drawn_bank
from shiftline.governor.simulation.measure import Watched, settled_at
from shiftline.governor.simulation.scenario import Scenario
from shiftline.governor.simulation.trial import attempt
from shiftline.governor.simulation.trunk_run import ideal_moments, run_trunk
from shiftline.governor.simulation.worth import Worth, worth_of

TEXTS = sorted({str(one.throttle) for one in DEVELOPMENT_BANK})


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(list(KINDS)),
    name=st.sampled_from(list(CONTROLLERS)),
    beginning=st.sampled_from(Beginning),
    seed=st.integers(0, 9999),
)
def test_no_figure_leaves_its_bounds(kind: str, name: str, beginning: Beginning, seed: int) -> None:
    """Nobody is better than all-knowing, and nothing is refused that did not arrive."""
    draw = Random(seed).random
    trunk = drawn_bank(draw)[kind]
    outcome = attempt(name, trunk, beginning, draw, horizon=20.0)
    assert 0.0 <= outcome.efficiency <= 1.0
    assert 0.0 <= outcome.refused_share <= 1.0
    assert outcome.checks <= outcome.arrivals
    assert outcome.bans <= outcome.arrivals * outcome.refused_share + 1e-6
    assert outcome.learned_after is None  # thirty good seconds take longer


@settings(max_examples=30, deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    name=st.sampled_from(list(CONTROLLERS)),
    arrivals=st.sampled_from([Arrivals.BACKLOG, Arrivals.BURST]),
    connectors=st.integers(1, 3),
    seed=st.integers(0, 9999),
)
def test_a_trunk_is_counted_once(
    text: str, name: str, arrivals: Arrivals, connectors: int, seed: int
) -> None:
    """No check is answered that nobody wanted; each that was answered arrived."""
    scenario = Scenario(
        throttle=parse_limiter(text), controller=name, trades=25, arrivals=arrivals, connectors=connectors
    )
    run = run_trunk(scenario, 0, Random(seed).random)
    assert 0 <= run.answered <= run.checks
    assert run.requests >= run.answered + run.refused
    assert 0.0 <= run.efficiency <= 1.0
    assert 1.0 / connectors - 1e-9 <= run.fairness <= 1.0
    assert 0.0 <= run.median_wait <= run.longest_wait <= run.seconds + 1e-9


@given(
    text=st.sampled_from(TEXTS),
    wanted=st.lists(st.floats(0.0, 500.0), min_size=1, max_size=60).map(sorted),
)
def test_the_all_knowing_is_never_early_and_never_too_fast(text: str, wanted: list[float]) -> None:
    """Nothing leaves before it is wanted; in order; and no more than the limit and a full bucket allow."""
    trunk = case(text)
    moments = ideal_moments(trunk, wanted)
    assert all(at >= since for at, since in zip(moments, wanted, strict=True))
    assert moments == sorted(moments)
    fastest = max(trunk.ideal_rate(at) for at in (0.0, *trunk.changes))
    for first, at in enumerate(moments):
        in_flood = sum(at <= one < at + 1.0 for one in moments[first:])
        assert in_flood <= fastest + trunk.opening + 1.0 + 1e-6


@given(moments=st.lists(st.floats(0.0, 100.0), max_size=80).map(sorted), limit=st.integers(1, 20))
def test_who_has_settled_by_then_gets_what_is_asked(moments: list[float], limit: int) -> None:
    """The second that is found keeps its promise, and no earlier whole second does."""
    watched = Watched(parse_limiter(f"window:{limit}/1s").build())
    passed = []
    for at in moments:
        before = len(watched.turned_down)
        watched.judge(Arrival(at=at))
        if len(watched.turned_down) == before:
            passed.append(at)

    def ideal(start: float, end: float) -> float:
        return (end - start) * limit * 0.2

    def is_good(at: float) -> bool:
        pieces = [(at + step, at + step + 2.0) for step in range(4)]
        refused = watched.turned_down_between(at, at + 5.0)
        return all(
            sum(start <= one < end for one in passed) >= 0.85 * ideal(start, end) for start, end in pieces
        ) and refused <= 0.05 * watched.arrived_between(at, at + 5.0)

    found = settled_at(Worth(passed), watched, ideal, 0.0, 100.0, span=5.0, piece=2.0)
    seconds = [float(second) for second in range(96)]
    assert found == next((at for at in seconds if is_good(at)), None)


@settings(max_examples=60, deadline=None)
@given(
    text=st.sampled_from(
        [
            "window:7/2s",
            "window:3/1s,key=user",
            "retry-after:20/10s",
            "sliding:5/3s",
            "bucket:4/s,burst=30",
            "bucket:9/s",
            "cpu:6/s",
            "changing:4/1s,9/2s@8s",
        ]
    ),
    gaps=st.lists(st.one_of(st.just(0.0), st.floats(0.0, 0.5), st.floats(0.0, 6.0)), max_size=200),
    seed=st.integers(0, 9999),
)
def test_whoever_is_judged_at_once_loses_nothing(text: str, gaps: list[float], seed: int) -> None:
    """Neither a window's phase nor a bucket's burst makes a check that passed count for nothing."""
    trunk = case(text)
    watched = Watched(trunk.build(Random(seed).random))
    for at in accumulate(gaps):
        watched.judge(Arrival(at=at, account="ours"))
    refused = Counter(watched.turned_down)
    passed = sorted((Counter(watched.arrivals) - refused).elements())
    assert worth_of(passed, trunk) == Worth(passed)


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.floats(0.0, 60.0), max_size=300).map(sorted),
    spans=st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 60.0)).map(sorted),
)
def test_no_span_counts_more_than_its_share_and_two_windows(moments: list[float], spans: list[float]) -> None:
    """A flood earns two windows' worth, however long it lasts and whenever it comes."""
    trunk = case("red:10/4s")
    worth = worth_of(moments, trunk)
    start, end = spans
    most = trunk.ideal(start, end) + 2.0 * trunk.ideal(0.0, 4.0)
    assert sum(start <= at < end for at in worth.counted) <= most + 1e-6
    assert sorted([*worth.counted, *worth.beyond]) == moments


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20))
def test_fairness_is_between_one_for_all_and_one_for_each(amounts: list[float]) -> None:
    """Jain's index."""
    assert 1.0 / len(amounts) - 1e-9 <= jain(amounts) <= 1.0 + 1e-9
    assert jain([3.0] * len(amounts)) == pytest.approx(1.0)

"""What no limiter may ever do, whatever arrives: rules over whole histories of arrivals."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.limiters.capacity import ConcurrencyCap, CpuBound, FeedbackServer
from shiftline.governor.limiters.circumstances import Shared
from shiftline.governor.limiters.counters import FixedWindow, RedWindow, SlidingWindow, TokenBucket
from shiftline.governor.limiters.forms import FORMS
from shiftline.governor.limiters.model import Arrival, Counter, Fate
from shiftline.governor.limiters.pike import Pike, PikeTree
from shiftline.governor.limiters.policers import Ban, Policer
from shiftline.governor.limiters.spec import parse_limiter

LIMITS = st.integers(0, 20)
EIGHTHS = st.integers(0, 40).map(lambda eighths: eighths / 8)  # exact in binary, so that edges are edges
HISTORIES = st.lists(EIGHTHS | st.just(0.0), max_size=120).map(lambda gaps: list(accumulate(gaps)))
PHASES = st.integers(0, 15).map(lambda eighths: eighths / 8)
WINDOWS = st.sampled_from([0.5, 1.0, 2.0])


Played = FixedWindow | RedWindow | SlidingWindow | TokenBucket


def admitted(counter: Counter, history: list[float]) -> list[float]:
    return [now for now in history if counter.admits(now)]


ANY_TIMES = st.lists(st.floats(0.0, 30.0), max_size=120).map(sorted)
MAKERS = st.sampled_from(
    [
        FixedWindow,
        lambda limit, seconds, phase: RedWindow(max(1, limit), seconds, phase),
        lambda limit, seconds, _: SlidingWindow(limit, seconds),
        lambda limit, seconds, _: SlidingWindow(limit, seconds, counts_refused=True),
        lambda limit, seconds, _: TokenBucket(limit / seconds, limit),
    ]
)


@given(MAKERS, LIMITS, st.sampled_from([0.1, 0.5, 1.0, 10.0]), st.floats(0.0, 10.0), HISTORIES | ANY_TIMES)
def test_many_at_once_are_judged_as_one_by_one(
    make: Callable[[int, float, float], Played],
    limit: int,
    seconds: float,
    phase: float,
    history: list[float],
) -> None:
    """Whatever was counted before them."""
    at_once, singly = make(limit, seconds, phase), make(limit, seconds, phase)
    half = len(history) // 2
    found = [*at_once.admits_all(history[:half]), *at_once.admits_all(history[half:])]
    assert found == [singly.admits(now) for now in history]


@given(LIMITS, WINDOWS, PHASES, HISTORIES)
def test_a_fixed_window_passes_its_limit_and_not_one_more(
    limit: int, seconds: float, phase: float, history: list[float]
) -> None:
    """In each window as many as arrive, up to the limit."""
    counter = FixedWindow(limit, seconds, phase)
    passed = admitted(counter, history)
    for window in {counter.window_at(now) for now in history}:
        arrived = sum(counter.window_at(now) == window for now in history)
        assert sum(counter.window_at(now) == window for now in passed) == min(limit, arrived)


@given(LIMITS, WINDOWS, HISTORIES)
def test_a_sliding_window_never_holds_more_and_refuses_only_when_full(
    limit: int, seconds: float, history: list[float]
) -> None:
    """Wherever the window is laid."""
    counter = SlidingWindow(limit, seconds)
    passed: list[float] = []
    for now in history:
        held = sum(now - seconds < earlier <= now for earlier in passed)
        if counter.admits(now):
            passed.append(now)
            assert held < limit
        else:
            assert held >= limit


@given(LIMITS, WINDOWS, HISTORIES)
def test_a_window_that_counts_refusals_passes_only_below_its_limit(
    limit: int, seconds: float, history: list[float]
) -> None:
    """It passes what is at most the limit-th arrival in the window that ends with it."""
    counter = SlidingWindow(limit, seconds, counts_refused=True)
    for last, now in enumerate(history):
        arrived = sum(now - seconds < earlier for earlier in history[: last + 1])
        assert counter.admits(now) is (arrived <= limit)


@given(st.integers(1, 64).map(lambda eighths: eighths / 8), st.integers(1, 10), HISTORIES)
def test_a_bucket_never_passes_more_than_its_burst_and_its_rate(
    rate: float, burst: int, history: list[float]
) -> None:
    """Between any two of what passed."""
    passed = admitted(TokenBucket(rate, float(burst)), history)
    for first, start in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= burst + rate * (end - start) + 1e-9


@given(st.integers(1, 20), WINDOWS, HISTORIES)
def test_red_refuses_nothing_while_no_window_holds_twice_the_limit(
    limit: int, seconds: float, history: list[float]
) -> None:
    """And when one does, at least the next window's share of n passes."""
    clock = FixedWindow(limit, seconds)
    counts = {clock.window_at(now): 0 for now in history}
    for now in history:
        counts[clock.window_at(now)] += 1
    passed = admitted(RedWindow(limit, seconds), history)
    for window, count in counts.items():
        load = counts.get(window - 1, 0) // limit
        assert sum(clock.window_at(now) == window for now in passed) == (count // load if load else count)


@given(st.integers(1, 20), st.integers(0, 40), HISTORIES)
def test_pike_passes_nothing_while_blocked_and_everything_below_its_density(
    density: int, latency: int, history: list[float]
) -> None:
    """In no unit more than the density less one, and what the tree takes to grow."""
    growth = density // 4 + 6
    passed = admitted(Pike(PikeTree(density, 2.0, latency_seconds=latency), b"abcd"), history)
    for unit in {int(now // 2) for now in history}:
        arrived = sum(now // 2 == unit for now in history)
        through = sum(now // 2 == unit for now in passed)
        assert through <= density - 1 + growth
        before = sum(now // 2 == unit - 1 for now in history)
        if arrived < density and before < density:
            assert through == arrived


@given(st.integers(0, 5), st.sampled_from([0.0, 1.0]), PHASES, HISTORIES)
def test_a_ban_lasts_its_time_whatever_arrives(
    limit: int, clock: float, phase: float, history: list[float]
) -> None:
    """From the arrival that was too much; by whole seconds up to one more. Then the counter has the word."""
    ban = Ban(counter=FixedWindow(limit), seconds=3.0, clock_seconds=clock, clock_phase=phase)
    began = None
    for now in history:
        bans = ban.bans
        fate = ban.judge(Arrival(at=now)).fate
        if began is not None and now < began + 3.0:
            assert (fate, ban.bans) == (Fate.REFUSE, bans)
        elif ban.bans > bans:
            began = now
            assert 3.0 <= ban.banned_until - now <= 3.0 + clock
        elif began is None or now >= began + 3.0 + clock:
            assert fate is Fate.PASS


@given(st.integers(0, 5), st.lists(st.tuples(EIGHTHS, EIGHTHS), max_size=80))
def test_no_more_is_handled_at_a_time_than_there_are_places(
    places: int, history: list[tuple[float, float]]
) -> None:
    """Whatever each takes."""
    cap, now, ends = ConcurrencyCap(places), 0.0, list[float]()
    for gap, service in history:
        now += gap
        ends = [end for end in ends if end > now]
        passes = cap.judge(Arrival(at=now, service_seconds=service)).fate is Fate.PASS
        assert passes is (len(ends) < places)
        if passes:
            ends.append(now + service)


@given(st.integers(1, 50), EIGHTHS, HISTORIES)
def test_a_processor_keeps_the_order_and_its_rate(rate: int, queue: float, history: list[float]) -> None:
    """Answers leave in order of arrival, at least the time of one apart."""
    cpu = CpuBound(rate=float(rate), queue_seconds=queue)
    verdicts = [(now, cpu.judge(Arrival(at=now))) for now in history]
    done = [now + verdict.wait_seconds for now, verdict in verdicts if verdict.fate is Fate.PASS]
    assert all(later - earlier >= 1.0 / rate - 1e-9 for earlier, later in pairwise(done))
    assert all(verdict.wait_seconds <= queue + 1.0 / rate + 1e-9 for _, verdict in verdicts)


@given(st.sampled_from(["rate", "loss"]), st.floats(0.1, 1000), HISTORIES)
def test_feedback_is_always_a_whole_number_that_leaves_something(
    algorithm: str, rate: float, history: list[float]
) -> None:
    """A percentage below 100, or a rate of at least 1 (RFC 7339 section 4.1)."""
    server = FeedbackServer(limiter=Policer(FixedWindow(10)), rate=rate, algorithm=algorithm)
    for now in history:
        told = server.judge(Arrival(at=now)).feedback
        assert told is not None
        assert told.value == int(told.value)
        assert 0 <= told.value <= 99 if algorithm == "loss" else told.value >= 1


@given(LIMITS, HISTORIES, HISTORIES)
def test_a_shared_limit_holds_for_all_its_users_together(
    limit: int, ours: list[float], others: list[float]
) -> None:
    """Ours and theirs, in any window."""
    shared = Shared(limiter=Policer(FixedWindow(limit)), others=others)
    passed = sum(shared.judge(Arrival(at=now)).fate is Fate.PASS for now in [*ours, 1000.0])
    arrived = [int(now) for now in [*ours, *others, 1000.0]]
    allowed = sum(min(limit, arrived.count(second)) for second in set(arrived))
    assert passed + len(others) - shared.others_refused == allowed


@given(st.sampled_from(sorted(set(FORMS) - {"oc-rate", "oc-loss", "cpu"})), PHASES, HISTORIES)
def test_two_of_the_same_text_judge_alike(name: str, phase: float, history: list[float]) -> None:
    """Nothing in a limiter is left to chance once its numbers are drawn."""
    spec = parse_limiter(FORMS[name].example)
    one, two = spec.build(phase / 2), parse_limiter(str(spec)).build(phase / 2)
    for now in history:
        arrival = Arrival(at=now, source="127.0.0.2", account="trunk", service_seconds=0.04)
        assert one.judge(arrival) == two.judge(arrival)

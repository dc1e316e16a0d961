"""What is asked before a window is little enough, late enough, and in the right order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.trades.model import Evidence, EvidenceKind
from shiftline.trades.prefetch import Foreseen, PrefetchPolicy, plan_prefetch

OPENS = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
AGES = st.none() | st.floats(0.0, 2000.0)
SOMEBODY = st.tuples(st.integers(0, 2), st.integers(0, 5), AGES)
PEOPLE = st.lists(SOMEBODY, max_size=20) | st.builds(
    # A crowd that is long beside any rate: drawn one by one, it would hardly ever be.
    lambda kinds, size: [kinds[n * n % len(kinds)] for n in range(size)],
    st.lists(SOMEBODY, min_size=1, max_size=20),
    st.integers(100, 400),
)
RATES = st.floats(0.5, 20.0)
FRESH = st.sampled_from([5.0, 30.0, 300.0, 900.0])
TICK = 0.5
FEW = settings(max_examples=60, deadline=None)


def crowd(people: list[tuple[int, int, float | None]], begin: datetime) -> dict[str, Foreseen]:
    return {
        f"agent{n}": Foreseen(
            agent=f"agent{n}",
            address=f"sip:agent{n}@lab",
            undecided=undecided,
            recent=recent,
            checked_at=None if age is None else begin - timedelta(seconds=age),
        )
        for n, (undecided, recent, age) in enumerate(people)
    }


def run(
    people: dict[str, Foreseen], rate: float, policy: PrefetchPolicy, begin: datetime
) -> list[tuple[datetime, Foreseen]]:
    """Play the driver from ``begin`` until after the opening: ask what is planned, at the pace."""
    known, asked, credit, now = dict(people), [], 0.0, begin
    while now < OPENS + timedelta(seconds=5):
        credit = min(credit, 1.0) + policy.share * rate * TICK
        plan = plan_prefetch([*known.values()], now=now, opens_at=OPENS, rate=rate, policy=policy)
        for one in plan[: int(credit)]:
            credit -= 1
            asked.append((now, one))
            known[one.agent] = Foreseen(
                agent=one.agent,
                address=one.address,
                undecided=one.undecided,
                recent=one.recent,
                checked_at=now,
            )
        now += timedelta(seconds=TICK)
    return asked


def likelihood(one: Foreseen) -> tuple[bool, int]:
    return (one.undecided > 0, one.recent)


@FEW
@given(PEOPLE, RATES, FRESH, st.floats(1.0, 170.0))
def test_what_is_asked_is_answered_before_and_fresh_after_the_opening(
    people: list[tuple[int, int, float | None]], rate: float, fresh: float, early: float
) -> None:
    """Nothing after the last moment, nothing that would be stale soon after the opening, nobody twice."""
    policy = PrefetchPolicy(fresh_seconds=fresh)
    begin = OPENS - timedelta(seconds=early)
    asked = run(crowd(people, begin), rate, policy, begin)
    for moment, one in asked:
        assert moment < OPENS - timedelta(seconds=policy.settle_seconds)
        evidence = Evidence(agent=one.agent, kind=EvidenceKind.AVAILABLE, method="options", taken_at=moment)
        assert evidence.is_fresh(OPENS + timedelta(seconds=fresh / 2), fresh)
    assert len({one.agent for _, one in asked}) == len(asked)


@FEW
@given(PEOPLE, RATES, st.floats(1.0, 170.0))
def test_it_never_takes_more_than_its_share(
    people: list[tuple[int, int, float | None]], rate: float, early: float
) -> None:
    """In no stretch of time are more asked than the share of the rate allows, and one."""
    policy = PrefetchPolicy(fresh_seconds=300.0)
    begin = OPENS - timedelta(seconds=early)
    moments = [moment for moment, _ in run(crowd(people, begin), rate, policy, begin)]
    for first in range(len(moments)):
        for last in (len(moments) - 1, min(len(moments) - 1, first + 20)):
            seconds = (moments[last] - moments[first]).total_seconds() + TICK
            assert last - first + 1 <= policy.share * rate * seconds + 1


@FEW
@given(PEOPLE, RATES, st.floats(1.0, 170.0))
def test_the_likeliest_are_never_left_out_for_others(
    people: list[tuple[int, int, float | None]], rate: float, early: float
) -> None:
    """Whoever is not known at the opening is no likelier than who was asked; the likeliest are last."""
    policy = PrefetchPolicy(fresh_seconds=300.0)
    begin = OPENS - timedelta(seconds=early)
    everybody = crowd(people, begin)
    asked = [one for _, one in run(everybody, rate, policy, begin)]
    kept_until = OPENS + timedelta(seconds=policy.fresh_seconds / 2)
    known = {
        one.agent
        for one in everybody.values()
        if one.checked_at and one.checked_at + timedelta(seconds=policy.fresh_seconds) >= kept_until
    } | {one.agent for one in asked}
    left_out = [one for one in everybody.values() if one.agent not in known]
    least = min(map(likelihood, asked), default=(True, 9))
    # Whole requests at a broken pace: where the last place goes to may change from one look to the next.
    assert sum(likelihood(one) > least for one in left_out) <= 2
    assert not any(likelihood(one) > likelihood(asked[-1]) for one in left_out if asked)
    order = [likelihood(one) for one in asked]
    assert sum(one < max(order[:place]) for place, one in enumerate(order) if place) <= 3


@FEW
@given(PEOPLE, RATES)
def test_a_burst_that_is_over_at_once_is_not_prepared(
    people: list[tuple[int, int, float | None]], rate: float
) -> None:
    """Where all would be asked within seconds of the opening, nothing is sent that nobody asked for."""
    policy = PrefetchPolicy(fresh_seconds=300.0)
    begin = OPENS - timedelta(seconds=160)
    if len(people) < policy.worth_seconds * rate:
        assert run(crowd(people, begin), rate, policy, begin) == []


@given(PEOPLE, st.sampled_from([0.0, -1.0, nan, inf]))
def test_a_rate_that_is_no_rate_plans_nothing(
    people: list[tuple[int, int, float | None]], rate: float
) -> None:
    """A trunk that may not send has nothing to spare."""
    now = OPENS - timedelta(seconds=60)
    policy = PrefetchPolicy(fresh_seconds=300.0)
    foreseen = [*crowd(people, now).values()]
    assert plan_prefetch(foreseen, now=now, opens_at=OPENS, rate=rate, policy=policy) == []

"""What a record of traffic says in figures, against limiters that are known."""

from __future__ import annotations

from bisect import insort
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.diagnosis.exchange import Carried, Exchange
from shiftline.diagnosis.groups import Group, Key
from shiftline.diagnosis.statistics import Statistics, statistics_of


def seen(at: float, status: int | None, *, source: str = "192.0.2.7", user: str = "") -> Exchange:
    login = Carried(username=user, realm="lab", nonce="n") if user else None
    return Exchange(at=at, source=source, method="OPTIONS", status=status, carried=login, from_user="planner")


def limited(limit: int, seconds: float, rate: float, *, length: float = 20.0, seed: int = 1) -> Statistics:
    """A fixed window that passes so many of each and refuses the rest with 403."""
    random, exchanges, at, counts = Random(seed), list[Exchange](), 1000.0, dict[int, int]()
    while at < 1000.0 + length:
        at += random.expovariate(rate)
        window = int(at / seconds)
        counts[window] = counts.get(window, 0) + 1
        exchanges.append(seen(at, 200 if counts[window] <= limit else 403))
    return statistics_of(exchanges)


@pytest.mark.parametrize(("limit", "seconds"), [(20, 1.0), (50, 1.0), (30, 2.0), (100, 10.0)])
def test_a_window_and_its_limit_are_found(limit: int, seconds: float) -> None:
    (group,) = limited(limit, seconds, rate=3 * limit / seconds, length=12 * seconds).groups(Key.SOURCE)
    fit = group.window_fit()
    assert fit is not None
    assert fit.window_seconds == seconds
    assert fit.lowest_limit <= limit <= fit.highest_limit
    assert fit.highest_limit - fit.lowest_limit <= max(1, limit // 10)


def test_a_sliding_limit_is_told_by_its_threshold() -> None:
    exchanges, taken = list[Exchange](), list[float]()
    random, at = Random(2), 0.0
    for _ in range(2000):
        at += random.expovariate(30.0 if int(at / 10.0) % 2 else 8.0)
        taken = [one for one in taken if one > at - 1.0] + [at]
        exchanges.append(seen(at, 403 if len(taken) > 20 else 200))
    (group,) = statistics_of(exchanges).groups(Key.SOURCE)
    threshold = group.threshold()
    assert threshold is not None
    assert (threshold.window_seconds, threshold.arrivals, threshold.accuracy) == (1.0, 21, 1.0)
    assert all(not one.refused or one.highest >= 21 for one in group.bins(1.0))


def test_refusals_that_have_nothing_to_do_with_the_rate_separate_badly() -> None:
    exchanges, random = list[Exchange](), Random(3)
    for number in range(3000):
        exchanges.append(seen(number * random.uniform(0.01, 0.1), random.choice((200, 403))))
    (group,) = statistics_of(exchanges).groups(Key.SOURCE)
    threshold = group.threshold()
    assert threshold is not None
    assert threshold.accuracy < 0.6
    assert group.window_fit() is None


def test_groups_by_source_account_and_method() -> None:
    exchanges: list[Exchange] = []
    for number in range(10):
        exchanges.append(seen(float(number), 403, user="shared"))
        exchanges.append(seen(float(number), None if number else 401, source="192.0.2.8"))
    statistics = statistics_of(exchanges)
    by_source = statistics.groups(Key.SOURCE)
    assert [(one.value, one.requests, one.refused, one.silent) for one in by_source] == [
        ("192.0.2.7", 10, 10, 0),
        ("192.0.2.8", 10, 0, 9),
    ]
    assert [one.value for one in statistics.groups(Key.ACCOUNT)] == ["shared", "planner"]
    assert statistics.statuses == {403: 10, 0: 9, 401: 1}
    assert list(statistics.timeline(5)) == [(0, 1, 5, 4), (5, 0, 5, 5)]


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from((200, 403, None))), max_size=60))
def test_the_order_of_coming_changes_nothing(rows: list[tuple[float, int | None]]) -> None:
    there, back = Group(Key.SOURCE, "a"), Group(Key.SOURCE, "a")
    for at, status in sorted(rows, key=lambda row: (row[0], row[1] or 0)):
        there.add(at, status or 0)
    for at, status in sorted(rows, key=lambda row: (row[0], row[1] or 0), reverse=True):
        back.add(at, status or 0)
    assert there.busiest() == back.busiest()
    assert sum(one.passed + one.refused for one in there.bins(1.0)) == len(rows)
    for at, most in there.busiest().items():
        assert most == max(
            (sum(1 for time, _ in rows if end - at < time <= end) for end, _ in rows), default=0
        )


def test_a_limiter_that_drops_counts_the_copies_as_well() -> None:
    """Each request is sent again after 0.5, 1.5 and 3.5 s, while no place of the second's 20 is free."""
    waiting = [(1000.0 + number / 60.0, number, 0.0) for number in range(900)]
    counts: dict[int, int] = {}
    copies: dict[int, list[float]] = {}
    exchanges, following = list[Exchange](), {0.0: 0.5, 0.5: 1.5, 1.5: 3.5}
    while waiting:
        at, number, after = waiting.pop(0)
        copies.setdefault(number, []).append(after)
        counts[int(at)] = counts.get(int(at), 0) + 1
        passed = counts[int(at)] <= 20
        if not passed and after in following:
            insort(waiting, (at - after + following[after], number, following[after]))
            continue
        first = Exchange(
            at=at - after,
            source="192.0.2.7",
            method="OPTIONS",
            copies=len(copies[number]),
            copied_after=tuple(copies[number][1:]),
            status=200 if passed else None,
            answered_after=after + 0.01 if passed else None,
        )
        exchanges.append(first)
    (group,) = statistics_of(exchanges).groups(Key.SOURCE)
    fit = group.window_fit()
    assert fit is not None
    assert (fit.window_seconds, fit.lowest_limit, fit.highest_limit) == (1.0, 20, 20)

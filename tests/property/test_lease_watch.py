"""A watched lease is never taken from an owner that may still send, and not left to a dead one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shiftline.connector.lease_watch import LeaseSight, LeaseWatch
from shiftline.connector.ownership import GRACE_SECONDS, TTL_SECONDS

REST_SECONDS = TTL_SECONDS + GRACE_SECONDS


def sight(renewal: int, *, is_over: bool) -> LeaseSight:
    return LeaseSight(name="trunk:main", mark=renewal, is_released=False, is_over=is_over)


@given(
    renewed=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=8),
    looks=st.lists(st.tuples(st.floats(0.01, 2.0), st.booleans()), min_size=1, max_size=60),
)
def test_no_lease_is_taken_that_its_owner_may_believe_in(
    renewed: list[float], looks: list[tuple[float, bool]]
) -> None:
    """However late it renews, whatever the database's clock says: he counts from his last renewal."""
    now = 0.0
    watch = LeaseWatch(lambda: now)
    watch.seconds_left(sight(0, is_over=False), REST_SECONDS)
    renewals = [0.0]
    for after in renewed:
        renewals.append(renewals[-1] + after)
    for seconds, is_over in looks:
        now += seconds
        seen = [at for at in renewals if at <= now]
        left = watch.seconds_left(sight(len(seen), is_over=is_over), REST_SECONDS)
        if not left:
            assert now - seen[-1] >= REST_SECONDS
    now += 100.0  # longer than all renewals: what is seen now was seen last
    watch.seconds_left(sight(len(renewals), is_over=False), REST_SECONDS)
    now += REST_SECONDS + 0.001
    assert not watch.seconds_left(sight(len(renewals), is_over=False), REST_SECONDS)


def test_what_was_over_before_anybody_looked_is_free() -> None:
    """A worker that starts a day after the last one need not watch; a renewal ends that."""
    watch = LeaseWatch(lambda: 0.0)
    assert watch.seconds_left(sight(1, is_over=True), REST_SECONDS) == 0.0
    assert watch.seconds_left(sight(2, is_over=True), REST_SECONDS) == REST_SECONDS


def test_a_released_lease_is_free() -> None:
    """Its owner has said that he stops."""
    watch = LeaseWatch(lambda: 0.0)
    assert watch.seconds_left(sight(1, is_over=False), REST_SECONDS)
    released = LeaseSight(name="trunk:main", mark=2, is_released=True, is_over=True)
    assert watch.seconds_left(released, REST_SECONDS) == 0.0

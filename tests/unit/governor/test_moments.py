"""A driver's clock may be wrong; the governor's own goes on, at its pace."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.moments import FARTHEST, LONGEST_STEP, SET_BACK_SECONDS, Moments
from shiftline.governor.policy import GovernorPolicy

DECLARED = GovernorPolicy(max_rate=50.0)
NO_MOMENTS = [nan, inf, -inf, 1e18, -1e18, 1e308]


def drive(governor: Governor, now: float, seconds: float) -> list[float]:
    """Send what it permits, each answered 10 ms later; when each left, on the driver's clock."""
    sent, end = list[float](), now + seconds
    for _ in range(100_000):
        permission = governor.permission(now)
        if permission.send is Send.NOTHING:
            assert permission.again_at is not None
            assert permission.again_at > now
            now = permission.again_at
            if now >= end:
                return sent
            continue
        sent.append(now)
        ticket = governor.sent(now, permission.send, credentials=True)
        now += 0.01
        governor.answered(ticket, now, Answer.PASSED)
    raise AssertionError("more left than in half an hour")


def most_in_a_second(sent: list[float]) -> int:
    return max(sum(at <= other < at + 1.0 for other in sent) for at in sent)


@pytest.mark.parametrize("now", NO_MOMENTS)
def test_a_governor_made_at_no_moment_begins_with_the_first(now: float) -> None:
    """It sends at once, and never more than was declared."""
    for first in (0.0, 1e6, -5.0):
        sent = drive(Governor(DECLARED, now), first, 10.0)
        assert len(sent) > 450
        assert most_in_a_second(sent) <= 50


@pytest.mark.parametrize("odd", NO_MOMENTS)
def test_what_is_no_moment_changes_nothing(odd: float) -> None:
    """Neither the pace nor the cap: two governors, one of which is told it once in each way."""
    governor, other = Governor(DECLARED, 100.0), Governor(DECLARED, 100.0)
    assert drive(governor, 100.0, 5.0) == drive(other, 100.0, 5.0)
    governor.permission(odd)
    governor.repeat_at(odd)
    governor.told(odd)
    governor.answered(10**9, odd, Answer.PASSED)
    assert drive(governor, 105.0, 5.0) == drive(other, 105.0, 5.0)


@pytest.mark.parametrize("back", [2.0, 3600.0, 1e6])
def test_a_clock_that_is_set_back_stops_nothing(back: float) -> None:
    """Nothing left for an hour where it was set back by one."""
    governor = Governor(DECLARED, 10_000.0)
    drive(governor, 10_000.0, 20.0)
    start = 10_020.0 - back
    sent = drive(governor, start, 60.0)
    assert sent[0] <= start + 1.1
    assert len(sent) > 50 * 58
    assert most_in_a_second(sent) <= 50


def test_a_silence_is_as_long_on_a_clock_that_is_set_back() -> None:
    """Told to wait for a minute, of which a second has passed when it is set back by an hour."""
    governor = Governor(DECLARED, 10_000.0)
    drive(governor, 10_000.0, 5.0)
    ticket = governor.sent(10_005.0, Send.CHECK, credentials=True)
    governor.answered(ticket, 10_005.0, Answer.REFUSED, 60.0)
    assert governor.permission(10_006.0).again_at == pytest.approx(10_065.0)
    assert governor.permission(6_406.0).again_at == pytest.approx(6_465.0)
    assert governor.permission(6_464.9).send is Send.NOTHING
    assert governor.permission(6_465.1).send is Send.CANARY


TOLD = st.floats(-FARTHEST, FARTHEST) | st.floats() | st.sampled_from([0.0, 1.0, 1e6])


@given(st.floats(), st.lists(TOLD, max_size=20))
def test_own_moments_never_go_back_and_are_found_again(begun: float, told: list[float]) -> None:
    """And whoever waits until the driver's moment of an own one is not too early."""
    moments = Moments(begun)
    is_begun = isfinite(begun) and abs(begun) <= FARTHEST
    for one in told:
        before = moments.now
        now = moments.seen(one)
        assert before <= now <= before + LONGEST_STEP
        assert moments.own(nan) == now
        is_begun |= isfinite(one) and abs(one) <= FARTHEST
        if not is_begun:
            continue
        wanted = now + 0.25
        at = moments.driver(wanted)
        assert at is not None
        assert moments.own(at) >= wanted or abs(at) > FARTHEST


def test_what_is_told_in_the_wrong_order_is_no_set_back() -> None:
    """The clock stands still until it is past it again."""
    moments = Moments(100.0)
    assert moments.seen(100.0 - SET_BACK_SECONDS) == 100.0
    assert moments.seen(100.1) == 100.1

"""Whatever the burst, a trunk that turns to refuse everything, or our account, gets fewer than ten more."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.governor.journeys import CHALLENGED, MANY, REFUSED, changed_at, drive, trunk

from shiftline.governor.controller import Answer, Send
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.state import Mode


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(0.5, 80.0),
    turned_at=st.floats(0.5, 20.0),
    seconds=st.floats(0.001, 0.4),
    refused=st.floats(0.001, 0.4),
    status=st.sampled_from([403, None]),
    seed=st.integers(0, 9),
)
def test_a_policy_that_begins_in_a_burst_stops_the_trunk(
    rate: float, turned_at: float, seconds: float, refused: float, status: int | None, seed: int
) -> None:
    """Nine canaries at most after the first refusal was seen, nothing with credentials, and then nothing."""
    policy = GovernorPolicy(max_rate=rate)

    def forbidden(now: float, credentials: bool) -> Reply:
        return replace(REFUSED, seconds=refused, status=status)

    healthy = trunk("window:1000/1s", seed=seed, answers=(seconds, 1.1 * seconds))
    governor, journey = drive(changed_at(turned_at, healthy, forbidden), until=7200.0, policy=policy)
    late = [one.answered_at for one in journey.between(turned_at, MANY) if one.reply.answer is Answer.REFUSED]
    seen = min(at for at in late if at is not None)
    more = journey.between(seen, MANY)
    assert governor.mode is Mode.STOPPED
    assert len(more) < 10
    assert all(one.kind is Send.CANARY and not one.credentials for one in more)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(0.5, 80.0),
    turned_at=st.floats(2.5, 100.0),
    seconds=st.floats(0.001, 0.4),
    refused=st.floats(0.001, 0.4),
    blinks=st.booleans(),
    seed=st.integers(0, 9),
)
def test_an_account_that_is_disabled_in_a_burst_costs_two_refused_logins(
    rate: float, turned_at: float, seconds: float, refused: float, blinks: bool, seed: int
) -> None:
    """The first and one more, after what was in flight; one besides where the account blinked before.

    In every quarter of an hour from then on two at most, and then the trunk is stopped.
    """

    def disabled(now: float, credentials: bool) -> Reply:
        return replace(REFUSED, seconds=refused, status=403) if credentials else CHALLENGED

    healthy = trunk("window:1000/1s", seed=seed, answers=(seconds, 1.1 * seconds))
    world = changed_at(turned_at, healthy, disabled)
    if blinks:
        world = changed_at(turned_at - 2.0, healthy, changed_at(turned_at - 1.9, disabled, world))
    governor, journey = drive(world, until=7200.0, policy=GovernorPolicy(max_rate=rate))
    late = [one.answered_at for one in journey.between(turned_at, MANY) if one.reply.answer is Answer.REFUSED]
    seen = min(at for at in late if at is not None)
    more = journey.between(seen, MANY)
    logins = [one.at for one in more if one.credentials]
    assert governor.mode is Mode.STOPPED
    assert len(more) < 10
    assert sum(at < seen + 900.0 for at in logins) <= 1 + blinks
    assert all(sum(at <= other < at + 900.0 for other in logins) <= 2 for at in logins)

"""Whatever the burst, a trunk that turns to refuse everything gets fewer than ten requests more."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.governor.journeys import MANY, REFUSED, changed_at, drive, trunk

from shiftline.governor.controller import Answer, Send
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import Reply
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

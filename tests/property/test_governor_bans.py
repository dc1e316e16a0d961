"""Bans met cold: what a governor sends into one that it cannot know of, and how soon it is over."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.governor.journeys import MANY, REFUSED, changed_at, drive, trunk

from shiftline.governor.controller import Answer, Send
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.simulation.engine import behind
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.simulation.measure import bans_within
from shiftline.governor.state import Mode

FIRST_HALF_MINUTE = 10  # canaries
LAST_OF_THEM = 24.5  # seconds after the first refusal
MINUTE, FIVE_MINUTES = 61.5, 301.5  # seconds of silence


@settings(max_examples=40, deadline=None)
@given(
    limit=st.integers(10, 80),
    window=st.floats(0.5, 4.0),
    ban=st.integers(13, 300),
    prolonged=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_ban_gets_ten_canaries_and_is_met_once(
    limit: int, window: float, ban: int, prolonged: bool, seed: int
) -> None:
    """In the first half minute; then each silence outlasts a usual ban, and nothing provokes a second one."""
    random = Random(seed)
    text = f"escalating:{limit}/{window:.1f}s,ban={ban}s,growth=1"
    limiter = parse_limiter(text + (",prolonged=yes" if prolonged else "")).build(random.random())
    world = behind(limiter, lambda: random.uniform(0.02, 0.06))
    _, journey = drive(world, until=600.0)
    assert sum(one.bans for one in bans_within(limiter)) == 1
    refused = journey.answered(Answer.REFUSED)
    seen = min(one.answered_at for one in refused if one.answered_at is not None)
    into_it = [one for one in refused if one.at >= seen]
    assert all(one.kind is Send.CANARY and not one.credentials for one in into_it)
    assert sum(one.at < seen + 30.0 for one in into_it) <= FIRST_HALF_MINUTE
    assert len(into_it) <= FIRST_HALF_MINUTE + (ban > MINUTE)
    longest = LAST_OF_THEM + MINUTE + (FIVE_MINUTES if ban > MINUTE else 0.0)
    assert min(at for at in journey.passed() if at > seen) <= seen + longest + 2.0


@settings(max_examples=30, deadline=None)
@given(turned_at=st.floats(0.2, 2.5), seconds=st.floats(0.001, 0.2), seed=st.integers(0, 9))
def test_a_policy_that_begins_in_the_first_climb_gets_thirteen_more(
    turned_at: float, seconds: float, seed: int
) -> None:
    """A limit is likelier there, so it is asked more often than later; then the trunk is stopped."""

    def forbidden(now: float, credentials: bool) -> Reply:
        return REFUSED

    healthy = trunk("window:100000/1s", seed=seed, answers=(seconds, 1.1 * seconds))
    governor, journey = drive(changed_at(turned_at, healthy, forbidden), until=7200.0)
    late = [one.answered_at for one in journey.between(turned_at, MANY) if one.reply.answer is Answer.REFUSED]
    more = journey.between(min(at for at in late if at is not None), MANY)
    assert governor.mode is Mode.STOPPED
    assert len(more) <= 13
    assert all(one.kind is Send.CANARY and not one.credentials for one in more)

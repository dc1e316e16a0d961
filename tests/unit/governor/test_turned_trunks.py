"""Trunks that begin to refuse everything in the middle of a burst: few canaries, and then the end of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.governor.journeys import LEARNING, MANY, REFUSED, changed_at, drive, trunk

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.engine import travel
from shiftline.governor.simulation.journey import Journey, Reply, SentRequest, World
from shiftline.governor.state import Mode

HOUR = 3600.0
OPEN = "window:1000/1s"
ANSWER_SECONDS = (0.001, 0.04, 0.15, 0.4)
POLICIES = {"learning": GovernorPolicy(learn=True, max_rate=200.0), "declared": GovernorPolicy(max_rate=50.0)}
FORBIDDEN = replace(REFUSED, status=403)


def refusing(reply: Reply, seconds: float) -> World:
    """All that comes is refused like that, after so many seconds."""
    return lambda now, credentials: replace(reply, seconds=seconds)


def after_it_was_seen(journey: Journey, turned_at: float) -> list[SentRequest]:
    """What left after the first refusal of the turn had come back."""
    refused = [one for one in journey.between(turned_at, MANY) if one.reply.answer is Answer.REFUSED]
    seen = min(one.answered_at for one in refused if one.answered_at is not None)
    return journey.between(seen, MANY)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("seconds", ANSWER_SECONDS)
@pytest.mark.parametrize(("limiter", "turned_at"), [(OPEN, 5.3), (OPEN, 20.7), ("window:50/1s", 20.7)])
def test_a_policy_that_begins_in_a_burst_gets_nine_more(
    limiter: str, turned_at: float, seconds: float, policy: GovernorPolicy
) -> None:
    """All of them canaries without credentials, and no more; then the trunk is stopped."""
    healthy = trunk(limiter, answers=(0.9 * seconds, 1.1 * seconds))
    world = changed_at(turned_at, healthy, refusing(FORBIDDEN, seconds))
    governor, journey = drive(world, until=2 * HOUR, policy=policy)
    more = after_it_was_seen(journey, turned_at)
    assert len(more) <= 9
    assert all(one.kind is Send.CANARY for one in more)
    assert not any(one.credentials or one.repeats for one in more)
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.POLICY)


@pytest.mark.parametrize("ban_seconds", [20.0, 60.0, 200.0, 600.0, 900.0, 1200.0])
def test_a_ban_that_looks_the_same_is_found_over(ban_seconds: float) -> None:
    """At most four times as long, or a quarter of an hour, after its end."""
    healthy = trunk(OPEN)
    world = changed_at(5.0, healthy, changed_at(5.0 + ban_seconds, refusing(FORBIDDEN, 0.002), healthy))
    governor, journey = drive(world, until=HOUR, policy=POLICIES["declared"])
    again = min(at for at in journey.passed() if at > 5.0 + ban_seconds)
    assert again <= 5.0 + ban_seconds + min(4 * ban_seconds, 900.0)
    assert governor.mode is not Mode.STOPPED


@pytest.mark.parametrize(
    "reply",
    [replace(REFUSED, status=503), replace(REFUSED, status=500), replace(FORBIDDEN, retry_after=30.0)],
    ids=["503", "500", "403-retry-after"],
)
def test_what_says_that_it_will_pass_is_waited_for(reply: Reply) -> None:
    """A maintenance of two hours: nobody need re-arm the trunk."""
    healthy = trunk(OPEN)
    world = changed_at(5.0, healthy, changed_at(2 * HOUR, refusing(reply, 0.002), healthy))
    governor, journey = drive(world, until=2.5 * HOUR, policy=POLICIES["declared"])
    assert governor.mode is Mode.HOLDING
    assert journey.passed_between(2 * HOUR, 2.5 * HOUR) > 0


def test_one_that_was_re_armed_in_vain_stops_soon() -> None:
    """The life before proves nothing any more: a check, three canaries, and that is the end."""
    world = changed_at(5.0, trunk(OPEN), refusing(FORBIDDEN, 0.002))
    stopped, _ = drive(world, until=HOUR)
    known = json.loads(json.dumps(stopped.knowledge() | stopped.told(HOUR)))
    governor = Governor(LEARNING, 0.0, known)
    journey = travel(governor, refusing(FORBIDDEN, 0.002), checks=MANY, until=HOUR)
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.POLICY)
    assert len(journey.requests) == 4
    assert journey.ended_at < 10.0


def test_one_that_begins_in_a_climb_is_stopped_as_well() -> None:
    """A limit is far more likely there, so it is asked a little more often before."""
    governor, journey = drive(changed_at(1.5, trunk(OPEN), refusing(FORBIDDEN, 0.04)), until=HOUR)
    more = after_it_was_seen(journey, 1.5)
    assert len(more) <= 14
    assert not any(one.credentials for one in more)
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.POLICY)


def test_one_that_was_re_armed_and_mended_goes_on() -> None:
    """At the rate that it had."""
    stopped, _ = drive(changed_at(70.0, trunk("window:50/1s"), refusing(FORBIDDEN, 0.002)), until=HOUR)
    known = json.loads(json.dumps(stopped.knowledge() | stopped.told(HOUR)))
    _, journey = drive(trunk("window:50/1s"), until=60.0, known=known)
    assert len(journey.passed()) >= 0.9 * 60 * 50

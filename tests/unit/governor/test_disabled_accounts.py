"""An account that is disabled in the middle of a burst, on a PBX that says 403 while canaries pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.governor.journeys import (
    CHALLENGED,
    LEARNING,
    MANY,
    REFUSED,
    Agents,
    changed_at,
    checks_refused,
    drive,
    trunk,
)

from shiftline.governor.account import TRIALS
from shiftline.governor.controller import Answer
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.journey import Journey, Reply, SentRequest, World
from shiftline.governor.state import Mode

OPEN = "window:1000/1s"
QUARTER = 900.0
HOUR = 3600.0
ANSWER_SECONDS = (0.001, 0.04, 0.15, 0.4)
DECLARED = GovernorPolicy(max_rate=50.0)


def disabling(seconds: float) -> World:
    """Our account is forbidden; whoever shows no credentials is asked for them."""
    forbidden = replace(REFUSED, seconds=seconds, status=403)

    def world(now: float, credentials: bool) -> Reply:
        del now
        return forbidden if credentials else replace(CHALLENGED, seconds=seconds)

    return world


def after_it_was_seen(journey: Journey, turned_at: float) -> tuple[list[SentRequest], float]:
    """What left after the first refusal of the turn had come back, and when that was."""
    refused = [one for one in journey.between(turned_at, MANY) if one.reply.answer is Answer.REFUSED]
    seen = min(one.answered_at for one in refused if one.answered_at is not None)
    return journey.between(seen, MANY), seen


def logins(requests: Sequence[SentRequest], start: float, end: float) -> int:
    """How many of them carried credentials in that time."""
    return sum(one.credentials and start <= one.at < end for one in requests)


def most_in_a_quarter(requests: Sequence[SentRequest]) -> int:
    """How many logins any quarter of an hour holds."""
    return max(logins(requests, one.at, one.at + QUARTER) for one in requests if one.credentials)


@pytest.mark.parametrize("seconds", ANSWER_SECONDS)
@pytest.mark.parametrize("turned_at", [1.5, 5.3, 20.7, 75.0])
@pytest.mark.parametrize("max_rate", [5.0, 50.0])
class TestDeclaredRate:
    """A trunk without permission to learn, which is the default."""

    def test_gets_one_login_more(self, max_rate: float, turned_at: float, seconds: float) -> None:
        """Two in all with the first refused one, and what was in flight; two in each quarter from then on."""
        healthy = trunk(OPEN, answers=(0.9 * seconds, 1.1 * seconds))
        world = changed_at(turned_at, healthy, disabling(seconds))
        governor, journey = drive(world, until=HOUR, policy=GovernorPolicy(max_rate=max_rate))
        more, seen = after_it_was_seen(journey, turned_at)
        assert logins(more, seen, seen + QUARTER) == 1
        assert most_in_a_quarter(more) <= 2
        assert len(more) < 10
        assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)
        in_flight = logins(journey.requests, turned_at, seen)
        assert in_flight <= max_rate * seconds + 2

    def test_gets_two_more_where_a_refusal_was_over_at_once_lately(
        self, max_rate: float, turned_at: float, seconds: float
    ) -> None:
        """Half a second in which the account was refused: that may come and go again."""
        healthy = trunk(OPEN, answers=(0.9 * seconds, 1.1 * seconds))
        again = changed_at(turned_at + 40.0, healthy, disabling(seconds))
        world = changed_at(turned_at, healthy, changed_at(turned_at + 0.5, disabling(seconds), again))
        governor, journey = drive(world, until=HOUR, policy=GovernorPolicy(max_rate=max_rate))
        more, seen = after_it_was_seen(journey, turned_at + 40.0)
        assert logins(more, seen, seen + QUARTER) <= 2
        assert most_in_a_quarter(more) <= 2
        assert len(more) < 10
        assert governor.mode is Mode.STOPPED


@pytest.mark.parametrize("limiter", ["window:50/1s", "bucket:50/s,burst=100", "red:50/1s"])
def test_a_source_limiter_below_the_declared_rate_gives_no_more(limiter: str) -> None:
    """It was met before; at most two logins after the refusal was seen."""
    world = changed_at(30.0, trunk(limiter), disabling(0.04))
    _, journey = drive(world, until=HOUR, policy=GovernorPolicy(max_rate=80.0))
    more, seen = after_it_was_seen(journey, 30.0)
    assert logins(more, seen, seen + QUARTER) <= 2
    assert len(more) < 10


def test_the_question_waits_until_every_usual_counter_is_open() -> None:
    """A refusal in the first minute of a burst may be a counter's: none of ten seconds is shut any more."""
    world = changed_at(20.0, trunk(OPEN), disabling(0.04))
    governor, journey = drive(world, until=25.0, policy=DECLARED)
    first = checks_refused(journey, 20.0)[0]
    assert governor.waiting_for(25.0)
    assert journey.between(first + 1.0, 25.0) == []
    _, longer = drive(world, until=60.0, policy=DECLARED)
    assert first + TRIALS[1] <= checks_refused(longer, first + 1.0)[0] < first + TRIALS[1] + 1.0


def test_a_restart_while_it_waits_allows_no_more() -> None:
    """The refusal that was seen is kept: one more, and then it rests."""
    waiting, _ = drive(changed_at(20.0, trunk(OPEN), disabling(0.04)), until=25.0, policy=DECLARED)
    kept = json.loads(json.dumps(waiting.knowledge() | waiting.told(25.0)))
    governor, journey = drive(disabling(0.04), until=QUARTER - 60.0, policy=DECLARED, known=kept)
    assert len(checks_refused(journey)) == 1
    assert governor.refusal is RefusalClass.USER_BOUND


@pytest.mark.parametrize("down_seconds", [0.2, 3.0, 30.0])
def test_a_restart_while_it_waits_asks_no_sooner(down_seconds: float) -> None:
    """A counter of ten seconds was met shut again, and what met it was taken for a lock: 15 minutes."""
    world = trunk("window:100/10s,key=user")
    _, whole = drive(world, until=25.0, policy=DECLARED)
    first = checks_refused(whole)[0]
    waiting, _ = drive(trunk("window:100/10s,key=user"), until=first + 2.0, policy=DECLARED)
    kept = json.loads(json.dumps(waiting.knowledge() | waiting.told(first + 2.0)))
    left = kept["login_in"] - down_seconds
    assert 0.0 < kept["login_in"] <= TRIALS[1]
    governor, journey = drive(
        trunk(OPEN), until=60.0, policy=DECLARED, known=kept | {"age_seconds": down_seconds}
    )
    assert journey.requests[0].at == pytest.approx(max(0.0, left), abs=0.01)
    assert governor.mode is Mode.HOLDING
    assert governor.knowledge()["login_in"] is None
    # What is no such wait, however it came there, silences nobody for longer than one.
    _, journey = drive(trunk(OPEN), until=60.0, policy=DECLARED, known=kept | {"login_in": 1e12})
    assert journey.requests[0].at == pytest.approx(TRIALS[1], abs=0.01)


def test_a_second_restart_while_it_waits_asks_no_sooner() -> None:
    """The life between knew of nothing that it waited for."""
    _, whole = drive(trunk("window:100/10s,key=user"), until=25.0, policy=DECLARED)
    first = checks_refused(whole)[0]
    waiting, _ = drive(trunk("window:100/10s,key=user"), until=first + 2.0, policy=DECLARED)
    kept = waiting.knowledge() | waiting.told(first + 2.0) | {"age_seconds": 1.0}
    between, journey = drive(trunk(OPEN), until=1.0, policy=DECLARED, known=kept)
    assert journey.requests == []
    known = json.loads(json.dumps(between.knowledge() | between.told(1.0))) | {"age_seconds": 1.0}
    _, journey = drive(trunk(OPEN), until=60.0, policy=DECLARED, known=known)
    assert journey.requests[0].at == pytest.approx(kept["login_in"] - 3.0, abs=0.05)


@pytest.mark.parametrize(
    ("limiter", "limit", "max_rate"),
    [
        ("window:50/1s,key=user", 50.0, 80.0),
        ("window:50/1s,key=user", 50.0, 200.0),
        ("window:100/5s,key=user", 20.0, 50.0),
        ("window:200/10s,key=user", 20.0, 100.0),
        ("window:50/10s,key=user", 5.0, 50.0),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_counter_of_the_account_below_the_declared_rate_is_no_lock(
    limiter: str, limit: float, max_rate: float, seed: int
) -> None:
    """It is not waited for a quarter of an hour: a good part of what it lets pass is used."""
    _, journey = drive(trunk(limiter, seed=seed), until=300.0, policy=GovernorPolicy(max_rate=max_rate))
    assert len(journey.passed()) >= 0.45 * 300.0 * limit


def test_agents_who_are_refused_for_themselves_cost_one_such_wait() -> None:
    """It is known then that some are."""
    agents = Agents(trunk(OPEN), range(500), set(range(0, 500, 50)))
    agents.drive(until=60.0, policy=DECLARED)
    assert len(agents.done_at) == 500
    assert max(agents.done_at.values()) <= 500 / 50.0 + TRIALS[1] + 5.0


@pytest.mark.parametrize("seconds", ANSWER_SECONDS)
@pytest.mark.parametrize("turned_at", [5.3, 20.7])
def test_a_trunk_that_learns_gets_four_more(turned_at: float, seconds: float) -> None:
    """Where more is tried than ever passed, a counter of the account is likelier: fewer than ten in all."""
    healthy = trunk("window:50/1s", answers=(0.9 * seconds, 1.1 * seconds))
    world = changed_at(turned_at, healthy, disabling(seconds))
    governor, journey = drive(world, until=HOUR, policy=LEARNING)
    more, seen = after_it_was_seen(journey, turned_at)
    assert logins(more, seen, seen + QUARTER) <= 4
    assert logins(more, seen + 11.0, MANY) <= 2
    assert len(more) < 10
    assert governor.mode is Mode.STOPPED

"""One refusal among many passes: the rate, one agent, or our account?"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from tests.unit.governor.journeys import LEARNING, REFUSED, Agents, checks_refused, drive, trunk

from shiftline.governor.account import TRIALS
from shiftline.governor.controller import Send
from shiftline.governor.doubt import Doubt
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.state import Mode

AGENTS = range(500)
DECLARED = GovernorPolicy(max_rate=100.0)
BOUNDED = GovernorPolicy(learn=True, max_rate=100.0)
TWO_MINUTES = 120.0


class TestDoubt:
    """The experiment by itself."""

    def test_the_same_question_that_passes_tells_of_the_rate(self) -> None:
        """No witness is asked."""
        doubt = Doubt()
        doubt.begin(about_one=True)
        assert doubt.is_open
        assert not doubt.wants_another()
        assert not doubt.tells_of_one()
        assert not doubt.is_open

    def test_a_witness_is_asked_twice(self) -> None:
        """The first pass of his may be the second request that is let through."""
        doubt = Doubt()
        doubt.begin(about_one=True)
        assert doubt.was_refused()
        assert doubt.asks_witness
        assert doubt.wants_another()
        assert not doubt.wants_another()
        assert doubt.tells_of_one()
        assert not doubt.asks_witness

    def test_a_refused_witness_ends_it(self) -> None:
        """Nobody else is asked; the next doubt begins with no witness heard."""
        doubt = Doubt()
        doubt.begin(about_one=True)
        doubt.was_refused()
        doubt.wants_another()
        assert not doubt.was_refused()
        assert not doubt.is_open
        assert not doubt.asks_witness
        doubt.begin(about_one=False)
        doubt.was_refused()
        assert doubt.wants_another()


class TestRed:
    """Beyond the limit every second request is refused, whoever asks."""

    @pytest.mark.parametrize("limiter", ["red:50/1s", "red:20/1s", "red:60/2s"])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_is_blamed_on_the_rate(self, limiter: str, seed: int) -> None:
        """Just below twice the limit within a minute; one in a hundred is refused at most."""
        governor, journey = drive(trunk(limiter, seed=seed), until=TWO_MINUTES)
        limit = {"red:50/1s": 99, "red:20/1s": 39, "red:60/2s": 59}[limiter]
        assert journey.passed_between(60.0, TWO_MINUTES) >= 0.85 * 60 * limit
        assert len(checks_refused(journey)) <= 0.01 * len(journey.requests)
        assert governor.mode in (Mode.HOLDING, Mode.LISTENING)

    def test_does_not_lower_a_rate_twice_for_one_closure(self) -> None:
        """The canary passes, the check behind it does not: it is shut still, and that rate was lowered."""
        governor, journey = drive(trunk("red:50/1s"), until=TWO_MINUTES)
        settled = governor.knowledge()["met"]
        assert len(checks_refused(journey)) >= 2 * settled
        assert governor.rate >= 0.8 * 99


class TestAgents:
    """Some of 500 are refused each time they are asked: the rate is not to suffer for it."""

    @pytest.mark.parametrize(("policy", "waits"), [(DECLARED, TRIALS[1]), (BOUNDED, 0.0)])
    @pytest.mark.parametrize(("count", "within"), [(10, 12.0), (50, 35.0)])
    def test_all_are_answered_soon(
        self, policy: GovernorPolicy, waits: float, count: int, within: float
    ) -> None:
        """One in fifty, one in ten, here and there; without ``learn`` the first is waited for, once."""
        agents = Agents(trunk("window:1000/1s"), AGENTS, set(Random(1).sample(AGENTS, count)))
        agents.drive(until=60.0, policy=policy)
        assert len(agents.done_at) == len(AGENTS)
        assert max(agents.done_at.values()) <= within + waits
        assert agents.governor.rate == 100.0

    def test_at_the_end_of_the_line_as_well(self) -> None:
        """Ten of them one after the other."""
        agents = Agents(trunk("window:1000/1s"), AGENTS, set(AGENTS[-10:]))
        agents.drive(until=60.0, policy=DECLARED)
        assert max(agents.done_at.values()) <= 10.0 + TRIALS[1]
        assert agents.governor.rate == 100.0

    def test_beside_a_limiter_the_limit_is_found(self) -> None:
        """The limiter's refusals are told from theirs."""
        agents = Agents(trunk("window:50/1s"), AGENTS, set(Random(2).sample(AGENTS, 10)))
        agents.drive(until=60.0)
        assert len(agents.done_at) == len(AGENTS)
        assert 40.0 <= agents.governor.rate <= 50.5


def test_one_long_retry_after_is_not_held_against_the_rate() -> None:
    """Told once to come back in five minutes: afterwards the limit is used as before."""
    healthy = trunk("window:50/1s")
    told: list[float] = []

    def world(now: float, credentials: bool) -> Reply:
        reply = healthy(now, credentials)
        if now > 60.0 and not told:
            told.append(now)
            return replace(REFUSED, retry_after=300.0)
        return reply

    governor, journey = drive(world, until=500.0, policy=LEARNING)
    until = told[0] + 300.0
    assert not journey.between(told[0] + 0.05, until)
    assert journey.passed_between(until + 10.0, 500.0) >= 0.9 * 50 * (490.0 - until)
    assert governor.mode is Mode.HOLDING


def test_a_place_is_free_for_the_question_that_is_asked_again() -> None:
    """At 5/s the canary takes the only one; asked at once, the question would be refused for that."""
    governor, journey = drive(trunk("bucket:5/s,burst=2"), until=TWO_MINUTES)
    assert journey.passed_between(60.0, TWO_MINUTES) >= 0.75 * 60 * 5
    assert governor.refusal is RefusalClass.THROTTLE
    early = [one.kind for one in journey.requests if one.at < 10.0]
    assert early.count(Send.CANARY) == 1

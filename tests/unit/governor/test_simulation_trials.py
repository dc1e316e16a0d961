"""What a journey comes to: efficiency, refusals, and when the limit was known."""

from __future__ import annotations

from random import Random

import pytest

from shiftline.errors import ConfigurationError
from shiftline.governor.controller import Answer, Send
from shiftline.governor.controllers.registry import OURS, controller_named
from shiftline.governor.controllers.start import Start
from shiftline.governor.limiters.model import Arrival
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.bank import DEVELOPMENT_BANK, Beginning, Group, case
from shiftline.governor.simulation.journey import Journey, Reply, SentRequest
from shiftline.governor.simulation.measure import Watched, measure, settled_at
from shiftline.governor.simulation.trial import attempt
from shiftline.governor.simulation.worth import Worth, worth_of


def steady(watched: Watched, rate: int, start: int, end: int) -> list[float]:
    """Arrivals at an even rate; return those that passed."""
    moments = [start + number / rate for number in range(rate * (end - start))]
    before = set(watched.turned_down)
    for at in moments:
        watched.judge(Arrival(at=at))
    refused = set(watched.turned_down) - before
    return [at for at in moments if at not in refused]


def test_an_all_knowing_sender_empties_a_full_bucket_once() -> None:
    """The burst counts at the very beginning only, so that it makes nobody better than ideal."""
    bucket = case("bucket:20/s,burst=5")
    assert bucket.ideal(0.0, 10.0) == pytest.approx(205.0)
    assert bucket.ideal(10.0, 20.0) == pytest.approx(200.0)


def test_the_ideal_follows_a_changed_limit() -> None:
    """Before and after the change, each with its own rate."""
    changing = case("changing:50/1s,25/1s@240s")
    assert changing.changes == (240.0,)
    assert changing.ideal(230.0, 250.0) == pytest.approx(750.0)
    assert (changing.ideal_rate(0.0), changing.ideal_rate(240.0)) == (50.0, 25.0)


def test_only_what_bans_is_tried_warm() -> None:
    """A flood guard without a table of banned addresses is a rate limiter."""
    assert case("pike:30/2s").group is Group.BAN
    assert case("pike:30/2s,ban=0").group is Group.RATE
    assert case("lockout:100/60s").beginnings == (Beginning.DECLARED, Beginning.KNOWN, Beginning.COLD)
    assert case("window:50/1s").beginnings == (Beginning.COLD,)


def test_every_case_of_the_bank_has_a_name_of_its_own() -> None:
    """Figures are printed by name."""
    names = [one.name for one in DEVELOPMENT_BANK]
    assert len(set(names)) == len(names)
    assert {one.group for one in DEVELOPMENT_BANK} == set(Group)


class TestMeasure:
    """A journey in figures."""

    def test_passed_checks_are_set_against_the_ideal(self) -> None:
        """Neither canaries nor refused checks are progress; all that is turned down is refused."""
        trunk = case("window:10/1s")
        watched = Watched(trunk.throttle.build())
        journey = Journey()
        for number in range(20):
            at = number / 20
            watched.judge(Arrival(at=at))
            passes = number < 10
            journey.requests.append(
                SentRequest(
                    at,
                    Send.CANARY if number == 0 else Send.CHECK,
                    credentials=True,
                    reply=Reply(Answer.PASSED if passes else Answer.REFUSED),
                )
            )
        outcome = measure(journey, watched, trunk, horizon=1.0)
        assert outcome.efficiency == pytest.approx(0.9)
        assert outcome.refused_share == pytest.approx(0.5)
        assert (outcome.checks, outcome.arrivals) == (9, 20)

    def test_a_sender_has_settled_once_thirty_seconds_are_good(self) -> None:
        """Slow at first and then just below the limit: settled where the good half minute begins."""
        trunk = case("window:10/1s")
        watched = Watched(trunk.throttle.build())
        passed = steady(watched, 5, 0, 20) + steady(watched, 9, 20, 80)
        settled = settled_at(Worth(passed), watched, trunk.ideal, 0.0, 80.0)
        assert settled is not None
        assert 17.0 <= settled <= 20.0

    def test_whoever_is_refused_all_the_time_never_settles(self) -> None:
        """The full limit gets through, but half of what arrives is turned down."""
        trunk = case("window:10/1s")
        watched = Watched(trunk.throttle.build())
        passed = steady(watched, 20, 0, 80)
        assert settled_at(Worth(passed), watched, trunk.ideal, 0.0, 80.0) is None

    def test_bans_are_found_in_a_limiter_of_many_keys(self) -> None:
        """A ban counts wherever it is wrapped."""
        trunk = case("escalating:2/1s,ban=60s,prolonged=yes")
        watched = Watched(trunk.throttle.build())
        for at in (0.0, 0.1, 0.2, 0.3):
            watched.judge(Arrival(at=at))
        outcome = measure(Journey(), watched, trunk, horizon=600.0)
        assert (outcome.bans, outcome.prolongations) == (1, 1)


class TestALateJudge:
    """RED stops nobody in its first window: that is no merit of who sends then."""

    def test_a_flood_through_the_first_window_counts_for_two(self) -> None:
        """9,000 pass in three seconds; an all-knowing sender passes 19 in each window of ten."""
        trunk = case("red:10/10s")
        watched = Watched(trunk.throttle.build())
        passed = steady(watched, 3000, 0, 3)
        worth = worth_of(passed, trunk)
        assert len(passed) == 9000
        assert 38 <= len(worth.counted) <= 38 + 3 * 1.9 + 1
        assert len(worth.counted) + len(worth.beyond) == 9000

    def test_neither_efficiency_nor_the_share_refused_is_earned_by_it(self) -> None:
        """It crawls after its flood, and half of what it sends then is refused."""
        trunk = case("red:10/1s")
        watched = Watched(trunk.throttle.build())
        passed = steady(watched, 600, 0, 1) + steady(watched, 2, 10, 60)
        for at in range(100):
            watched.turned_down.append(60.0 + at / 10)
            watched.arrivals.append(60.0 + at / 10)
        requests = [
            SentRequest(at, Send.CHECK, credentials=True, reply=Reply(Answer.PASSED)) for at in passed
        ]
        outcome = measure(Journey(requests), watched, trunk, horizon=60.0)
        assert 600 / trunk.ideal(0.0, 60.0) > 0.5  # what it had come to
        assert outcome.efficiency == pytest.approx(157 / trunk.ideal(0.0, 60.0), rel=0.01)
        assert outcome.refused_share == pytest.approx(100 / 257, rel=0.01)
        assert outcome.learned_after is None

    def test_whoever_floods_has_failed(self) -> None:
        """A journey that is cut off is measured over the whole time, and nothing passed after the cut."""
        outcome = attempt("aimd", case("red:5/10s"), Beginning.COLD, Random(2).random)
        assert outcome.flooded_at is not None
        assert outcome.flooded_at < 20.0
        assert outcome.checks > 1000
        assert outcome.efficiency < 0.07
        assert outcome.learned_after is None


def test_a_trial_is_told_by_its_random_numbers() -> None:
    """The same seed gives the same figures; another gives others."""
    trunk = case("shared:50/1s,others=5/s")
    first, again, other = (
        attempt(OURS, trunk, Beginning.COLD, Random(seed).random, horizon=60.0) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_controller_that_is_not_there_is_named_with_those_that_are() -> None:
    """The sentence tells what can be chosen."""
    with pytest.raises(ConfigurationError, match="no controller 'ours'"):
        controller_named("ours", Start(policy=GovernorPolicy()))

"""Trunks that limit or lock our account alone, while the path is open for everybody else."""

from __future__ import annotations

import json
from itertools import count

import pytest
from tests.unit.governor.journeys import (
    CHALLENGED,
    LEARNING,
    REFUSED,
    changed_at,
    checks_refused,
    drive,
    trunk,
)

from shiftline.governor.controller import Send
from shiftline.governor.governor import Governor
from shiftline.governor.listening import USUAL_BANS
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.engine import Sender, travel_together
from shiftline.governor.simulation.journey import Journey, Reply, World
from shiftline.governor.state import Mode

QUARTER = 900.0
LOCKED_FROM = 20.0


def locking(seconds: float, healthy: World) -> World:
    """Our account is refused from second 20 on, for so long; a canary never is."""

    def locked(now: float, credentials: bool) -> Reply:
        del now
        return REFUSED if credentials else CHALLENGED

    return changed_at(LOCKED_FROM, healthy, changed_at(LOCKED_FROM + seconds, locked, healthy))


def by_turns(nth: int, seconds: float, healthy: World) -> World:
    """From second 20 on, for so long, every n-th request passes, whoever sends it, and no other."""
    left = count(1)

    def shut(now: float, credentials: bool) -> Reply:
        return healthy(now, credentials) if next(left) % nth == 0 else REFUSED

    return changed_at(LOCKED_FROM, healthy, changed_at(LOCKED_FROM + seconds, shut, healthy))


def drive_in_bursts(
    world: World, moments: tuple[float, ...], policy: GovernorPolicy
) -> tuple[Governor, Journey]:
    """Twenty checks at each of those seconds, and nothing in between."""
    governor = Governor(policy, 0.0)
    sender = Sender(governor, world, 0, [at for at in moments for _ in range(20)])
    travel_together([sender], until=7200.0)
    return governor, sender.journey


class TestWindows:
    """A counter per account that no canary meets."""

    @pytest.mark.parametrize(
        ("limiter", "rate"),
        [("window:50/1s,key=user", 50.0), ("window:40/2s,key=user", 20.0), ("window:200/10s,key=user", 20.0)],
    )
    @pytest.mark.parametrize("seed", [1, 2])
    def test_are_found_and_used(self, limiter: str, rate: float, seed: int) -> None:
        """At least 85 % of it within three minutes, at most one in a hundred refused."""
        governor, journey = drive(trunk(limiter, seed=seed), until=180.0)
        assert len(journey.passed()) >= 0.85 * 180 * rate
        assert len(checks_refused(journey)) <= 0.01 * len(journey.requests)
        assert governor.mode is Mode.HOLDING
        assert governor.rate <= 1.4 * rate

    def test_a_window_of_five_seconds_is_used(self) -> None:
        """Its limit is met again and again, at a price of a few in a hundred."""
        _, journey = drive(trunk("window:100/5s,key=user"), until=180.0)
        assert len(journey.passed()) >= 0.85 * 180 * 20
        assert len(checks_refused(journey)) <= 0.02 * len(journey.requests)

    def test_canaries_that_pass_are_not_taken_for_the_end_of_it(self) -> None:
        """A closure is asked by one canary at most, and those of an account that is known by none."""
        _, journey = drive(trunk("window:200/10s,key=user"), until=180.0)
        canaries = [one.at for one in journey.requests if one.kind is Send.CANARY]
        assert len(canaries) <= 6


class TestLocks:
    """An account that is refused for minutes."""

    def test_one_that_never_ends_stops_the_trunk(self) -> None:
        """What was in flight, that check again and another, two trials, two more in a quarter of an hour."""
        governor, journey = drive(locking(1e9, trunk("window:50/1s")), until=3600.0)
        refused = checks_refused(journey)
        at_once = [at for at in refused if at < LOCKED_FROM + 0.1]
        later = refused[len(at_once) :]
        assert len(at_once) <= 50 * 0.06 + 1
        assert len(later) == 2 + 2 + 2
        assert later[-2] >= later[3] + QUARTER
        assert later[-1] > later[-2] + 1.0
        assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)

    @pytest.mark.parametrize("seconds", [1e9, 300.0, 1000.0])
    def test_no_quarter_of_an_hour_holds_more_than_two_trials(self, seconds: float) -> None:
        """Whoever counts failures over that time counts no more, once the lock was met."""
        _, journey = drive(locking(seconds, trunk("window:50/1s")), until=3600.0)
        over = LOCKED_FROM + seconds  # from then on it is the window's refusals again
        refused = [at for at in checks_refused(journey) if LOCKED_FROM + 0.9 <= at < over]
        assert refused
        for start in refused:
            assert sum(start <= at < start + QUARTER for at in refused) <= 2

    @pytest.mark.parametrize("nth", [2, 3, 5, 6, 9])
    @pytest.mark.parametrize("seconds", [12.0, 16.0])
    def test_a_share_of_everything_is_none(self, nth: int, seconds: float) -> None:
        """RED in a long window: canaries pass by turns, and checks do."""
        governor, journey = drive(by_turns(nth, seconds, trunk("window:50/1s")), until=130.0)
        assert governor.mode in (Mode.HOLDING, Mode.CLIMBING)
        assert journey.passed_between(LOCKED_FROM + 75.0, 130.0) > 0

    def test_one_that_ends_is_found_over(self) -> None:
        """After the quarter of an hour checks pass again, as fast as before: the window was known."""
        governor, journey = drive(locking(300.0, trunk("window:50/1s")), until=1100.0)
        assert governor.mode is Mode.HOLDING
        assert len(checks_refused(journey, 960.0)) <= 0.01 * 50 * 140
        assert journey.passed_between(1000.0, 1100.0) >= 0.9 * 50 * 100

    @pytest.mark.parametrize("down", [0.0, 400.0])
    def test_a_restart_while_it_lasts_waits_for_its_end(self, down: float) -> None:
        """The trunk is not stopped: its password had been taken, and is tried when the quarter is over."""
        before, _ = drive(locking(1e9, trunk("window:50/1s")), until=60.0)
        kept = json.loads(json.dumps(before.knowledge() | before.told(60.0))) | {"age_seconds": down}
        over = QUARTER - 60.0 - down
        world = changed_at(over, lambda *_: REFUSED, trunk("window:50/1s"))
        governor, journey = drive(world, until=QUARTER, known=kept)
        assert governor.mode is Mode.HOLDING
        assert journey.requests[0].at >= QUARTER - 60.0 - down + LOCKED_FROM
        assert not checks_refused(journey, end=over + LOCKED_FROM)

    def test_restarts_allow_no_more_trials(self) -> None:
        """One a minute for an hour: still two in each quarter, and after the second lock none."""
        governor, _ = drive(locking(1e9, trunk("window:50/1s")), until=60.0)
        refused: list[float] = []
        for minute in range(60):
            kept = json.loads(json.dumps(governor.knowledge() | governor.told(60.0)))
            governor, journey = drive(
                lambda _, carries: REFUSED if carries else CHALLENGED, until=60.0, known=kept
            )
            refused += [60.0 * minute + at for at in checks_refused(journey)]
        assert refused
        assert all(sum(at <= other < at + QUARTER for other in refused) <= 2 for at in refused)
        assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy(max_rate=5.0)])
    def test_one_that_is_met_at_rest_is_asked_twice(self, policy: GovernorPolicy) -> None:
        """Refused after ten idle minutes, with many checks waiting: no rate explains that."""
        governor, journey = drive_in_bursts(locking(1e9, trunk("window:50/1s")), (0.0, 600.0), policy)
        refused = checks_refused(journey)
        assert len(refused) == 4
        assert refused[1] < refused[0] + 5.0
        assert refused[2] >= refused[1] + QUARTER
        assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy(max_rate=20.0)])
    def test_one_that_is_met_at_a_rate_that_has_long_passed_is_asked_once_more(
        self, policy: GovernorPolicy
    ) -> None:
        """Beyond what was in flight; then it rests for a quarter of an hour."""
        pinned = {"rate": 20.0, "learned": True, "price_seconds": 1e3, "met": 3}
        world = changed_at(200.0, trunk("window:50/1s"), locking(1e9, trunk("window:50/1s")))
        governor, journey = drive(world, until=1000.0, policy=policy, known=pinned)
        refused = checks_refused(journey, end=200.0 + QUARTER)
        at_once = [at for at in refused if at < 200.1]
        assert len(at_once) <= 20 * 0.06 + 1
        assert len(refused) == len(at_once) + 1
        assert governor.refusal is RefusalClass.USER_BOUND

    def test_a_throttle_met_at_rest_is_no_lock(self) -> None:
        """Others fill the limiter of our source for a while: a canary is refused as well, and it goes on."""
        busy = trunk("red:1/10s")
        world = changed_at(590.0, trunk("window:50/1s"), changed_at(640.0, busy, trunk("window:50/1s")))
        governor, journey = drive_in_bursts(world, (0.0, 600.0), GovernorPolicy(max_rate=5.0))
        assert journey.ended_at < 640.0 + USUAL_BANS[0]
        assert governor.account.strikes == 0

    def test_while_it_lasts_it_is_called_so(self) -> None:
        """The operator reads that our account alone is refused, and when it is asked again."""
        governor, _ = drive(locking(1e9, trunk("window:50/1s")), until=60.0)
        assert (governor.mode, governor.refusal) == (Mode.PROVING, RefusalClass.USER_BOUND)
        assert governor.waiting_for(60.0) == "one check in 871 s: our account alone is refused"

    def test_a_lockout_limiter_is_met_once_cold(self) -> None:
        """A hundred in a minute and fifteen minutes of lock: then a rate that bears it is held."""
        governor, journey = drive(trunk("lockout:100/60s,lock=900s"), until=2400.0)
        refused = checks_refused(journey)
        assert len(refused) <= 8
        assert all(at < 30.0 for at in refused)
        assert governor.mode is Mode.HOLDING
        assert governor.rate <= 100 / 60

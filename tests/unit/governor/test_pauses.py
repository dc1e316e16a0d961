"""A pause is no limit: neither of the PBX, nor of our own process."""

from __future__ import annotations

import pytest
from tests.unit.governor.journeys import (
    answer,
    drive,
    drive_asleep,
    proven,
    standing_still,
    trunk,
)

from shiftline.governor.controller import Answer, Send
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode

PAUSES = tuple((60.0 + 20.37 * number, 1.0) for number in range(3))
LENGTHS = [0.3, 0.6, 1.0, 2.0]
LIMITERS = ["window:50/1s", "window:200/1s", "window:100/5s"]
FEW_PERCENT = 0.92  # a try that is refused costs as much


def of_length(seconds: float) -> tuple[tuple[float, float], ...]:
    return tuple((start, seconds) for start, _ in PAUSES)


def limit_of(limiter: str) -> float:
    count, _, seconds = limiter.partition(":")[2].partition("/")
    return float(count) / float(seconds.removesuffix("s"))


class TestOfThePbx:
    """It stands still for a while, and then answers all."""

    @pytest.mark.parametrize("limiter", LIMITERS)
    @pytest.mark.parametrize("seconds", LENGTHS)
    def test_it_costs_the_rate_little(self, limiter: str, seconds: float) -> None:
        """Three pauses within a minute, and the limit is still held, and known as what it is."""
        governor, journey = drive(standing_still(trunk(limiter, seed=3), of_length(seconds)), until=160.0)
        assert governor.rate >= FEW_PERCENT * limit_of(limiter)
        assert governor.refusal is RefusalClass.THROTTLE
        assert journey.passed_between(130.0, 160.0) >= FEW_PERCENT * 30 * limit_of(limiter)

    @pytest.mark.parametrize("seconds", LENGTHS)
    def test_in_the_middle_of_the_climb_it_is_no_limit(self, seconds: float) -> None:
        """What was answered after all did not run into anything: the climb goes on."""
        governor, journey = drive(
            standing_still(trunk("window:200/1s", seed=3), ((1.2, seconds),)), until=40.0
        )
        assert governor.rate >= FEW_PERCENT * 200
        assert journey.passed_between(20.0, 40.0) >= FEW_PERCENT * 20 * 200

    @pytest.mark.parametrize("seconds", LENGTHS)
    def test_a_declared_rate_is_not_lowered_by_it(self, seconds: float) -> None:
        """It would never be raised again."""
        policy = GovernorPolicy(max_rate=20.0)
        world = standing_still(trunk("window:1000/1s"), of_length(seconds))
        governor, _ = drive(world, until=120.0, policy=policy)
        assert governor.rate == 20.0
        assert governor.mode is Mode.HOLDING


class TestOfOurs:
    """The process sleeps: it neither sends nor reads, and then finds all answers at once."""

    @pytest.mark.parametrize("limiter", LIMITERS)
    @pytest.mark.parametrize("seconds", LENGTHS)
    def test_it_costs_the_rate_little(self, limiter: str, seconds: float) -> None:
        """A busy machine is not a slow PBX."""
        governor, journey = drive_asleep(trunk(limiter, seed=3), of_length(seconds), until=160.0)
        assert governor.rate >= FEW_PERCENT * limit_of(limiter)
        assert governor.refusal is RefusalClass.THROTTLE
        assert journey.passed_between(130.0, 160.0) >= FEW_PERCENT * 30 * limit_of(limiter)


class TestWhatIsLate:
    """Whether what was unheard was lost, or late."""

    @staticmethod
    def silent_while_trying(came_late: int, lost: int) -> float:
        """The rate of a climb that fell silent, once a canary passes; so many came before it did."""
        governor = proven()
        tickets = [
            governor.sent(0.1 + number / 1000, Send.CHECK, credentials=True)
            for number in range(came_late + lost)
        ]
        now = 0.1
        while governor.mode is not Mode.LISTENING:
            now += 0.05
            governor.permission(now)
        before = governor.rate
        for ticket in tickets[:came_late]:
            governor.answered(ticket, now + 0.01, Answer.PASSED)
        while governor.permission(now).send is not Send.CANARY:
            now += 0.05
        governor.answered(governor.sent(now, Send.CANARY, credentials=False), now + 0.01, Answer.CHALLENGED)
        answer(governor, now + 0.02, now + 0.06, Answer.PASSED)
        return governor.rate / before

    def test_most_came_after_all(self) -> None:
        """It was a pause, and the rate stays."""
        assert self.silent_while_trying(came_late=12, lost=0) == 1.0
        assert self.silent_while_trying(came_late=6, lost=6) == 1.0

    def test_most_were_lost(self) -> None:
        """A limiter that drops: the rate comes down."""
        assert self.silent_while_trying(came_late=0, lost=12) < 0.9
        assert self.silent_while_trying(came_late=4, lost=8) < 0.9

    def test_two_that_came_tell_nothing(self) -> None:
        """The repetition of a lost one may have passed by chance."""
        assert self.silent_while_trying(came_late=2, lost=10) < 0.9

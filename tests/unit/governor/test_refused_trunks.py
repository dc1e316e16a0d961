"""Trunks that refuse for good: wrong credentials, a policy, a ban."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from random import Random

import pytest

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.burst import throttled
from shiftline.governor.simulation.engine import travel
from shiftline.governor.simulation.journey import Journey, Reply, World
from shiftline.governor.state import Mode

LEARNING = GovernorPolicy(learn=True, max_rate=0)
MANY = 10**9
CHALLENGED = Reply(Answer.CHALLENGED)
REFUSED = Reply(Answer.REFUSED, 0.002)


def answer_time() -> Callable[[], float]:
    """The practice PBX's: 40 ms give or take 20."""
    return partial(Random(0).uniform, 0.02, 0.06)


def limited(limit: int) -> World:
    """A trunk behind a one-second window."""
    return throttled(FixedWindow(limit, 1.0, 0.3), answer_time())


def changed_at(moment: float, before: World, after: World) -> World:
    return lambda now, credentials: (before if now < moment else after)(now, credentials)


def bad_credentials(reply: Reply) -> World:
    return lambda now, credentials: reply if credentials else CHALLENGED


def with_credentials(journey: Journey) -> int:
    return sum(request.credentials for request in journey.requests)


class TestWrongCredentials:
    """An account is not locked: at most two requests carry refused credentials."""

    @pytest.mark.parametrize("answer", [Answer.CREDENTIALS_REFUSED, Answer.REFUSED])
    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy()])
    def test_from_the_start(self, policy: GovernorPolicy, answer: Answer) -> None:
        """Challenged again or refused with 403 behind a canary that is challenged: two tries, then stop."""
        governor = Governor(policy, 0.0)
        journey = travel(governor, bad_credentials(Reply(answer)), checks=MANY, until=3600.0)
        assert governor.mode is Mode.STOPPED
        assert governor.refusal is RefusalClass.CREDENTIALS
        assert with_credentials(journey) == 2
        assert len(journey.requests) < 10

    @pytest.mark.parametrize("answer", [Answer.CREDENTIALS_REFUSED, Answer.REFUSED])
    def test_of_a_warm_governor(self, answer: Answer) -> None:
        """What an earlier life learned about the rate proves nothing about today's password."""
        known = {"rate": 200.0, "learned": True}
        governor = Governor(LEARNING, 0.0, known)
        journey = travel(governor, bad_credentials(Reply(answer)), checks=MANY, until=3600.0)
        assert governor.refusal is RefusalClass.CREDENTIALS
        assert with_credentials(journey) == 2

    @pytest.mark.parametrize("answer", [Answer.CREDENTIALS_REFUSED, Answer.REFUSED])
    def test_a_restart_after_each_refusal_does_not_allow_more(self, answer: Answer) -> None:
        """The count is part of what is known: two in all, and later lives send none."""
        known, carried = None, []
        for _ in range(4):
            governor = Governor(LEARNING, 0.0, known)
            journey = travel(governor, bad_credentials(Reply(answer)), checks=MANY, until=0.3)
            carried.append(with_credentials(journey))
            known = json.loads(json.dumps(governor.knowledge()))
        assert carried == [1, 1, 0, 0]
        assert governor.refusal is RefusalClass.CREDENTIALS

    def test_a_password_that_was_accepted_before_a_restart_is_tried_twice(self) -> None:
        """It may have been changed meanwhile, so it gets no more than any other."""
        governor = Governor(LEARNING, 0.0, {"proven": True, "accepted": True, "age_seconds": 5.0})
        journey = travel(governor, bad_credentials(REFUSED), checks=MANY, until=890.0)
        assert with_credentials(journey) == 2

    def test_proof_after_a_restart_forgets_the_refusal(self) -> None:
        """The password was mended before the second trial."""
        governor = Governor(LEARNING, 0.0, {"learned": False, "strikes": 1, "proven": False})
        travel(governor, limited(MANY), checks=5, until=10.0)
        assert governor.knowledge()["strikes"] == 0

    @pytest.mark.parametrize("limit", [20, 50, 200])
    @pytest.mark.parametrize("answer", [Answer.CREDENTIALS_REFUSED, Answer.REFUSED])
    def test_that_turn_bad_at_full_speed(self, answer: Answer, limit: int) -> None:
        """Those in flight cannot be called back; beyond them a handful leave, then nothing for a while.

        A 403 at speed may also be a lock of the account, so one quarter of an hour is waited before the
        last two trials. Asked for the password again, it stops at once.
        """
        limiter = FixedWindow(limit, 1.0, 0.3)
        healthy = throttled(limiter, answer_time())

        def changed(now: float, credentials: bool) -> Reply:
            reply = healthy(now, credentials)
            return Reply(answer) if reply.answer is Answer.PASSED else reply

        governor = Governor(LEARNING, 0.0)
        journey = travel(governor, changed_at(10.0, healthy, changed), checks=MANY, until=3600.0)
        bad = sum(request.credentials for request in journey.requests if request.at >= 10.0)
        in_flight = limit * 0.04
        assert governor.refusal is RefusalClass.CREDENTIALS
        assert bad <= (2 * in_flight + 2 if answer is Answer.CREDENTIALS_REFUSED else 2 * in_flight + 10)
        soon = [request for request in journey.requests if request.at >= 10.0 and request.at < 30.0]
        assert sum(request.credentials for request in soon) <= 2 * in_flight + 4
        assert not journey.between(30.0, 900.0)
        assert sum(request.credentials for request in journey.between(900.0, 3600.0)) <= 2
        assert journey.ended_at < (30.0 if answer is Answer.CREDENTIALS_REFUSED else 960.0)

    def test_one_refused_nonce_is_no_verdict(self) -> None:
        """A single strike is forgiven by the next pass, as often as it happens."""
        healthy = limited(MANY)
        moments = iter((5.0, 20.0, 35.0, 50.0, float("inf")))
        next_strike = [next(moments)]

        def world(now: float, credentials: bool) -> Reply:
            if credentials and now >= next_strike[0]:
                next_strike[0] = next(moments)
                return Reply(Answer.CREDENTIALS_REFUSED)
            return healthy(now, credentials)

        governor = Governor(GovernorPolicy(max_rate=20), 0.0)
        journey = travel(governor, world, checks=MANY, until=60.0)
        assert len(journey.answered(Answer.CREDENTIALS_REFUSED)) == 4
        assert governor.mode is Mode.HOLDING
        assert len(journey.answered(Answer.PASSED)) > 800

    def test_a_refusal_without_credentials_is_no_strike(self) -> None:
        """A first request that a busy throttle refuses has shown no credentials yet."""
        healthy = limited(MANY)
        seen = count()

        def world(now: float, credentials: bool) -> Reply:
            return REFUSED if next(seen) in (0, 2) else healthy(now, credentials)

        governor = Governor(LEARNING, 0.0)
        travel(governor, world, until=60.0, checks=100)
        assert governor.mode is not Mode.STOPPED

    def test_a_trunk_that_asks_for_credentials_we_do_not_have(self) -> None:
        """A driver without credentials reports each challenge as refused: two are enough."""
        governor = Governor(LEARNING, 0.0)
        journey = travel(
            governor, lambda now, credentials: Reply(Answer.CREDENTIALS_REFUSED), checks=MANY, until=600.0
        )
        assert governor.refusal is RefusalClass.CREDENTIALS
        assert len(journey.requests) == 2


class TestPolicy:
    """A policy refusal is not retried."""

    @pytest.mark.parametrize("policy", [LEARNING, GovernorPolicy()])
    def test_a_trunk_that_refuses_everything(self, policy: GovernorPolicy) -> None:
        """A check and three canaries, each after a longer silence, and that is the end."""
        governor = Governor(policy, 0.0)
        journey = travel(governor, lambda now, credentials: REFUSED, checks=MANY, until=3600.0)
        assert governor.mode is Mode.STOPPED
        assert governor.refusal is RefusalClass.POLICY
        assert [one.kind for one in journey.requests] == [Send.CHECK, *[Send.CANARY] * 3]
        assert with_credentials(journey) == 0

    def test_a_trunk_that_had_accepted_us_is_banned_or_throttled(self) -> None:
        """Refused for minutes after a good start: not called policy, and asked ever more seldom."""
        governor = Governor(LEARNING, 0.0)
        world = changed_at(5.0, limited(MANY), lambda now, credentials: REFUSED)
        journey = travel(governor, world, checks=MANY, until=1200.0)
        assert governor.mode is Mode.LISTENING
        assert governor.refusal is RefusalClass.BAN
        assert len(journey.between(6.0, 1200.0)) < 20
        assert len(journey.between(300.0, 1200.0)) <= 4

    def test_a_restart_while_banned_is_no_policy(self) -> None:
        """What was proven before it still counts: canaries go on, and nothing is disarmed."""
        before = Governor(LEARNING, 0.0)
        travel(before, limited(MANY), checks=20, until=5.0)
        governor = Governor(LEARNING, 0.0, json.loads(json.dumps(before.knowledge())))
        travel(governor, lambda now, credentials: REFUSED, checks=MANY, until=600.0)
        assert (governor.mode, governor.refusal) == (Mode.LISTENING, RefusalClass.BAN)

    def test_a_stopped_governor_stays_stopped(self) -> None:
        """Late answers and later questions change nothing until someone makes a new one."""
        governor = Governor(LEARNING, 0.0)
        first = governor.sent(0.0, Send.CHECK, credentials=True)
        second = governor.sent(0.0, Send.CHECK, credentials=True)
        late = governor.sent(0.0, Send.CHECK, credentials=True)
        governor.answered(first, 0.1, Answer.CREDENTIALS_REFUSED)
        governor.answered(second, 0.1, Answer.CREDENTIALS_REFUSED)
        governor.answered(late, 0.2, Answer.PASSED)
        assert governor.mode is Mode.STOPPED
        assert governor.permission(1e6).send is Send.NOTHING
        assert governor.permission(1e6).again_at is None


class TestBan:
    """A ban is waited out and never prolonged for ever."""

    @pytest.mark.parametrize("ban_seconds", [20.0, 60.0, 300.0])
    def test_a_ban_that_begins_anew_with_every_request(self, ban_seconds: float) -> None:
        """Each silence outlasts the last, so that the ban ends; once out, it is not provoked again.

        Nothing is known of what the limiter counts over, so the rate from then on is one that a minute's
        counter would bear: slow, and surely no second ban within the hour.
        """
        limiter, banned_until, bans = FixedWindow(50, 1.0, 0.4), [0.0], [0]
        healthy = limited(MANY)

        def world(now: float, credentials: bool) -> Reply:
            is_banned = now < banned_until[0]
            if is_banned or not limiter.admits(now):
                bans[0] += not is_banned
                banned_until[0] = now + ban_seconds
                return REFUSED
            return healthy(now, credentials)

        governor = Governor(GovernorPolicy(learn=True, max_rate=0, headroom=0.1), 0.0)
        journey = travel(governor, world, until=3600.0, checks=2000)
        assert len(journey.answered(Answer.PASSED)) == 2000
        assert bans[0] == 1
        out_again = next(one.at for one in journey.answered(Answer.PASSED) if one.at > banned_until[0])
        assert out_again < banned_until[0] + 2 * ban_seconds + 30


def test_a_password_that_was_never_accepted_counts_though_others_pass_without_one() -> None:
    """A PBX that answers for some users at once proves the path by that, and no password."""
    governor = Governor(LEARNING, 0.0)
    now = 0.0
    for credentials, answer in ((False, Answer.PASSED), (True, Answer.REFUSED)) * 3:
        while (
            permission := governor.permission(now)
        ).send is not Send.CHECK and governor.mode != Mode.STOPPED:
            if permission.send is Send.CANARY:
                canary = governor.sent(now, Send.CANARY, credentials=False)
                governor.answered(canary, now + 0.01, Answer.PASSED)
            now = max(now + 0.01, permission.again_at or 0.0)
        if governor.mode is Mode.STOPPED:
            break
        ticket = governor.sent(now, Send.CHECK, credentials=credentials)
        governor.answered(ticket, now + 0.01, answer)
        now += 0.05
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)
    assert governor.knowledge()["strikes"] == 2


def test_a_lone_strike_is_forgotten_after_a_quarter_of_an_hour() -> None:
    """Two refusals within that time stop; one now and one much later are two accidents."""
    governor = Governor(LEARNING, 0.0)
    for now in (0.0, 2_000.0):
        while (permission := governor.permission(now)).send is not Send.CHECK:
            if permission.send is Send.CANARY:
                governor.answered(
                    governor.sent(now, Send.CANARY, credentials=False), now + 0.01, Answer.PASSED
                )
            now = max(now + 0.01, permission.again_at or 0.0)  # noqa: PLW2901 - time goes on
        governor.answered(governor.sent(now, Send.CHECK, credentials=True), now + 0.01, Answer.REFUSED)
    assert governor.mode is not Mode.STOPPED
    assert governor.knowledge()["strikes"] == 1

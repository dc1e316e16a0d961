"""A password is tried by one request at a time until the PBX has taken it, and never by more than two."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support import token
from tests.unit.net.jumping import jumping
from tests.unit.net.login_pbx import Pbx, ask, checks, trunk

from shiftline.governor.controller import Answer
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode
from shiftline.net.trunk_login import HABIT_SECONDS, HARMLESS_ONES, LAPSE_SECONDS, Judgement, TrunkLogin
from shiftline.net.waiting import Waiting
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request, Response, response_to
from shiftline.sip.requests import next_attempt, options
from shiftline.sip.uri import SipUri

AGENTS = [f"agent{n}" for n in range(20)]


@pytest.mark.parametrize("refusal", [401, 403])
@jumping
async def test_a_wrong_password_is_not_carried_by_a_burst(refusal: int) -> None:
    """One user is answered unasked, so the path is open and the pace is fast; the others are challenged."""

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        if user in (None, "open"):
            return 200
        return refusal if carried else 401

    pbx = Pbx(answer)
    async with trunk(pbx) as (driver, governor):
        found = await ask(driver, "open", *AGENTS)
    assert pbx.refused_logins <= 2
    assert governor.mode is Mode.STOPPED
    assert {found[agent].cause for agent in AGENTS} == {"credentials.wrong-password"}


@jumping
async def test_a_nonce_that_a_canary_brought_proves_nothing_and_harms_nobody() -> None:
    """The PBX was silent at first; when its nonce expires at speed, the trunk goes on."""
    silent = 2

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        if pbx.requests <= silent:
            return 0
        return 200 if carried == pbx.nonce else 401

    pbx = Pbx(answer)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS)
        pbx.nonce = "n2"
        found = await ask(driver, *AGENTS)
    assert {evidence.status for evidence in found.values()} == {200}
    assert governor.mode is not Mode.STOPPED
    assert governor.knowledge()["strikes"] == 0


@jumping
async def test_agents_who_are_refused_one_after_the_other_are_not_taken_for_our_account() -> None:
    """At the end of a burst only they are left. A user who had passed is asked, and vouches for us."""
    forbidden = {f"agent{n}" for n in range(6, 10)}

    def answer(pbx: Pbx, user: str | None, carried: str | None) -> int:
        return 401 if carried is None else 403 if user in forbidden else 200

    async with trunk(Pbx(answer)) as (driver, governor):
        found = await ask(driver, *(f"agent{n}" for n in range(10)))
    assert {user for user, one in found.items() if one.cause == "policy.account-disabled"} == forbidden
    assert governor.mode is not Mode.STOPPED
    assert governor.knowledge()["strikes"] == 0


@pytest.mark.parametrize("refusal", [401, 403])
@pytest.mark.parametrize("stale", [True, False])
@jumping
async def test_a_password_that_is_changed_in_a_burst_is_carried_no_more_by_it(
    refusal: int, stale: bool
) -> None:
    """What is under way cannot be called back; of what leaves after the first refusal, two carry it."""
    changed = asyncio.Event()

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if carried is None:
            return 200 if user is None else 401
        return refusal if changed.is_set() else 200

    pbx = Pbx(answer, nonces=True, stale=stale)
    async with trunk(pbx) as (driver, governor):
        left = _watch(driver.login)
        driver.submit(checks(*(f"agent{n}" for n in range(200))))
        await asyncio.sleep(1.2)
        changed.set()
        await asyncio.sleep(1.5 if refusal == 403 else 4.0)
    assert sum(one.carried and one.status == refusal for one in pbx.log) >= 10  # a burst was under way
    assert len(left) <= 2
    assert (governor.mode is Mode.STOPPED) == (refusal == 401)


@pytest.mark.parametrize("stale", [True, False])
@jumping
async def test_a_password_that_is_changed_in_a_rest_is_refused_twice(stale: bool) -> None:
    """Though each challenge brings another nonce: none of the two is spent on the old one."""
    changed = asyncio.Event()

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if carried is None:
            return 200 if user is None else 401
        return 401 if changed.is_set() else 200

    pbx = Pbx(answer, nonces=True, stale=stale, answer_seconds=0.05)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS[:3])
        changed.set()
        await asyncio.sleep(LAPSE_SECONDS + 1.0)
        found = await ask(driver, *AGENTS)
    assert governor.mode is Mode.STOPPED
    assert {one.cause for one in found.values()} == {"credentials.wrong-password"}
    assert pbx.refused_logins == 2


@jumping
async def test_an_account_that_is_disabled_in_a_rest_is_refused_twice() -> None:
    """A PBX that says 403 to it, and passes canaries: the first check, and a user who had passed before."""
    disabled = asyncio.Event()

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if carried is None:
            return 200 if user is None else 401
        return 403 if disabled.is_set() else 200

    pbx = Pbx(answer, answer_seconds=0.05)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS[:3])
        disabled.set()
        await asyncio.sleep(LAPSE_SECONDS + 1.0)
        driver.submit(checks(*AGENTS[3:]))
        await asyncio.sleep(890.0)
        assert [one.user for one in pbx.log if one.carried and one.status == 403] == ["agent3", "agent2"]
        assert (governor.mode, governor.refusal) == (Mode.PROVING, RefusalClass.USER_BOUND)
        await asyncio.sleep(60.0)
    assert pbx.refused_logins == 4
    assert governor.mode is Mode.STOPPED


@jumping
async def test_an_agent_who_is_refused_after_a_rest_is_told_from_our_account() -> None:
    """The witness passes in between, so the others are not kept waiting."""

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if carried is None:
            return 200 if user is None else 401
        return 403 if user == "agent3" else 200

    pbx = Pbx(answer, answer_seconds=0.05)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS[:3])
        await asyncio.sleep(LAPSE_SECONDS + 1.0)
        found = await asyncio.wait_for(ask(driver, *AGENTS[3:]), 15.0)
    assert found.pop("agent3").cause == "policy.account-disabled"
    assert {one.status for one in found.values()} == {200}
    assert governor.knowledge()["strikes"] == 0


@pytest.mark.parametrize("stale", [True, False])
@jumping
async def test_nonces_that_serve_once_are_no_reason_to_stop(stale: bool) -> None:
    """Each question is challenged. After a few that were answered in vain, none is answered unasked."""
    used: set[str] = set()

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if carried is None or carried in used:
            return 200 if user is None else 401
        used.add(carried)
        return 200

    pbx = Pbx(answer, answer_seconds=0.05, nonces=True, stale=stale)
    async with trunk(pbx) as (driver, _):
        found = await ask(driver, *(f"agent{n}" for n in range(60)))
    assert {one.status for one in found.values()} == {200}
    assert pbx.refused_logins < 40


def _watch(login: TrunkLogin) -> list[Waiting]:
    """What leaves with the password after the first one that the PBX had taken was refused."""
    leaves, judge = login.leaves, login.judge
    left: list[Waiting] = []
    is_refused = False

    def leaving(waiting: Waiting | None, request: Request, now: float) -> bool:
        carried = leaves(waiting, request, now)
        if carried and waiting is not None and is_refused:
            left.append(waiting)
        return carried

    def judging(
        waiting: Waiting | None, request: Request, response: Response | None, now: float, **how: Any
    ) -> Judgement:
        nonlocal is_refused
        refused = response is not None and response.status in (401, 403)
        is_refused |= refused and login.is_accepted and waiting is not None and waiting.carried
        return judge(waiting, request, response, now, **how)

    setattr(login, "leaves", leaving)  # noqa: B010 - a method that is watched
    setattr(login, "judge", judging)  # noqa: B010
    return left


class Login:
    """A trunk's login, and a PBX that is asked one question after the other."""

    def __init__(self) -> None:
        digest = DigestClient(DigestAccount(username="us", password=Secret("secret")), token=token)
        self.login = TrunkLogin(digest)
        self.now = 1000.0
        self.nonces = 0

    def leave(self, waiting: Waiting) -> Request:
        """Let a question leave; whether it carries the password stands in it."""
        user = SipUri.parse(waiting.address)
        request = waiting.attempt or options(user, from_uri=user, token=token)
        request.headers.add("Via", f"SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{token()}")
        self.login.leaves(waiting, request, self.now)
        return request

    def answer(self, waiting: Waiting, request: Request, status: int) -> Answer:
        """Answer it, with a new nonce if that is a challenge; what it means for the governor."""
        response: Response = response_to(request, status)
        if status == 401:
            self.nonces += 1
            response.headers.add("WWW-Authenticate", f'Digest realm="lab", nonce="{self.nonces}", qop="auth"')
        self.login.is_back(waiting)
        judged = self.login.judge(waiting, request, response, self.now, mode=Mode.HOLDING, alone=False)
        waiting.attempt = next_attempt(request) if judged.answer is Answer.CHALLENGED else None
        return judged.meant

    def ask(self, *statuses: int) -> Waiting:
        """One question, answered so one time after the other."""
        waiting = question()
        for status in statuses:
            self.answer(waiting, self.leave(waiting), status)
        return waiting

    @property
    def is_trusted(self) -> bool:
        """Whether the next question would leave with the password, and others beside it."""
        waiting = question()
        self.leave(waiting)
        self.login.is_back(waiting)
        return waiting.carried and not waiting.tries_password


def question() -> Waiting:
    return Waiting(checks("ada")[0])


class TestDoubt:
    """When many may carry the password at once, and when one alone."""

    def test_one_that_was_taken_is_trusted(self) -> None:
        """By every question from then on."""
        login = Login()
        assert not login.is_trusted
        login.ask(401, 200)
        assert login.is_trusted

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refusal_casts_doubt_until_one_passes(self, status: int) -> None:
        """What left before the doubt arose does not settle it."""
        login = Login()
        login.ask(401, 200)
        early, late = question(), question()
        requests = login.leave(early), login.leave(late)
        assert login.answer(early, requests[0], status) is not Answer.CREDENTIALS_REFUSED
        login.answer(late, requests[1], 200)
        assert not login.is_trusted
        login.ask(*((200,) if status == 403 else (401, 200)))
        assert login.is_trusted

    def test_what_left_before_the_last_proof_casts_none(self) -> None:
        """Its challenge is late: the password has been taken since."""
        login = Login()
        login.ask(401, 200)
        first, second = question(), question()
        requests = login.leave(first), login.leave(second)
        login.answer(first, requests[0], 401)
        login.answer(first, login.leave(first), 200)
        login.answer(second, requests[1], 401)
        assert login.is_trusted

    def test_refused_alone_and_for_its_own_challenge_it_is_a_strike(self) -> None:
        """Whether it had been taken before or not."""
        login = Login()
        login.ask(401, 200)
        one = login.ask(401)
        assert login.answer(one, login.leave(one), 401) is Answer.CREDENTIALS_REFUSED

    def test_a_rest_is_followed_by_one_alone(self) -> None:
        """The password may have been changed meanwhile, and the nonce is old: nobody carries it unasked."""
        login = Login()
        login.ask(401, 200)
        login.now += LAPSE_SECONDS + 1.0
        one = question()
        request = login.leave(one)
        assert not one.carried
        login.answer(one, request, 401)
        login.leave(one)
        assert (one.carried, one.tries_password, login.login.is_being_tried) == (True, True, True)

    def test_a_nonce_that_was_fetched_in_a_rest_is_carried_by_one_alone(self) -> None:
        """It is young, so a refusal would be the password's."""
        login = Login()
        login.ask(401, 200)
        login.now += LAPSE_SECONDS + 1.0
        login.login.was_warmed(login.now - 1.0)
        one = question()
        login.leave(one)
        assert (one.carried, one.tries_password, login.login.is_being_tried) == (True, True, True)

    def test_a_pbx_that_challenges_by_habit_is_asked_for_a_challenge_each_time(self) -> None:
        """Nonces that serve once: a few doubts in a row, and then none before a minute is over."""
        login = Login()
        login.ask(401, 200)
        for _ in range(HARMLESS_ONES):
            assert login.is_trusted
            login.ask(401, 200)
        several = [login.ask(401) for _ in range(2)]
        requests = [login.leave(one) for one in several]
        assert [one.carried and not one.tries_password for one in several] == [True, True]
        for one, request in zip(several, requests, strict=True):
            login.answer(one, request, 200)
        assert not login.is_trusted  # nothing carries what was not asked for
        login.now += HABIT_SECONDS + 1.0
        login.ask(401, 200)
        assert login.is_trusted

"""A record of a limit that answers in a status of its own; and of users who do, at any rate."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.diagnosis.records import BEGIN, OURS, Answer, Fault, Pbx, Window, publish_day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome

STATUSES = (404, 429, 480, 486, 488, 500, 600, 603)


def read(exchanges: list[Exchange]) -> Diagnosis:
    return conclude([believe(one, is_recorded=True) for one in observe(exchanges)], Permission())


@pytest.mark.parametrize("status", STATUSES)
def test_the_limit_is_found_whatever_it_says(status: int) -> None:
    """The address is refused above a rate, and others pass meanwhile."""
    diagnosis = read(publish_day(Pbx(Window(50, 1.0, "Flood", status))))
    assert diagnosis.findings[0].cause == "throttle.source"
    told = [one.sentence for one in diagnosis.findings[0].statements]
    assert any(f"was refused with {status} Flood" in one for one in told)


def test_a_limit_in_the_words_of_users_is_found_by_its_haste() -> None:
    """One agent in five gets at rest what the limit says: the time of an answer tells which it is."""
    away = {f"agent{number:04d}" for number in range(0, 500, 5)}

    def absent_too(request: Exchange) -> Answer | None:
        is_asked = request.method == "OPTIONS" and request.carried is not None
        return Answer(480, "Gone", 0.01) if is_asked and request.user in away else None

    exchanges = publish_day(Pbx(Window(50, 1.0, "Gone", 480), absent_too))
    refused = sum(one.reason == "Gone" and (one.answered_after or 0.0) < 0.01 for one in exchanges)
    diagnosis = read(exchanges)
    assert diagnosis.findings[0].cause == "throttle.source"
    [evidence] = observe(exchanges)
    told = sum(one.count for one in evidence.trials if one.outcome is Outcome.LIMITED)
    assert 0.9 * refused <= told <= refused


def absent(share: float, seed: int) -> Fault:
    """So many of the agents are not there, and get 480 at any rate."""
    chance = random.Random(seed)
    away: dict[str, bool] = {}

    def judge(request: Exchange) -> Answer | None:
        is_away = away.setdefault(request.user, chance.random() < share)
        is_asked = request.method == "OPTIONS" and request.carried is not None
        return Answer(480, "Temporarily Unavailable") if is_asked and is_away else None

    return judge


@settings(max_examples=15, deadline=None)
@given(st.floats(0.0, 1.0), st.integers(0, 9))
def test_users_who_are_absent_are_no_limit(share: float, seed: int) -> None:
    """However many they are, in a burst or not."""
    for evidence in observe(publish_day(Pbx(absent(share, seed)), agents=120)):
        assert Outcome.LIMITED not in {one.outcome for one in evidence.trials}


def test_agents_who_leave_are_no_limit() -> None:
    """From a moment on all of them get 480, at rest as well."""

    def left(request: Exchange) -> Answer | None:
        is_asked = request.method == "OPTIONS" and request.carried is not None
        return Answer(480, "Temporarily Unavailable") if is_asked and request.at > BEGIN + 890.0 else None

    for evidence in observe(publish_day(Pbx(left))):
        assert Outcome.LIMITED not in {one.outcome for one in evidence.trials}


def test_who_is_refused_at_rest_with_others_says_nothing_of_the_answer_at_rest() -> None:
    """All REGISTERs share one limit: the phones ask seldom, and are refused while ours come fast."""
    window = Window(40, 4.0, "Busy Here", 486)

    def of_all(request: Exchange) -> Answer | None:
        return window(replace(request, source="all")) if request.method == "REGISTER" else None

    asked: list[tuple[float, str, dict[str, Any]]] = []
    for number in range(60):
        phone = f"phone{number % 6}"
        theirs = {"login": phone, "source": f"192.0.2.{90 + number % 6}", "contact": "192.0.2.99"}
        asked.append((BEGIN + 2.3 * number, phone, theirs))
    ours: dict[str, Any] = {"contact": "192.0.2.10"}
    asked += [(BEGIN + 60.0 + number / 40.0, f"phone{number % 6}", ours) for number in range(1200)]
    asked.sort(key=lambda one: one[0])
    pbx = Pbx(of_all)
    exchanges = [one for at, phone, by in asked for one in pbx.ask(at, user=phone, method="REGISTER", **by)]
    at_rest = sum(one.status == 486 and one.source != OURS for one in exchanges)
    assert at_rest >= 5, "or the record does not show what is tested"
    [evidence] = observe(exchanges)
    assert not any(one.outcome is Outcome.BUSY for one in evidence.trials)
    assert sum(one.count for one in evidence.trials if one.outcome is Outcome.LIMITED) >= 500


def asked_for_thirty_seconds(pbx: Pbx, agents: int = 60) -> list[Exchange]:
    """So many agents asked about one by one, then forty a second for half a minute, then one by one again."""
    moments = [BEGIN + 3.0 * number for number in range(60)]
    moments += [BEGIN + 200.0 + number / 40.0 for number in range(1200)]
    moments += [BEGIN + 260.0 + 3.0 * number for number in range(60)]
    return [
        one
        for number, at in enumerate(moments)
        for one in pbx.ask(at, user=f"agent{number * 7 % agents:04d}")
    ]


def told_as_limited(exchanges: list[Exchange]) -> int:
    return sum(
        one.count
        for evidence in observe(exchanges)
        for one in evidence.trials
        if one.outcome is Outcome.LIMITED
    )


def test_a_break_during_the_burst_is_no_limit() -> None:
    """Each of four in ten gets 480 as long as it lasts, and nobody else does."""
    on_break = {f"agent{number:04d}" for number in range(60) if number % 10 < 4}

    def away(request: Exchange) -> Answer | None:
        is_asked = request.carried is not None and request.user in on_break
        is_now = BEGIN + 200.0 <= request.at < BEGIN + 240.0
        return Answer(480, "Temporarily Unavailable") if is_asked and is_now else None

    assert told_as_limited(asked_for_thirty_seconds(Pbx(away))) == 0


def test_the_same_share_in_no_order_is_a_limit() -> None:
    """What passes does not depend on who is asked about."""
    exchanges = asked_for_thirty_seconds(Pbx(Window(24, 1.0, "Temporarily Unavailable", 480)))
    refused = sum(one.status == 480 for one in exchanges)
    assert refused >= 300
    assert told_as_limited(exchanges) == refused


@pytest.mark.parametrize(("limit", "seconds", "agents"), [(400, 10.0, 10), (200, 10.0, 30), (900, 60.0, 60)])
def test_a_long_window_is_a_limit_though_who_is_asked_again_meanwhile_gets_the_same(
    limit: int, seconds: float, agents: int
) -> None:
    """It refuses many in a row: each agent is asked about twice and more in that time."""
    pbx = Pbx(Window(limit, seconds, "Temporarily Unavailable", 480))
    exchanges = asked_for_thirty_seconds(pbx, agents)
    refused = sum(one.status == 480 for one in exchanges)
    assert refused >= 200, "or nothing is tested"
    assert told_as_limited(exchanges) >= 0.9 * refused


def test_a_busy_agent_long_before_the_load_is_not_refused() -> None:
    """In the limiter's words: who is asked about at rest, and gets them once of twelve times, speaks for
    himself."""

    def busy(request: Exchange) -> Answer | None:
        is_asked = request.carried is not None and request.user == "agent0004"
        return Answer(486, "Busy Here", 0.0005) if is_asked and request.at < BEGIN + 50.0 else None

    pbx = Pbx(busy, Window(24, 1.0, "Busy Here", 486))
    exchanges = asked_for_thirty_seconds(pbx, agents=10)
    at_rest = sum(one.status == 486 and one.at < BEGIN + 190.0 for one in exchanges)
    assert at_rest == 2
    [evidence] = observe(exchanges)
    assert evidence.subject.refused == sum(one.status == 486 for one in exchanges) - at_rest

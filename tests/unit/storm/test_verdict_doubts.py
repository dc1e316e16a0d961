"""Verdicts must not say more than was seen: of hung targets, late answers, opened locks, starved servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.storm.examinations import PLAN, SPARES, examined, verdict_of
from tests.unit.storm.virtual import NO_LIMIT, OWN, VirtualServer

from shiftline.storm.examine import Examination, Examiner
from shiftline.storm.for_doctor import causes_of
from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Plan
from shiftline.storm.sample import FELL_SILENT, INTERRUPTED, TIMEOUT, Result, Sample, total
from shiftline.storm.script import METHOD_SCRIPTS, Method
from shiftline.storm.shapes import constant
from shiftline.storm.trust import own_reasons
from shiftline.storm.verdict.arrivals import Arrival, Key
from shiftline.storm.verdict.bans import shut_fits
from shiftline.storm.verdict.capacity import Processors, Queueing
from shiftline.storm.verdict.invalid import invalid_advice
from shiftline.storm.verdict.judge import judge_capacity, judge_shut, limiter_verdict
from shiftline.storm.verdict.look import look_at
from shiftline.storm.verdict.phases import (
    Known,
    burst_plan,
    fan_plan,
    fresh_burst_plan,
    ladder_plan,
    watched,
)
from shiftline.storm.verdict.verdict import Kind, Limit
from shiftline.storm.watch import Asked, Watch

QUICK = 100_000.0
OPTIONS = (Mixed(script=METHOD_SCRIPTS[Method.OPTIONS]),)


def of_a_first_load(server: VirtualServer, change: Callable[[Result], Result]) -> Examination:
    """An examination whose first load is told differently."""

    def ask(plan: Plan, purpose: str) -> Result:
        result = server.ask(plan, purpose)
        return change(result) if len(server.plans) == 1 else result

    return Examiner(replace(PLAN, load=ClosedLoop(concurrency=10)), ask, server.rest, spares=SPARES).examine()


def silent(result: Result) -> Result:
    """The engine stopped it, since no answer came any more."""
    return replace(result, stopped=FELL_SILENT)


def test_an_open_loop_on_a_quick_server_is_not_a_single_request() -> None:
    """Each request is answered before the next one leaves: it is the load all the same."""
    plan = replace(PLAN, load=OpenLoop(shape=constant(40.0)), mix=OPTIONS)
    verdict = verdict_of(VirtualServer("window:20/1s", rate=QUICK), plan)
    assert verdict.kind is Kind.LIMITER
    assert verdict.rate == pytest.approx(20.0, rel=0.1)


def rows_of(statuses: list[tuple[int, int]]) -> list[Asked]:
    """Requests one after the other: user and status."""
    return [
        Asked(float(at), at + 0.01, status, OWN, f"agent{user}", "OPTIONS", carried=False)
        for at, (user, status) in enumerate(statuses)
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([200, 403, 503])), min_size=1, max_size=40))
def test_what_a_user_was_refused_and_got_is_never_usual(asked: list[tuple[int, int]]) -> None:
    rows = rows_of(asked)
    result = Result(samples=[], whole=Sample(second=0), sending_seconds=1.0, watch=Watch(asked=rows))
    look = look_at(result)
    if asked[0][1] == 200:
        assert not look.usual
    got = {user for user, status in asked if status == 200}
    for status in look.usual:
        assert {user for user, seen in asked if seen == status} - got


def test_a_refused_first_user_does_not_hide_a_limiter() -> None:
    """The first scout is a disabled account, the second is not: 403 means something else to the rest."""
    rows = rows_of([(1, 403), (2, 200), *[(user, 403 if user % 2 else 200) for user in range(3, 60)]])
    result = Result(samples=[], whole=Sample(second=0), sending_seconds=1.0, watch=Watch(asked=rows))
    assert look_at(result).usual == frozenset()


@pytest.mark.parametrize("share_lost", ["many", "few"])
def test_a_target_that_hangs_and_does_not_come_back_is_no_limiter_and_no_capacity(share_lost: str) -> None:
    server = VirtualServer(NO_LIMIT, rate=2000.0 if share_lost == "many" else QUICK, delay=0.005,
                           hangs=(4.0, float("inf")))  # fmt: skip
    examination = of_a_first_load(server, silent)
    verdict = examination.verdict
    assert verdict is not None
    assert verdict.kind is Kind.STOPPED
    assert "did not come back" in verdict.sentence
    assert "cannot tell" in verdict.sentence
    assert (verdict.rate, verdict.limit, causes_of(verdict)) == (None, None, ())
    assert all(sum(p.result.whole.answers.values()) == 0 for p in examination.phases[1:])


def test_a_target_that_hung_and_came_back_is_told_so() -> None:
    verdict = of_a_first_load(VirtualServer(rate=QUICK, delay=0.005, hangs=(4.0, 25.0)), silent).verdict
    assert verdict is not None
    assert verdict.kind is Kind.STOPPED
    assert "answered again" in verdict.sentence


def test_a_light_load_without_an_answer_is_nothing_to_compare_with() -> None:
    server = VirtualServer(rate=QUICK, delay=0.2, hangs=(6.5, float("inf")))
    verdict = examined(server).verdict
    assert verdict is not None
    assert verdict.kind is Kind.STOPPED


def test_one_user_who_gets_no_answer_is_not_the_target() -> None:
    server = VirtualServer(rate=QUICK, delay=0.2, mute=frozenset({"agent0007"}))
    verdict = of_a_first_load(server, silent).verdict
    assert verdict is not None
    assert verdict.kind is Kind.NONE
    assert "1 user never got an answer" in " ".join(verdict.evidence)


def late_result(late: int) -> Result:
    """500 flows at a time on 50 requests a second: waits, copies, and what is given up."""
    scouts = [
        Asked(0.0, 0.02, 401, OWN, "agent0001", "REGISTER", carried=False),
        Asked(0.03, 0.05, 200, OWN, "agent0001", "REGISTER", carried=True),
    ]
    sample = Sample(second=0, seconds=1.0, ok=25, ended=300, requests=1000, retransmissions=5972)
    sample.late_answers = late
    sample.answers.update({401: 25, 200: 25})
    sample.statuses.update({200: 25, TIMEOUT: 275})
    sample.latency.record_all([n / 2.0 for n in range(1, 51)])
    sample.response.record_all([n / 2.0 for n in range(1, 301)])
    lost = [Asked(1.0, None, TIMEOUT, OWN, f"agent{n:04d}", "REGISTER", carried=False) for n in range(275)]
    return Result(
        samples=[sample], whole=total([sample]), sending_seconds=1.0, watch=Watch(asked=[*scouts, *lost])
    )


def test_answers_that_come_too_late_are_a_queue_and_no_refusals() -> None:
    asked: list[Plan] = []

    def ask(plan: Plan, purpose: str) -> Result:
        assert purpose
        asked.append(plan)
        return late_result(1448)

    verdict = Examiner(PLAN, ask, lambda _: None).examine().verdict
    assert verdict is not None
    assert (verdict.kind, verdict.rate) == (Kind.CAPACITY, 25.0)
    assert len(asked) == 1
    assert "1,448 answers came to copies" in " ".join(verdict.evidence)
    assert not look_at(late_result(2)).is_late  # a limiter that drops answers nothing twice


@pytest.mark.parametrize(("after_copy", "is_late"), [(0.03, False), (0.7, True)])
def test_what_gets_through_a_full_queue_has_waited_and_what_a_limiter_passes_has_not(
    after_copy: float, is_late: bool
) -> None:
    """Both lose most copies: the queue since it is full, the limiter since it counts."""
    result = late_result(0)
    passes = [
        Asked(2.0 + n, 2.0 + n + copy + after_copy, 200, OWN, f"agent{n:04d}", "REGISTER", carried=True)
        for n, copy in enumerate([0.5, 1.5, 3.5, 7.5] * 10)
    ]
    watch = replace(result.watch, asked=[*result.watch.asked, *passes])
    assert look_at(replace(result, watch=watch)).is_late is is_late


def test_the_rate_is_of_the_time_of_sending() -> None:
    seconds = [Sample(second=second, seconds=1.0, ok=25, ended=25) for second in range(10)]
    drain = [Sample(second=second, seconds=1.0, ok=23, ended=23) for second in range(10, 30)]
    result = Result(samples=[*seconds, *drain], whole=total([*seconds, *drain]), sending_seconds=10.003)
    assert (result.ok, result.flows_per_second, result.ok_after_sending) == (710, 25.0, 460)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.lists(st.integers(0, 500), max_size=30))
def test_what_comes_while_storm_only_waits_changes_no_rate(sent: list[int], waited: list[int]) -> None:
    samples = [Sample(second=n, seconds=1.0, ok=ok) for n, ok in enumerate([*sent, *waited])]
    result = Result(samples=samples, whole=total(samples), sending_seconds=len(sent) + 0.001)
    assert result.flows_per_second == pytest.approx(sum(sent) / len(sent))
    assert result.ok_after_sending == sum(waited)


@given(
    burst=st.integers(1, 5000), rate=st.floats(0.1, 30_000.0), requests=st.integers(1, 100_000),
)  # fmt: skip
def test_no_question_is_heavier_than_the_load(burst: int, rate: float, requests: int) -> None:
    known = Known(own=OWN, spares=tuple(SPARES), tries={}, request_rate=rate / 9.0, peak_rate=rate,
                  requests=requests)  # fmt: skip
    for plan in (
        burst_plan(PLAN, known, burst),
        ladder_plan(PLAN, known, burst),
        fresh_burst_plan(PLAN, known, burst, source=SPARES[0]),
        fan_plan(PLAN, known, burst, names=PLAN.names[:5], sources=[OWN]),
    ):
        assert isinstance(plan.load, OpenLoop)
        assert plan.load.shape.highest_rate <= max(rate, 4.0) * 1.0001
        assert plan.flows is not None
        assert plan.flows <= max(requests, 4)


@pytest.mark.parametrize("key", ["user", "source"])
def test_a_lock_that_ends_within_the_load_is_asked_about_while_it_is_in_force(key: str) -> None:
    """The users who were locked first are open again when the load ends."""
    limiter = "lockout:20/10s,lock=15s" if key == "user" else "escalating:20/2s,ban=15s,growth=1"
    server = VirtualServer(limiter, rate=700.0)
    plan = replace(PLAN, seconds=20.0)
    verdict = verdict_of(server, plan)
    assert verdict.limit is not None
    assert (verdict.limit.key, verdict.limit.is_key_certain) == (Key(key), True)
    assert verdict.limit.count == pytest.approx(20.0, rel=0.1)
    assert verdict.limit.ban_seconds == pytest.approx(15.0, abs=3.0)
    rate = max(sample.requests for sample in server.ask(watched(plan), "look").samples)
    for later in server.plans[1:-1]:
        assert isinstance(later.load, OpenLoop)
        assert later.load.shape.highest_rate <= max(rate, 4.0) * 1.05


def queueing_of(**changes: float) -> Queueing:
    plain = Queueing(load_ratio=25.0, light_rate=5465.0, heavy_rate=3385.0, light_latency=0.003,
                     heavy_latency=0.140, requests=40_000)  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_capacity_is_not_below_what_was_seen() -> None:
    look = look_at(late_result(0))
    verdict = judge_capacity(look, queueing_of(), 0)
    assert (verdict.kind, verdict.rate) == (Kind.CAPACITY, 5465.0)
    assert "comes to 5,465 flows/s" in verdict.sentence
    assert "4.37e+03" not in verdict.advice
    assert "4,372" in verdict.advice


def test_a_server_that_others_starved_has_shown_no_capacity() -> None:
    starved = Processors(used=0.2, busiest=0.1, processes=8, available=2, machine_busy=1.0)
    look = look_at(late_result(0))
    verdict = judge_capacity(look, replace(queueing_of(), processors=starved), 0)
    assert verdict.kind is Kind.INVALID
    assert "starved" in verdict.sentence
    assert "another machine" in verdict.advice
    for busy in (replace(starved, busiest=0.97, used=0.99), replace(starved, machine_busy=0.5)):
        assert judge_capacity(look, replace(queueing_of(), processors=busy), 0).kind is Kind.CAPACITY


def test_a_few_dropped_datagrams_are_no_capacity() -> None:
    calm = queueing_of(light_rate=1000.0, heavy_rate=25_000.0, heavy_latency=0.003)
    assert not replace(calm, target_drops=40).is_capacity
    assert replace(calm, target_drops=4000).is_capacity


def test_users_who_were_left_alone_are_in_the_verdict() -> None:
    calm = queueing_of(light_rate=1000.0, heavy_rate=25_000.0, heavy_latency=0.003)
    empty = Result(samples=[], whole=Sample(second=0), sending_seconds=1.0)
    verdict = judge_capacity(look_at(empty), calm, 47)
    assert "47 users were left alone" in " ".join(verdict.evidence)
    assert "nothing was refused but those passwords" in " ".join(verdict.evidence)


LIMIT = Limit(model="a fixed window", spec="window:55/5s,key=user", count=55.0, seconds=5.0, key=Key.USER,
              agreement=0.91)  # fmt: skip


def test_a_limit_that_explains_less_is_told_with_its_doubt() -> None:
    look = look_at(late_result(0))
    told = limiter_verdict(look, LIMIT, ["sliding:100/10s,key=user"]).sentence
    assert "about 55 requests per 5 s" in told
    assert "not certain of its kind and its figures" in told
    assert "sliding:100/10s" in told
    assert "certain" not in limiter_verdict(look, replace(LIMIT, agreement=0.97), []).sentence


def test_a_key_that_was_not_asked_for_is_not_stated() -> None:
    unsure = replace(LIMIT, key=Key.ALL, is_key_certain=False, open_keys=tuple(Key), ban_seconds=15.0)
    verdict = limiter_verdict(look_at(late_result(0)), unsure, [], has_spare=True)
    assert "whom it counts together is not certain" in verdict.sentence
    assert "for everybody together" not in verdict.sentence
    assert verdict.as_json()["limit"]["key_is_certain"] is False
    assert set(causes_of(verdict)) == {"ban.source", "ban.user"}


def reasons_of_trust() -> list[str]:
    """Each as it is written where it is found."""
    found: list[str] = []
    for name, value in (("cpu_seconds", 0.99), ("our_drops", 3), ("refused_datagrams", 2)):
        sample = Sample(second=0, seconds=1.0, ended=200, ok=200)
        setattr(sample, name, value)
        found += own_reasons(Result(samples=[sample], whole=total([sample]), sending_seconds=1.0), PLAN)
    late = Sample(second=0, seconds=1.0, ended=200, ok=200)
    late.lag.record_all([0.5] * 200)
    late.response.record_all([0.6] * 200)
    result = Result(samples=[late], whole=total([late]), sending_seconds=1.0)
    for load in (PLAN.load, OpenLoop(shape=constant(200.0))):
        found += own_reasons(result, replace(PLAN, load=load))
    return found


def test_each_cause_of_an_invalid_run_has_its_own_advice() -> None:
    stopped = ["the target does not answer", "the passwords of the first users were refused", INTERRUPTED,
               "the target closed the connection", "no user is left whose password may be tried",
               "this machine cannot reach the target any more (No route to host)", FELL_SILENT,
               "what the target sent on the connection is not SIP",
               "nothing listens there: the target refuses datagrams (ICMP)"]  # fmt: skip
    reasons = reasons_of_trust()
    assert len(reasons) == 5
    told = {reason: invalid_advice(reason) for reason in [*reasons, *stopped]}
    assert all("Mend that" not in advice for advice in told.values())
    assert "machine with time to spare" not in "".join(told[reason] for reason in stopped)
    assert len(set(told.values())) == 12


def test_of_what_explains_as_much_the_short_window_is_named_and_the_other_told() -> None:
    """With this phase a window of ten seconds, seen three times, explains as much as the true one."""
    verdict = verdict_of(VirtualServer("red:20/1s", rate=600.0, seed=1))
    assert verdict.limit is not None
    assert verdict.rate == pytest.approx(20.0, rel=0.1)
    assert verdict.limit.is_rate_certain or "not certain" in verdict.sentence


def test_a_few_refusals_are_no_proof_of_figures() -> None:
    look = look_at(late_result(0))
    sure = replace(LIMIT, agreement=1.0)
    assert "not certain" not in limiter_verdict(look, sure, []).sentence
    assert "not certain" in limiter_verdict(look, replace(sure, is_seen_enough=False), []).sentence
    assert "not certain" in limiter_verdict(look, replace(sure, other_rates=(5.0,)), []).sentence
    assert "below 4.5/s" in limiter_verdict(look, replace(sure, other_rates=(5.0,)), []).advice


def test_what_passes_just_at_the_limit_by_our_clock_is_no_sign_of_a_ban() -> None:
    """A flood, silence, then as much as the limit: by our clock some of it was above it."""
    flood = [(n / 200.0, n < 20) for n in range(2000)]
    level = [(13.0 + n / 20.0 * 0.99, n % 25 != 24) for n in range(400)]
    arrivals = [Arrival(at, OWN, "agent0001", ("REGISTER", True), passed) for at, passed in flood + level]
    fits = shut_fits(arrivals, Key.ALL)
    assert any(fit.ban_seconds is None for fit in fits if fit.seconds == 1.0)


@pytest.mark.parametrize(("through", "is_shut"), [(300, False), (20, True)])
def test_silence_that_lets_copies_through_is_no_ban(through: int, is_shut: bool) -> None:
    """A window that drops lets a later copy of each through; a ban ends at last for a few."""
    result = late_result(0)
    passes = [
        Asked(2.0 + n / 100, 2.0 + n / 100 + 1.52, 200, OWN, f"agent{n:04d}", "REGISTER", carried=True)
        for n in range(300, 300 + through)
    ]
    watch = replace(result.watch, asked=[*result.watch.asked, *passes])
    assert look_at(replace(result, watch=watch)).is_shut is is_shut


def test_an_unknown_limiter_that_shuts_gives_no_rate_to_pace_by() -> None:
    look = replace(look_at(late_result(0)), is_shut=True)
    verdict = judge_shut(look, [], None, is_key_certain=False, has_spare=True)
    assert (verdict.kind, verdict.rate) == (Kind.LIMITER, None)
    assert "0.0" not in verdict.sentence + verdict.advice


@pytest.mark.parametrize(("after_copy", "is_refusing"), [(0.02, True), (0.6, False)])
def test_what_is_answered_at_its_copy_was_refused_until_then(after_copy: float, is_refusing: bool) -> None:
    """A window that drops leaves no flow without an answer in the end: it is no capacity for that."""
    result = late_result(0)
    scouts = list(result.watch.asked[:2])
    rows = [
        Asked(2.0 + n / 100, 2.0 + n / 100 + 1.5 + after_copy, 200, OWN, f"a{n}", "REGISTER", carried=True)
        for n in range(300)
    ]
    sample = Sample(second=0, seconds=1.0, ok=300, ended=300, requests=302, retransmissions=600)
    sample.answers.update({200: 300})
    look = look_at(replace(result, samples=[sample], whole=sample, watch=Watch(asked=[*scouts, *rows])))
    assert (look.is_refusing, look.is_shut) == (is_refusing, False)


def test_a_plain_count_goes_before_pike_that_explains_as_much() -> None:
    server = VirtualServer("escalating:15/2s,ban=12s,growth=1", rate=600.0, delay=0.03, spread=0.03, seed=285)
    verdict = verdict_of(server)
    assert verdict.limit is not None
    assert verdict.limit.spec.startswith("escalating:15/2s")

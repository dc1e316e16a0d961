"""Whole examinations in virtual time: which limiter, how much, keyed on what; or capacity, or neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.storm.examinations import PLAN, SPARES, of_a_window, verdict_of
from tests.unit.storm.virtual import NO_LIMIT, OWN, VirtualServer

from shiftline.storm.examine import Examiner, spare_sources
from shiftline.storm.plan import ClosedLoop, Plan, Target
from shiftline.storm.sample import Result
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.look import look_at
from shiftline.storm.verdict.phases import watched
from shiftline.storm.verdict.verdict import Kind


@pytest.mark.parametrize(
    ("limiter", "model", "key", "rate"),
    [
        ("window:20/1s", "window", Key.SOURCE, 20.0),
        ("window:30/2s,key=all,status=503", "window", Key.ALL, 15.0),
        ("window:3/2s,key=user", "window", Key.USER, 1.5),
        ("bucket:20/s,burst=10,key=all", "bucket", Key.ALL, 20.0),
        ("red:20/1s", "red", Key.SOURCE, 20.0),
        ("pike:20/2s,ban=20s", "pike", Key.SOURCE, 10.0),
        ("sliding:20/1s,counts=all", "sliding", Key.SOURCE, 20.0),
        ("lockout:6/5s,lock=20s", "lockout", Key.USER, 1.2),
    ],
)
def test_a_limiter_is_named_with_its_threshold_and_its_key(
    limiter: str, model: str, key: Key, rate: float
) -> None:
    verdict = verdict_of(VirtualServer(limiter, rate=600.0))
    assert verdict.kind is Kind.LIMITER
    assert verdict.limit is not None
    assert verdict.limit.spec.startswith(f"{model}:")
    assert verdict.limit.key is key
    assert verdict.rate == pytest.approx(rate, rel=0.1)
    assert "limiter, not capacity" in verdict.sentence


@pytest.mark.parametrize(
    ("limiter", "is_shut"),
    [
        ("window:4/2s,key=all", False), ("window:20/10s", False), ("red:5/1s", False),
        ("window:4/5s,key=user", False), ("pike:9/2s,ban=0s,status=403", True),
        ("escalating:9/1s,ban=15s,growth=1", True), ("lockout:6/5s,lock=20s", True),
    ],
)  # fmt: skip
def test_a_limit_that_many_share_is_no_ban(limiter: str, is_shut: bool) -> None:
    server = VirtualServer(limiter, rate=400.0)
    assert look_at(server.ask(watched(replace(PLAN, seconds=15.0)), "look")).is_shut is is_shut


def test_a_server_that_answers_all_as_quickly_as_little_has_met_no_limit() -> None:
    verdict = verdict_of(VirtualServer(NO_LIMIT, rate=100_000.0, delay=0.2))
    assert verdict.kind is Kind.NONE
    assert "Neither" in verdict.sentence


def test_what_a_single_request_gets_too_is_not_the_loads_fault() -> None:
    verdict = verdict_of(VirtualServer("escalating:1/1s,ban=900s,growth=1", rate=600.0))
    assert verdict.kind is Kind.NONE
    assert "alone is answered 403" in verdict.sentence


def test_a_generator_that_was_late_says_nothing_of_the_server() -> None:
    server = VirtualServer("window:20/1s", rate=600.0)

    def late(plan: Plan, purpose: str) -> Result:
        result = server.ask(plan, purpose)
        result.whole.lag.record_all([60.0] * 100)
        return result

    verdict = Examiner(PLAN, late, server.rest, spares=SPARES).examine().verdict
    assert verdict is not None
    assert verdict.kind is Kind.INVALID
    assert "storm did not keep" in verdict.sentence


def test_one_source_cannot_tell_a_limit_per_source_from_one_for_all() -> None:
    verdict = verdict_of(VirtualServer("window:20/1s", rate=600.0), spares=[])
    assert verdict.limit is not None
    assert (verdict.limit.key, verdict.limit.is_key_certain) == (Key.ALL, False)
    assert "look alike" in verdict.evidence[-1]


def test_no_later_load_is_heavier_and_passwords_are_remembered() -> None:
    server, examination = of_a_window()
    first = examination.result
    rate = first.whole.requests / first.sending_seconds
    later = server.plans[1:]
    assert later
    for plan in later:
        assert not isinstance(plan.load, ClosedLoop)
        assert plan.load.shape.highest_rate <= max(rate, 4.0)
        assert plan.tries is not None


def test_spare_sources_are_loopbacks_own() -> None:
    assert OWN not in spare_sources(PLAN)
    assert spare_sources(replace(PLAN, target=Target(host="10.0.0.9"))) == []

"""Whole examinations in virtual time: which limiter, how much, keyed on what; or capacity, or neither."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.storm.virtual import NO_LIMIT, OWN, VirtualServer

from shiftline.governor.limiters.model import Arrival as Judged
from shiftline.governor.limiters.model import Fate
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.secrets import Secret
from shiftline.storm.examine import Examination, Examiner, spare_sources
from shiftline.storm.plan import ClosedLoop, Mixed, Plan, Target
from shiftline.storm.sample import Result
from shiftline.storm.script import METHOD_SCRIPTS, Method
from shiftline.storm.shapes import steps
from shiftline.storm.verdict.arrivals import Arrival, Key, Trial
from shiftline.storm.verdict.fits import fits
from shiftline.storm.verdict.look import look_at
from shiftline.storm.verdict.phases import RATES, watched
from shiftline.storm.verdict.verdict import Kind, Verdict
from shiftline.storm.verdict.words import MODELS

SPARES = [f"127.0.0.{number}" for number in range(201, 211)]
PLAN = Plan(
    target=Target(host="127.0.0.1"),
    load=ClosedLoop(concurrency=100),
    mix=(Mixed(script=METHOD_SCRIPTS[Method.REGISTER]),),
    names=[f"agent{number:04d}" for number in range(1, 101)],
    passwords=[Secret("secret")],
    sources=(OWN,),
    seconds=6.0,
    timeout_seconds=4.0,
)


def examined(server: VirtualServer, plan: Plan = PLAN, spares: list[str] = SPARES) -> Examination:
    return Examiner(plan, server.ask, server.rest, spares=spares).examine()


@cache
def of_a_window() -> tuple[VirtualServer, Examination]:
    """One examination for all that only look at it."""
    server = VirtualServer("window:20/1s", rate=300.0)
    return server, examined(server)


def verdict_of(server: VirtualServer, plan: Plan = PLAN, spares: list[str] = SPARES) -> Verdict:
    verdict = examined(server, plan, spares).verdict
    assert verdict is not None
    return verdict


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


def test_a_queue_is_capacity() -> None:
    verdict = verdict_of(VirtualServer(NO_LIMIT, rate=600.0))
    assert (verdict.kind, verdict.key) == (Kind.CAPACITY, None)
    assert verdict.rate == pytest.approx(300.0, rel=0.15)
    assert "25 times the load" in verdict.evidence[0]


@pytest.mark.parametrize(
    ("limiter", "delay", "spread", "key", "places"),
    [
        ("concurrency:20", 0.020, 0.040, Key.ALL, 20),
        ("concurrency:8,key=source,status=403", 0.100, 0.0, Key.SOURCE, 8),
        ("concurrency:50", 0.250, 0.5, Key.ALL, 50),
        ("concurrency:1,key=user", 0.100, 0.05, Key.USER, 1),
    ],
)
def test_a_cap_on_what_is_under_way_is_a_limiter_with_its_places(
    limiter: str, delay: float, spread: float, key: Key, places: int
) -> None:
    verdict = verdict_of(VirtualServer(limiter, rate=3000.0, delay=delay, spread=spread))
    assert verdict.limit is not None
    assert verdict.limit.spec.startswith("concurrency:")
    assert (verdict.kind, verdict.limit.key, verdict.limit.count) == (Kind.LIMITER, key, places)
    assert "under way" in verdict.sentence
    assert "no longer for it" in " ".join(verdict.evidence)
    assert verdict.as_json()["limit"]["seconds"] is None


def test_a_full_queue_before_a_busy_processor_is_capacity() -> None:
    verdict = verdict_of(VirtualServer(rate=100.0, queue=20))
    assert verdict.kind is Kind.CAPACITY
    assert verdict.rate == pytest.approx(100.0, rel=0.1)
    assert "waited for one another" in " ".join(verdict.evidence)


@pytest.mark.parametrize("limiter", ["bucket:200/s,burst=10,key=all", "bucket:200/s,burst=5,key=all"])
def test_a_bucket_whose_rate_leaves_as_many_under_way_is_no_cap(limiter: str) -> None:
    verdict = verdict_of(VirtualServer(limiter, rate=3000.0, delay=0.05))
    assert verdict.limit is not None
    assert verdict.limit.spec.startswith("bucket:")


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


@st.composite
def limiters(draw: st.DrawFn) -> tuple[str, float, float]:
    """A limiter that goes on letting something through: its text, its requests per second, its window."""
    count = draw(st.integers(min_value=15, max_value=30))
    key = draw(st.sampled_from(["source", "all"]))
    name = draw(st.sampled_from(["window", "sliding", "red", "bucket"]))
    if name == "bucket":
        burst = draw(st.integers(min_value=1, max_value=30))
        return f"bucket:{count}/s,burst={burst},key={key}", float(count), 1.0
    seconds = draw(st.sampled_from([1.0, 2.0]))
    return f"{name}:{count}/{seconds:g}s,key={key}", count / seconds, seconds


@st.composite
def other_limiters(draw: st.DrawFn) -> tuple[str, str, float]:
    """One that shuts, or a cap: its text, its key, and how many requests it takes to be refused."""
    count = draw(st.integers(min_value=8, max_value=30))
    seconds = draw(st.sampled_from([1, 2, 5]))
    key = draw(st.sampled_from(["source", "all"]))
    status = draw(st.sampled_from([403, 503]))
    return draw(
        st.sampled_from(
            [
                (f"concurrency:{count},key={key},status={status}", key, float(count)),
                (f"escalating:{count}/{seconds}s,ban=12s,growth=1", "source", count / seconds),
                (f"pike:{count + 4}/2s,ban=12s,status=403", "source", (count + 4) / 2.0),
                (f"lockout:{count // 6 + 2}/5s,lock=12s", "user", (count // 6 + 2) / 5.0),
            ]
        )
    )


# Shrinking a failure would play hundreds of limiters: the drawn one says enough.
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(limiters(), st.floats(min_value=0.0, max_value=1.0), st.floats(min_value=0.0, max_value=50.0))
def test_any_limiter_is_found_within_a_tenth(
    drawn: tuple[str, float, float], phase: float, began: float
) -> None:
    text, rate, seconds = drawn
    limiter = parse_limiter(text).build(phase)
    sources, arrivals = [OWN, OWN, SPARES[0], OWN, SPARES[0], OWN], []
    length = 3.5 * seconds
    shape = steps([times * rate for times in RATES], length)
    for number, moment in enumerate(shape.moments()):
        if moment > len(RATES) * length:
            break
        source, user = sources[number % len(sources)], f"agent{number * number % 37 % 11}"
        fate = limiter.judge(Judged(at=began + moment, source=source, account=user)).fate
        arrivals.append(Arrival(began + moment, source, user, ("REGISTER", True), fate is Fate.PASS))
    best = fits([Trial(arrivals)], {Key(key): _passes(text, rate) for key in ("all", "source")})[0]
    assert best.key.value in text
    assert best.rate == pytest.approx(rate, rel=0.1)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(other_limiters(), st.integers(min_value=1, max_value=1000))
def test_any_ban_and_any_cap_is_found_within_a_tenth(drawn: tuple[str, str, float], seed: int) -> None:
    """Whole examinations; of a cap the places count, of a ban its requests per second.

    Nothing wrong is stated as a fact. What waits in the server's queue is counted later than it was sent, by
    a time that nobody outside sees: then two counts of users may foretell as much, the verdict says so, and
    the truth is among what it lists.
    """
    text, key, wanted = drawn
    rate = 3000.0 if text.startswith("concurrency") else 600.0  # else its capacity, not the cap, is met first
    verdict = verdict_of(VirtualServer(text, rate=rate, delay=0.03, spread=0.03, seed=seed))
    limit = verdict.limit
    assert limit is not None, verdict.sentence
    assert limit.key.value == key
    name = text.partition(":")[0]
    found = limit.rate if limit.seconds else limit.count
    if limit.model != MODELS[name] or found != pytest.approx(wanted, rel=0.1):
        assert "not certain" in verdict.sentence
        assert name == "lockout"
        others = [parse_limiter(other) for other in verdict.alternatives]
        rates = [spec.amount.per_second for spec in others if spec.name == name]
        assert any(one == pytest.approx(wanted, rel=0.1) for one in rates), verdict.sentence


def _passes(text: str, rate: float) -> float:
    """What passes per second far above the limit, as the load that was asked for shows it."""
    limiter, often, seconds = parse_limiter(text).build(0.3), 40, 20
    arrivals = [
        Judged(at=number / (often * rate), source=OWN) for number in range(int(often * rate * seconds))
    ]
    passed = [arrival for arrival in arrivals if limiter.judge(arrival).fate is Fate.PASS]
    return sum(arrival.at >= seconds / 2 for arrival in passed) / (seconds / 2)

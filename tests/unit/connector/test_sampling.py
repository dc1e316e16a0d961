"""The trunk's time series: what is in a sample, and what a counter that begins anew does to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.connector.records import TrunkSample
from shiftline.connector.sampling import Sampler, refusal_classes

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def known(sent: int, passed: int = 0, refused: int = 0, **more: Any) -> dict[str, Any]:
    return {"sent": sent, "passed": passed, "refused": refused, "rate": 20.0, "mode": "holding"} | more


def taken(sampler: Sampler, knowledge: dict[str, Any], at: datetime) -> TrunkSample:
    """A sample that is there, and kept."""
    sampled = sampler.sample(knowledge, at)
    assert sampled is not None
    sampler.kept(sampled)
    return sampled.sample


def test_a_sample_holds_what_was_done_since_the_last_one() -> None:
    """Differences of the counters, over the time that passed, with the state of the moment."""
    sampler = Sampler(NOW)
    assert sampler.sample(known(40), after(4)) is None
    first = taken(sampler, known(100, 90, 4, refusals=[{"ago": 2.0, "class": "throttle"}]), after(5))
    assert first == TrunkSample(
        at=after(5),
        seconds=5.0,
        rate=20.0,
        sent=100,
        passed=90,
        refused=4,
        mode="holding",
        refusal="throttle",
    )
    second = taken(sampler, known(160, 155, 4, refusals=[{"ago": 8.0, "class": "throttle"}]), after(11))
    assert (second.seconds, second.sent, second.passed, second.refused, second.refusal) == (
        6.0,
        60,
        65,
        0,
        None,
    )


def test_what_was_not_kept_is_in_the_next_sample() -> None:
    """A commit that failed has kept nothing: no request is lost from the series."""
    sampler = Sampler(NOW)
    assert sampler.sample(known(50), after(5)) is not None
    later = taken(sampler, known(80), after(10))
    assert (later.seconds, later.sent) == (10.0, 80)


def test_a_governor_that_counts_anew_is_not_counted_backwards() -> None:
    """After a takeover the counters are low again: all that they show is new."""
    sampler = Sampler(NOW)
    taken(sampler, known(500, 490, 10), after(5))
    fresh = taken(sampler, known(20, 19, 1, refusal="throttle"), after(10))
    assert (fresh.sent, fresh.passed, fresh.refused, fresh.refusal) == (20, 19, 1, "throttle")


def test_one_counter_that_fell_tells_that_all_began_anew() -> None:
    """A new governor may have sent more than the old one, and yet refused less."""
    sampler = Sampler(NOW)
    taken(sampler, known(10, 5, 5), after(5))
    assert taken(sampler, known(30, 30, 0), after(10)).sent == 30


def test_an_older_governor_without_counters_is_borne() -> None:
    """What is not told is 0, and the mode is unknown."""
    sample = taken(Sampler(NOW), {"rate": None}, after(5))
    assert (sample.rate, sample.sent, sample.refused, sample.mode) == (0.0, 0, 0, "unknown")


def test_a_clock_that_is_set_back_makes_no_interval() -> None:
    """The time before the step is forgotten, what was counted is not."""
    sampler = Sampler(NOW)
    assert sampler.sample(known(30), after(-3600)) is None
    sample = taken(sampler, known(60), after(-3595))
    assert (sample.seconds, sample.sent) == (5.0, 60)


@pytest.mark.parametrize(
    ("knowledge", "expected"),
    [
        ({"refusals": [{"ago": 9.0, "class": "ban"}, {"ago": 1.0, "class": "policy"}]}, "policy"),
        ({"refusals": [{"ago": 9.0, "class": "ban"}], "refusal": "throttle"}, "throttle"),
        ({"refusals": None, "refusal": "none"}, "undecided"),
        ({}, "undecided"),
    ],
)
def test_a_refusal_has_the_newest_class(knowledge: dict[str, Any], expected: str) -> None:
    """That of the list if it came within the interval, else what the governor says of the trunk."""
    assert taken(Sampler(NOW), known(9, 0, 9) | knowledge, after(5)).refusal == expected


def test_a_sample_gets_its_class_when_the_governor_has_decided() -> None:
    """Once, with the sample that is made then; one that was not committed is told again."""
    sampler = Sampler(NOW)
    refused = {"ago": 0.1, "class": "undecided"}
    first = taken(sampler, known(9, 5, 4, refusals=[refused]), after(5))
    assert first.refusal == "undecided"
    decided = known(9, 5, 4, refusals=[{"ago": 5.1, "class": "throttle"}])
    for _ in range(2):
        second = sampler.sample(decided, after(10))
        assert second
        assert second.sample.refusal is None
        assert [(one.at, one.refusal) for one in second.decided] == [(first.at, "throttle")]
    taken(sampler, decided, after(10))
    third = sampler.sample(known(9, 5, 4, refusals=[{"ago": 10.1, "class": "throttle"}]), after(15))
    assert third is not None
    assert third.decided == ()


def test_a_silence_is_marked_though_nothing_was_refused() -> None:
    """A trunk that bans by not answering is no quiet trunk."""
    silent = known(9, 9, 0, refusals=[{"ago": 2.0, "class": "unreachable", "status": None}])
    assert taken(Sampler(NOW), silent, after(5)).refusal == "unreachable"


def at_five_seconds(*classes: str | None) -> list[TrunkSample]:
    return [
        TrunkSample(
            at=after(5 * index), seconds=5, rate=1, sent=1, passed=0, refused=1, mode="holding", refusal=name
        )
        for index, name in enumerate(classes)
    ]


def test_an_undecided_refusal_is_what_the_next_one_was() -> None:
    """Only what comes after a refusal tells what it was; an hour later it tells nothing."""
    samples = at_five_seconds("undecided", None, "throttle", "undecided", "ban", None, "undecided")
    assert refusal_classes(samples) == ["throttle", None, "throttle", "ban", "ban", None, "undecided"]
    assert refusal_classes(at_five_seconds("undecided", *[None] * 20, "ban"))[0] == "undecided"


steps = st.lists(
    st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0, 20)),
    max_size=30,
)


@given(steps=steps)
def test_counts_are_never_negative_and_a_steady_governor_loses_none(
    steps: list[tuple[bool, int, int, int, float]],
) -> None:
    """Whatever restarts come between: no sample takes back what was done, and without one all is there."""
    sampler, at = Sampler(NOW), 0.0
    totals, kept, restarted = [0, 0, 0], 0, False
    for restarts, *added, seconds in steps:
        if restarts:
            totals, restarted = [0, 0, 0], True
        totals = [total + more for total, more in zip(totals, added, strict=True)]
        at += seconds
        sampled = sampler.sample(known(*totals), after(at))
        if sampled is not None:
            sampler.kept(sampled)
            sample = sampled.sample
            assert min(sample.sent, sample.passed, sample.refused) >= 0
            kept += sample.sent
            if not restarted:
                assert kept == totals[0]

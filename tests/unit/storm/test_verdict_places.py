"""Examinations of what limits how much may be under way: a cap of places, or a queue and its capacity."""

from __future__ import annotations

import pytest
from tests.unit.storm.examinations import verdict_of
from tests.unit.storm.virtual import NO_LIMIT, VirtualServer

from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.verdict import Kind


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

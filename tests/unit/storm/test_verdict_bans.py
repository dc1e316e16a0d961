"""Bans that look like other bans, or like counts that ban nobody: what tells them apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.storm.examinations import verdict_of
from tests.unit.storm.test_verdict_doubts import LIMIT, late_result
from tests.unit.storm.virtual import VirtualServer

from shiftline.storm.verdict.judge import limiter_verdict
from shiftline.storm.verdict.look import look_at
from shiftline.storm.verdict.words import full_queue_sentence


@pytest.mark.parametrize(
    ("limiter", "seed", "spec"),
    [
        # Windows of one and of two seconds did as well, until a fresh address asked at a rate between.
        ("pike:15/2s,ban=12s,status=403", 128, "pike:15/2s"),
        # A table's clock ends a ban of 12 s up to a second late.
        ("pike:24/2s,ban=12s,status=403", 3, "pike:24/2s,ban=12s"),
        # A unit of pike's ended within the quickest burst, which was longer for it.
        ("pike:28/2s,ban=12s,status=403", 922, "pike:28/2s,ban=12s"),
        # A window ended within a burst: its phase is known to a few milliseconds.
        ("escalating:27/2s,ban=12s,growth=1", 978, "escalating:27/2s,ban=12s"),
        # Seen from outside, a ban of 12 s took 11.98.
        ("escalating:23/5s,ban=12s,growth=1", 289, "escalating:23/5s,ban=12s"),
    ],
)
def test_a_ban_is_told_from_what_looks_like_it(limiter: str, seed: int, spec: str) -> None:
    verdict = verdict_of(VirtualServer(limiter, rate=600.0, delay=0.03, spread=0.03, seed=seed))
    assert verdict.limit is not None
    assert verdict.limit.spec.startswith(spec)
    assert "Never exceed it, do not probe it again" in verdict.advice


def test_what_may_ban_is_never_to_be_probed() -> None:
    look = look_at(late_result(0))
    unsure = replace(LIMIT, may_ban=True, is_seen_enough=False)
    assert "do not probe it again" in limiter_verdict(look, unsure, ["pike:24/2s,ban=12s"]).advice
    assert "probe" not in limiter_verdict(look, LIMIT, []).advice


def test_one_request_is_no_requests() -> None:
    look = look_at(late_result(0))
    cap = replace(LIMIT, spec="concurrency:1,key=user", count=1.0, seconds=0.0, agreement=1.0)
    told = limiter_verdict(look, cap, [])
    assert "1 request under way" in told.sentence
    assert "at most 1 request under way" in told.advice
    assert "takes 1 request, " in full_queue_sentence(100.0, 1)


def test_a_cap_before_which_requests_waited_is_told_with_its_doubt() -> None:
    """The burst takes longer to be counted than half an answer: some places are free again before its end."""
    server = VirtualServer("concurrency:28,key=source", rate=1500.0, delay=0.03, spread=0.03, seed=458)
    verdict = verdict_of(server)
    assert "not certain" in verdict.sentence
    assert "waited before they were counted" in " ".join(verdict.evidence)

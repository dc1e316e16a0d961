"""A limit that is named agrees with all that passed, not with one time of trouble alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

import pytest
from tests.unit.diagnosis.records import BEGIN, OURS

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Finding
from shiftline.diagnosis.observe import Observer
from shiftline.diagnosis.passive.agreeing import agrees
from shiftline.governor.window_fit import Observation, WindowFit

LIMIT, PHASE = 15, 0.44
LOADS = (
    *((0.0, 5, 1.0), (12.02, 3, 0.001), (13.03, 10, 0.1), (17.13, 21, 0.0005), (30.15, 12, 0.1)),
    *((34.26, 19, 0.0005), (47.27, 28, 0.0185), (59.76, 16, 0.02), (61.06, 33, 0.008)),
)
"""As an examination loads a trunk: begin, number, seconds between two."""


def seen(*, per_window: int = LIMIT, seconds: float = 1.0) -> list[Observation]:
    """What becomes of `LOADS` in fixed windows."""
    counts: dict[int, int] = {}
    found = []
    for begin, number, gap in LOADS:
        for at in (begin + step * gap for step in range(number)):
            window = floor((at - PHASE) / seconds)
            counts[window] = counts.get(window, 0) + 1
            found.append(Observation(at, counts[window] <= per_window))
    return found


def asked(observations: list[Observation]) -> Iterator[Exchange]:
    for number, one in enumerate(observations):
        yield Exchange(
            at=BEGIN + one.sent_at,
            source=OURS,
            target="198.51.100.5",
            method="OPTIONS",
            call_id=f"call{number}",
            status=200 if one.passed else 403,
            answered_after=0.0001,
            file="x.pcap",
            packet=2 * number + 1,
        )


def read(observations: list[Observation]) -> Finding:
    observer = Observer()
    for one in asked(observations):
        observer.add(one)
    beliefs = [believe(one, is_recorded=True) for one in observer.evidence()]
    return conclude(beliefs, Permission(), is_recorded=True).findings[0]


def test_a_limit_that_only_the_first_burst_fits_is_not_named() -> None:
    """15 in each 5 s explains two bursts; in the third 26 pass in half a second."""
    found = read(seen())
    assert found.cause == "throttle.source"
    assert (found.figures["limit"], found.figures["window_seconds"]) == (LIMIT, 1.0)


def passages(*, per_window: int = LIMIT, seconds: float = 1.0) -> list[float]:
    return [one.sent_at for one in seen(per_window=per_window, seconds=seconds) if one.passed]


def windows(limit: int, seconds: float) -> WindowFit:
    return WindowFit(seconds, limit, limit, (0.0,))


@pytest.mark.parametrize(("limit", "seconds"), [(15, 5.0), (15, 10.0), (5, 1.0)])
def test_what_passed_elsewhere_refutes_a_window(limit: int, seconds: float) -> None:
    assert not agrees(windows(limit, seconds), passages())


@pytest.mark.parametrize(("limit", "seconds"), [(15, 1.0), (15, 5.0), (20, 10.0)])
def test_windows_agree_with_what_they_let_pass(limit: int, seconds: float) -> None:
    """Where one ends and the next begins twice as many pass: that refutes nothing."""
    assert agrees(windows(limit, seconds), passages(per_window=limit, seconds=seconds))


def test_many_passages_refute_without_a_refusal() -> None:
    calm = [number * 0.01 for number in range(300)]
    assert not agrees(windows(20, 1.0), calm)
    assert agrees(windows(100, 1.0), calm)

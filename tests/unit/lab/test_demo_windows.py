"""Overshoot windows are the throttle's own, whatever a kinder way of counting would make of the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.lab.demo.windows import overshoot_windows
from shiftline.lab.pbx.faults import Throttle, ThrottledKeys, ThrottleKey
from shiftline.lab.pbx_log import RequestRecord

PASSED = RequestRecord(
    at=0.0,
    source="127.0.0.2",
    source_port=5062,
    method="OPTIONS",
    user="agent0001",
    auth_user=None,
    carried_credentials=False,
    status=200,
    reason="ok",
    call_id="abc",
)
KEYS = pytest.mark.parametrize("key", ThrottleKey)


def logged(
    arrivals: Iterable[tuple[float, str]], throttle: Throttle, *, phase: float
) -> tuple[list[RequestRecord], int]:
    """What a throttle of this phase makes of the arrivals, and the windows in which it refused."""
    keys = ThrottledKeys(throttle, phase_seconds=phase)
    records, windows = [], set()
    for at, source in sorted(arrivals):
        record = replace(PASSED, at=at, source=source, window=keys.window_at(at))
        if not keys.admits(source, at):
            record = replace(record, status=403, reason="throttled")
            windows.add(record.window)
        records.append(record)
    return records, len(windows)


def without_numbers(records: Iterable[RequestRecord]) -> list[RequestRecord]:
    """As Kamailio logs them."""
    return [replace(record, window=None) for record in records]


@KEYS
@pytest.mark.parametrize("numbered", [True, False])
def test_a_burst_over_a_boundary_is_two_windows(key: ThrottleKey, *, numbered: bool) -> None:
    """Two windows' worth of 600 requests pass, though all refusals fit into half a second."""
    burst = [(10.0 + number / 1200, "127.0.0.2") for number in range(600)]
    throttle = Throttle(limit=50, key=key)
    records, windows = logged(burst, throttle, phase=0.35)
    assert (sum(record.status == 200 for record in records), windows) == (100, 2)
    assert overshoot_windows(records if numbered else without_numbers(records), throttle) == 2


@KEYS
def test_a_burst_within_one_window_is_one(key: ThrottleKey) -> None:
    """No more is counted than there was."""
    burst = [(10.0 + number / 1200, "127.0.0.2") for number in range(600)]
    throttle = Throttle(limit=50, key=key)
    records, windows = logged(burst, throttle, phase=0.75)
    assert windows == overshoot_windows(without_numbers(records), throttle) == 1


def test_nobody_refused_is_no_window() -> None:
    """A quiet log has none."""
    records, _ = logged([(1.0, "127.0.0.2")], Throttle(limit=1), phase=0.0)
    assert overshoot_windows(records, Throttle(limit=1)) == 0


@KEYS
@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.floats(0.002, 0.12), min_size=20, max_size=150),
    sources=st.data(),
    phase=st.floats(0.0, 0.999),
)
def test_a_fitted_phase_never_flatters(
    key: ThrottleKey, steps: list[float], sources: st.DataObject, phase: float
) -> None:
    """Whatever arrives when: by the fit there are at least as many windows as the throttle had.

    The phase is sought in steps of 5 ms, so that one candidate in two hundred may miss an arrival.
    """
    throttle = Throttle(limit=8, key=key)
    at, arrivals = 100.0, []
    for step in steps:
        at += step
        arrivals.append((at, sources.draw(st.sampled_from(["127.0.0.2", "127.0.0.3"]))))
    records, windows = logged(arrivals, throttle, phase=round(phase * 200) / 200)
    assert overshoot_windows(without_numbers(records), throttle) >= windows


def test_the_end_of_a_call_is_not_counted() -> None:
    """A BYE passes the throttle by; taken for a pass, it would make windows where there were none."""
    throttle = Throttle(limit=2)
    records, windows = logged([(at, "127.0.0.2") for at in (10.1, 10.2, 10.3, 10.9)], throttle, phase=0.0)
    bye = replace(PASSED, at=10.5, method="BYE")
    assert windows == overshoot_windows([*without_numbers(records), bye], throttle) == 1

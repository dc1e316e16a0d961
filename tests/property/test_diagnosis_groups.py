"""The busiest window is found without counting the arrivals of each request."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shiftline.diagnosis.groups import WINDOWS, Group, Key

_TIMES = st.lists(st.floats(0.0, 100.0) | st.integers(0, 100).map(float) | st.sampled_from([1e16, 1e17]))


@given(_TIMES)
def test_the_busiest_window_is_the_most_that_any_request_met(times: list[float]) -> None:
    counted, looked_up = Group(Key.SOURCE, "192.0.2.5"), Group(Key.SOURCE, "192.0.2.5")
    for at in times:
        counted.add(at, 200)
        looked_up.add(at, 200)
    looked_up.threshold()  # counts the arrivals of each request
    most = counted.busiest()
    assert most == looked_up.busiest()
    assert most == {window: _most(times, window) for window in WINDOWS}


def _most(times: list[float], window: float) -> int:
    """By trying each request as the last of a window; it counts itself, however large its time."""
    found = [max(1, sum(at - window < other <= at for other in times)) for at in times]
    return max(found, default=0)

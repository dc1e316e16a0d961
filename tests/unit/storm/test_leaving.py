"""When in its call a datagram leaves."""

from __future__ import annotations

from math import inf

import pytest
from tests.unit.storm.test_flows import answer, flows_of

from shiftline.storm.leaving import leaving_seconds
from shiftline.storm.run_clock import RunClock
from shiftline.storm.script import options_script


@pytest.mark.parametrize(
    ("leaves_after", "latency"),
    [
        pytest.param(0.002, 0.498, id="as soon as the kernel told"),
        pytest.param(0.4, 0.4, id="amid the call at the latest"),
        pytest.param(inf, 0.4, id="amid the call where nothing is known"),
    ],
)
def test_a_latency_begins_when_its_request_leaves(leaves_after: float, latency: float) -> None:
    """The call began at 10.0 s and returned at 10.2 s; the answer came at 10.5 s."""
    flows = flows_of(options_script())
    flows.leaves_after = leaves_after
    flows.start(10.0)
    flows.stamp(flows.sources[0], 10.0, 10.2)
    flows.receive(answer(flows.sources[0].out[0], b"200 OK"), 10.5)
    assert flows.tally.latencies == [pytest.approx(latency)]


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_the_kernel_is_asked_when_a_datagram_leaves(host: str) -> None:
    """After the call began, and sooner than a tick of any clock that matters here."""
    assert 0.0 < leaving_seconds(host, RunClock()) < 0.01


def test_an_address_that_is_not_ours_cannot_be_asked() -> None:
    """As its sockets could not be opened."""
    with pytest.raises(OSError, match="assign"):
        leaving_seconds("192.0.2.1", RunClock())

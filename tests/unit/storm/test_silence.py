"""When a target has fallen silent, and when only somebody was not answered."""

from __future__ import annotations

from tests.unit.storm.test_flows import answer, flows_of

from shiftline.storm.flows import Flows
from shiftline.storm.script import options_script
from shiftline.storm.silence import Silence


class Load:
    """Flows of which each is answered at once, unless its number is among ``ignored``."""

    def __init__(self, ignored: range, timeout_seconds: float = 32.0) -> None:
        self.flows: Flows = flows_of(options_script(), password=None, timeout_seconds=timeout_seconds)
        self.silence = Silence(self.flows, 10.0)
        self.silence.begin(0.0)
        self._ignored = ignored
        self._ticks = 0

    def begin(self, now: float) -> None:
        """One more flow."""
        self.flows.start(now)
        (request,) = self.flows.sources[0].out
        self.flows.sources[0].out.clear()
        self.flows.stamp(self.flows.sources[0], now, now)
        if self.flows.number not in self._ignored:
            self.flows.receive(answer(request, b"200 OK"), now)

    def falls_by(self, now: float) -> bool:
        """Whether it is called silent at any time until then."""
        while self._ticks < now * 200:
            self._ticks += 1
            self.flows.tick(self._ticks * 0.005)
            self.flows.sources[0].out.clear()
            if self.silence.has_fallen(self._ticks * 0.005):
                return True
        return False


def load_of(ignored: range, flows: int = 100, every: float = 0.01, timeout_seconds: float = 32.0) -> Load:
    load = Load(ignored, timeout_seconds)
    for number in range(flows):
        assert not load.falls_by(number * every)
        load.begin(number * every)
    return load


def test_a_few_ignored_flows_are_no_silence_however_late_they_came() -> None:
    assert not load_of(range(7, 8)).falls_by(40.0)
    assert not load_of(range(96, 100)).falls_by(40.0)


def test_a_target_that_hangs_is_silent_after_the_time_that_was_given() -> None:
    load = load_of(range(51, 1000))
    assert not load.falls_by(10.4)
    assert load.falls_by(11.0)


def test_a_slow_load_with_a_short_timeout_falls_silent_too() -> None:
    """Nobody is pending for longer than a second, and nobody is answered."""
    load = Load(range(3, 100), timeout_seconds=1.0)
    fell = 0
    while not load.falls_by(float(fell)):
        load.begin(float(fell))
        fell += 1
    assert 11 <= fell <= 14


def test_one_flow_that_is_all_there_was_shows_silence() -> None:
    assert load_of(range(1, 2), flows=1).falls_by(11.0)

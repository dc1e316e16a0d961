"""Cuts what the flows tally into seconds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from shiftline.storm.flows import Flows, Tally
from shiftline.storm.sample import Sample


class Recorder:
    """Makes a `Sample` of each second. ``drops`` and ``refusals`` count since their sockets were opened."""

    def __init__(
        self,
        flows: Flows,
        on_sample: Callable[[Sample], None],
        *,
        drops: Callable[[], int],
        refusals: Callable[[], int],
    ) -> None:
        self._flows = flows
        self._on_sample = on_sample
        self._drops, self._refusals = drops, refusals
        self.began = 0.0
        self._second = 0
        self._last = 0.0
        self._due = float("inf")
        self._seen = (0.0, 0, 0)

    def begin(self, now: float) -> None:
        """The load begins: forget what was before."""
        self._flows.tally = Tally()
        self.began = self._last = now
        self._due = now + 1.0
        self._seen = self._readings()

    def pass_time(self, now: float) -> None:
        """Cut the sample if a second has passed."""
        if now >= self._due:
            self._cut(now)

    def finish(self, now: float) -> None:
        """Cut what is left."""
        self._cut(now)
        self._due = float("inf")

    def _readings(self) -> tuple[float, int, int]:
        return time.process_time(), self._drops(), self._refusals()

    def _cut(self, now: float) -> None:
        tally, self._flows.tally = self._flows.tally, Tally()
        before, self._seen = self._seen, self._readings()
        sample = Sample(
            second=self._second,
            seconds=now - self._last,
            started=tally.started,
            ok=tally.ok,
            ended=len(tally.statuses),
            requests=tally.requests - tally.retransmissions,
            retransmissions=tally.retransmissions,
            late_answers=tally.late_answers,
            in_flight=len(self._flows.pending),
            held_back=sum(len(source.out) for source in self._flows.sources),
            cpu_seconds=self._seen[0] - before[0],
            our_drops=self._seen[1] - before[1],
            refused_datagrams=self._seen[2] - before[2],
        )
        sample.statuses.update(tally.statuses)
        sample.answers.update({int(status): count for status, count in Counter(tally.answers).items()})
        sample.latency.record_all(tally.latencies)
        sample.response.record_all(tally.responses)
        sample.lag.record_all(tally.lags)
        self._second = int(now - self.began)
        self._last = now
        self._due = self.began + self._second + 1.0
        self._on_sample(sample)

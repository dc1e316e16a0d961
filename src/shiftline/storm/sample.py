"""What a run showed: a `Sample` for each second, and the `Result` of all; pure, and additive over processes.

Three durations are kept apart. *Latency* is from a request's first copy to its final answer, per request,
as a capture on the wire has it. *Response* is from the moment at which a flow was scheduled to its last
answer: it counts our own lateness too, and so does not omit what a stalled server kept us from sending
(coordinated omission). *Lag* is from that scheduled moment to the first request's way out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shiftline.storm.histogram import Histogram
from shiftline.storm.watch import Watch

TIMEOUT = 0
"""The status of a flow that got no final answer in time."""
FELL_SILENT = "the target stopped answering"
"""Why a run ended early, if that was it: a limiter may be behind it, and what was seen counts."""
INTERRUPTED = "it was interrupted"
"""The same, if somebody wanted no more."""
WITHHELD = -1
"""The status of a flow whose credentials were not sent: they had been refused, or not proven, twice."""


@dataclass(slots=True, kw_only=True)
class Sample:
    """One second of a run, or several added up. ``second`` counts from the run's start.

    ``statuses`` has each ended flow's last status, with `TIMEOUT` and `WITHHELD`; ``answers`` each final
    answer to a request, so the challenges too.
    """

    second: int
    seconds: float = 0.0
    started: int = 0
    ok: int = 0
    ended: int = 0
    requests: int = 0
    retransmissions: int = 0
    late_answers: int = 0
    """Answers to nothing that we still wait for: copies, and what came after a timeout."""
    refused_datagrams: int = 0
    """Datagrams that the other machine refused with ICMP: nothing listens there."""
    held_back: int = 0
    """Messages at the second's end that the target's connection, or our kernel, had not taken yet."""
    our_drops: int = 0
    """Answers that our own kernel threw away since our buffer was full."""
    target_drops: int | None = None
    """What the target's kernel threw away since its buffer was full; None when it cannot be read."""
    in_flight: int = 0
    """At the second's end."""
    cpu_seconds: float = 0.0
    """Processor time of the engine, user and system."""
    statuses: Counter[int] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    response: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)

    def add(self, other: Sample) -> None:
        """Take in the same second of another process."""
        self.seconds = max(self.seconds, other.seconds)
        self._count(other)
        self.in_flight += other.in_flight
        self.held_back += other.held_back

    def follow(self, other: Sample) -> None:
        """Take in a later second."""
        self.seconds += other.seconds
        self._count(other)
        self.in_flight = other.in_flight
        self.held_back = max(self.held_back, other.held_back)

    def pack(self) -> None:
        """Take little room from now on; its figures stay the same."""
        for histogram in (self.latency, self.response, self.lag):
            histogram.pack()

    def _count(self, other: Sample) -> None:
        self.started += other.started
        self.ok += other.ok
        self.ended += other.ended
        self.requests += other.requests
        self.retransmissions += other.retransmissions
        self.late_answers += other.late_answers
        self.refused_datagrams += other.refused_datagrams
        self.our_drops += other.our_drops
        if other.target_drops is not None:
            self.target_drops = (self.target_drops or 0) + other.target_drops
        self.cpu_seconds += other.cpu_seconds
        self.statuses.update(other.statuses)
        self.answers.update(other.answers)
        self.latency.add(other.latency)
        self.response.add(other.response)
        self.lag.add(other.lag)


def total(samples: Iterable[Sample]) -> Sample:
    """All seconds as one."""
    whole = Sample(second=0)
    for sample in samples:
        whole.follow(sample)
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingCheck:
    """What the server said afterwards about users that were told 200: is the binding really there?"""

    asked: int
    bound: int
    others: int = 0
    """Of those bound: users of whom the server named other contacts only, and none of ours."""

    @property
    def missing(self) -> int:
        """Users whose binding the server does not have."""
        return self.asked - self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished run. ``stopped`` says why it ended before its plan did; empty when it did not."""

    samples: Sequence[Sample]
    whole: Sample
    sending_seconds: float
    """From the first flow to the moment after which no new one was to start."""
    invalid_reasons: Sequence[str] = ()
    stopped: str = ""
    bindings: BindingCheck | None = None
    users_out: int = 0
    """Users whose password was refused or never accepted, and who were left alone from then on."""
    processes: int = 1
    tries: Mapping[str, int] = field(default_factory=dict)
    """Of users whose password was tried and not accepted: how often (`users.User.tries`)."""
    watch: Watch = field(default_factory=Watch)
    """Single requests, if the plan wanted them watched."""

    @property
    def valid(self) -> bool:
        """Whether the figures say something about the server rather than about us."""
        return not self.invalid_reasons

    @property
    def flows(self) -> int:
        """Flows that ended."""
        return self.whole.ended

    @property
    def ok(self) -> int:
        """Flows that did all that their script wants."""
        return self.whole.ok

    @property
    def whole_seconds(self) -> list[Sample]:
        """The seconds in which flows were started from their beginning to their end."""
        return [sample for sample in self.samples if sample.second < int(self.sending_seconds)]

    @property
    def flows_per_second(self) -> float:
        """Flows that succeeded, per whole second of sending: what comes while storm only waits is no rate.

        Of a run shorter than a second, per second until the last flow ended.
        """
        seconds = self.whole_seconds or [self.whole]
        length = sum(sample.seconds for sample in seconds)
        return sum(sample.ok for sample in seconds) / length if length else 0.0

    @property
    def ok_after_sending(self) -> int:
        """Flows that succeeded after the last whole second of sending: while storm only waited."""
        return self.whole.ok - sum(sample.ok for sample in self.whole_seconds or [self.whole])

    @property
    def cpu_us_per_flow(self) -> float:
        """Microseconds of the engines' processor time per ended flow."""
        return self.whole.cpu_seconds / self.whole.ended * 1e6 if self.whole.ended else 0.0

    @property
    def failed_share(self) -> float:
        """The part of the ended flows that did not succeed, 0 to 1."""
        return 1.0 - self.whole.ok / self.whole.ended if self.whole.ended else 0.0


def status_words(statuses: Mapping[int, int]) -> dict[str, int]:
    """Statuses as JSON and tables name them."""
    names = {TIMEOUT: "timeout", WITHHELD: "withheld"}
    return {names.get(status, str(status)): count for status, count in sorted(statuses.items())}


def percentiles_ms(histogram: Histogram) -> dict[str, float]:
    """The percentiles that are shown everywhere, in milliseconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: histogram.quantile(share) * 1000.0 for name, share in shares.items()}
    return {name: round(value, 3) for name, value in {**found, "max": histogram.highest * 1000.0}.items()}

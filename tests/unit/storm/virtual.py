"""A server in virtual time, for whole examinations without a socket: a limiter of the bank, then a queue.

`VirtualServer.ask` stands where `storm.run.run` does, `rest` where the clock's sleep does. Requests are
handled in order, ``rate`` a second, and a refusal takes as long as an answer; what is dropped is never
answered, and its flow ends with the plan's timeout.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

from shiftline.governor.limiters.model import Arrival, Fate, Limiter
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import TIMEOUT, Result, Sample, total
from shiftline.storm.users import PROVEN
from shiftline.storm.watch import Asked, Watch, in_order

OWN = "127.0.0.2"
NO_LIMIT = "concurrency:1000000"


@dataclass(slots=True)
class _Asking:
    """A flow under way."""

    user: str
    source: str
    method: str
    scheduled: float
    carried: bool


class VirtualServer:
    """See the module. Beside the queue, in which ``queue`` requests find room, an answer takes ``delay``
    seconds and up to ``spread`` more, drawn evenly; what finds the queue full is refused at once. Between
    two moments (seconds from its making) it ``hangs``, and the ``mute`` never get an answer.
    """

    def __init__(
        self, limiter: str = NO_LIMIT, *, rate: float = 2000.0, delay: float = 0.0, seed: int = 1,
        queue: int = 1_000_000, spread: float = 0.0, hangs: tuple[float, float] = (inf, inf),
        mute: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._random = Random(seed)
        self._limiter: Limiter = parse_limiter(limiter).build(
            self._random.random(), random=self._random.random
        )
        self._seconds, self._delay = 1.0 / rate, delay
        self._queue, self._spread = queue, spread
        self._free = 0.0
        self.now = 1000.0 + self._random.random() * 60.0
        self.plans: list[Plan] = []
        self._hangs = (self.now + hangs[0], self.now + hangs[1])
        self._mute = mute

    def rest(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self.now += seconds

    def ask(self, plan: Plan, purpose: str) -> Result:
        """Run a plan."""
        assert purpose
        self.plans.append(plan)
        return _Run(self, plan).result()

    def answer(self, asking: _Asking, at: float) -> tuple[int, float]:
        """The status and when it comes."""
        if self._hangs[0] <= at < self._hangs[1] or asking.user in self._mute:
            return TIMEOUT, at
        if self._free - at > self._queue * self._seconds:
            return 503, at + self._seconds
        start = max(at, self._free)
        self._free = start + self._seconds
        account = asking.user if asking.carried else None
        delay = self._delay + self._spread * self._random.random()
        verdict = self._limiter.judge(
            Arrival(at=start, source=asking.source, account=account, service_seconds=delay)
        )
        done = self._free + (delay if verdict.fate is Fate.PASS else 0.0)
        if verdict.fate is Fate.DROP:
            return TIMEOUT, done
        if verdict.fate is Fate.REFUSE:
            return verdict.status, done
        return (200 if asking.carried or asking.method == "OPTIONS" else 401), done


@dataclass(slots=True)
class _Run:
    server: VirtualServer
    plan: Plan
    rows: list[Asked] = field(default_factory=list)
    samples: dict[int, Sample] = field(default_factory=dict)
    _number: Iterator[int] = field(default_factory=count)
    _turn: int = 0
    began: float = 0.0
    _last: float = 0.0

    def result(self) -> Result:
        self.began = self.server.now
        queue: list[tuple[float, int, _Asking | None]] = []
        until = self.began + (self.plan.seconds or 1e9)
        left = self.plan.flows or 10**9
        closed = isinstance(self.plan.load, ClosedLoop)
        for _ in range(min(self.plan.scouts, 1)):
            self._alone()
        starts = self._starts()
        upcoming = next(starts, None)
        while upcoming is not None or queue:
            if upcoming is not None and (not queue or upcoming <= queue[0][0]):
                at = upcoming
                upcoming = next(starts, None)
                if at >= until or not left:
                    upcoming = None
                    continue
                left -= 1
                self._sample(at).started += 1
                self._send(self._new(at), at, queue)
                continue
            at, _, again = heapq.heappop(queue)
            self.server.now = max(self.server.now, at)
            if again is not None:
                self._send(again, at, queue)
            elif closed and at < until and left:
                left -= 1
                self._sample(at).started += 1
                self._send(self._new(at), at, queue)
        lasts = bool(self.plan.seconds) and left > 0
        self.server.now = max(self.server.now, min(until, self.began + 60.0) if lasts else 0.0)
        for second in range(int(self.server.now - self.began)):
            self._sample(self.began + second + 0.5)
        samples = [self.samples[second] for second in sorted(self.samples)]
        return Result(
            samples=samples,
            whole=total(samples),
            sending_seconds=(until if lasts else self.server.now) - self.began,
            watch=self._watch() if self.plan.watch else Watch(),
        )

    def _watch(self) -> Watch:
        tries = {row.user: PROVEN for row in self.rows if row.carried and row.status == 200}
        return Watch(asked=in_order(self.rows), tries=tries)

    def _starts(self) -> Iterator[float]:
        load = self.plan.load
        if isinstance(load, ClosedLoop):
            yield from (self.server.now for _ in range(load.concurrency))
        else:
            yield from (self.began + moment for moment in load.shape.moments())

    def _new(self, at: float) -> _Asking:
        plan, turn = self.plan, self._turn
        self._turn += 1
        scripts = [mixed.script for mixed in plan.mix for _ in range(mixed.weight)]
        script = scripts[(turn // len(plan.sources)) % len(scripts)]
        method = script.steps[0].method
        return _Asking(
            user=plan.names[turn % len(plan.names)], source=plan.sources[turn % len(plan.sources)] or OWN,
            method=method, scheduled=at, carried=not plan.fresh_challenge and method != "OPTIONS",
        )  # fmt: skip

    def _alone(self) -> None:
        asking = self._new(self.server.now)
        for carried in (False, True):
            asking.carried = carried
            status, done = self.server.answer(asking, self.server.now)
            self._keep(asking, self.server.now, done, status)
            self.server.now = done + 0.001

    def _send(self, asking: _Asking, at: float, queue: list[tuple[float, int, _Asking | None]]) -> None:
        at = self._last = max(at, self._last + 1e-6)
        status, done = self.server.answer(asking, at)
        end = at + self.plan.timeout_seconds if status == TIMEOUT else done
        self._keep(asking, at, None if status == TIMEOUT else done, status)
        sample = self._sample(end)
        sample.requests += 1
        if status != TIMEOUT:
            sample.answers[status] += 1
            sample.latency.record_all([done - at])
        if status == 401 and not asking.carried:
            asking.carried = True
            heapq.heappush(queue, (end, next(self._number), asking))
            return
        sample.ended += 1
        sample.ok += status == 200
        sample.statuses[status] += 1
        sample.response.record_all([end - asking.scheduled])
        sample.lag.record_all([1e-4])
        heapq.heappush(queue, (end, next(self._number), None))

    def _sample(self, at: float) -> Sample:
        second = int(at - self.began)
        return self.samples.setdefault(second, Sample(second=second, seconds=1.0))

    def _keep(self, asking: _Asking, at: float, answered: float | None, status: int) -> None:
        self.rows.append(
            Asked(at, answered, status, asking.source, asking.user, asking.method, asking.carried)
        )

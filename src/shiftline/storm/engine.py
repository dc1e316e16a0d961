"""One process's engine: sockets, clock and loop around `Flows`.

The loop looks at everything at once, once a tick: it starts what is due, sends all of it in batches, then
takes all answers in. A tick while little is under way ends with the first answer; under load it lasts one
millisecond, in a closed loop a tenth of the server's latency: that changes no latency figure, since the
kernel says when each answer came.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from shiftline.storm.batch import PathLostError
from shiftline.storm.bindings import SAFE_SECONDS, BindingQuery
from shiftline.storm.flow import Source
from shiftline.storm.flows import Flows
from shiftline.storm.plan import ClosedLoop, Mixed, Plan
from shiftline.storm.recorder import Recorder
from shiftline.storm.run_clock import RunClock
from shiftline.storm.sample import FELL_SILENT, INTERRUPTED, TIMEOUT, WITHHELD, BindingCheck, Sample
from shiftline.storm.silence import Silence
from shiftline.storm.users import Users
from shiftline.storm.watch import Watch
from shiftline.storm.watching import WatchedFlows
from shiftline.storm.wires import Wires

TICK_SECONDS = 0.001
_LONGEST_TICK = 0.008
_PART_OF_LATENCY = 0.1
_CROWD = 32
"""Flows under way from which on a tick is waited out, unless the last one brought a batch by itself."""
_HIGH_RATE = 2000.0
_BATCH = 16
_LONGEST_WAIT = 0.02
_REFUSALS = frozenset({401, 403, 407, WITHHELD})
_HANG_UP_SECONDS = 2.0
_MOST_PER_TICK = 64
"""Flows that begin in one tick: a burst longer than this would overflow the server's buffer by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEnd:
    """An engine's last word. ``stopped`` says why it ended before its plan did."""

    stopped: str
    sending_seconds: float
    users_out: int
    bindings: BindingCheck | None
    tries: Mapping[str, int] = field(default_factory=dict)
    """Of users whose password was tried and not accepted: how often."""
    watch: Watch = field(default_factory=Watch)


class Engine:
    """Runs one plan in this process; ``on_sample`` gets each second as it ends."""

    def __init__(self, plan: Plan, mark: str, on_sample: Callable[[Sample], None]) -> None:
        """Opens the sockets. Raises ConfigurationError for a source address that is not ours."""
        self._plan = plan
        self._now = RunClock()
        self._wires = Wires(plan, self._now)
        scripts = [mixed.script for mixed in _interleaved(plan)]
        sources = [
            Source(place, scripts, cnonce=os.urandom(8).hex())
            for place in self._wires.places(plan.target, mark)
        ]
        self._users = Users(plan.names, plan.passwords, plan.tries)
        kind = partial(WatchedFlows, zero=self._now.zero, most=plan.watch) if plan.watch else Flows
        self.flows: Flows = kind(
            sources, self._users, timeout_seconds=plan.timeout_seconds, fresh_challenge=plan.fresh_challenge
        )
        self.flows.leaves_after = self._wires.leaves_after
        self._routes = list(zip(self._wires.ports, sources, strict=True))
        self._on_sample = on_sample
        self._recorder = Recorder(self.flows, self._tell, drops=self._drops, refusals=self._refusals)
        self._bindings: BindingCheck | None = None
        self._taken = 0
        self._tick = TICK_SECONDS
        self._longest_tick = _LONGEST_TICK if isinstance(plan.load, ClosedLoop) else TICK_SECONDS
        self._crowd = _crowd(plan)
        self._silence = Silence(self.flows, plan.silence_seconds)
        self.stopped = ""
        self.sending_seconds = 0.0

    def close(self) -> None:
        """Close the sockets."""
        self._wires.close()

    def run(self) -> None:
        """Scout, send the load, wait for what is under way. Why it ended early is in ``stopped``."""
        try:
            self._scout()
            if self.stopped:
                self._hang_up()
                return
            now = self._now()
            self._silence.begin(now)
            self._recorder.begin(now)
            self._send_load()
            self._drain()
            self._recorder.finish(self._now())
            self._hang_up()
            self._check_bindings()
        except PathLostError as error:
            self.stop(str(error))

    def interrupt(self) -> None:
        """End soon, and measure to the end; safe wherever a signal strikes."""
        self.stopped = self.stopped or INTERRUPTED

    def stop(self, reason: str) -> None:
        """End now; what was measured so far is kept."""
        self.stopped = self.stopped or reason
        self._recorder.finish(self._now())

    def last_word(self) -> EngineEnd:
        """What is known at the end beside the seconds."""
        return EngineEnd(
            stopped=self.stopped,
            sending_seconds=self.sending_seconds,
            users_out=self.flows.users_out,
            bindings=self._bindings,
            tries=self._users.unproven(),
            watch=self.flows.end() if isinstance(self.flows, WatchedFlows) else Watch(),
        )

    def _scout(self) -> None:
        """A few users, one after the other: is anybody there, and is any password right?"""
        if not self._plan.scouts:
            return
        tally = self.flows.tally
        for _ in range(min(self._plan.scouts, len(self._users))):
            self.flows.start(self._now())
            while self.flows.pending and not self.stopped:
                self._turn(wait=0.05)
                if self._refusals() and not tally.answers:
                    self.stopped = "nothing listens there: the target refuses datagrams (ICMP)"
            if self.stopped:
                return
            if tally.statuses[-1] == TIMEOUT:
                self.stopped = "the target does not answer"
                return
            if self.flows.proven or tally.statuses[-1] not in _REFUSALS:
                break
        else:
            # A 403 without a challenge before it is no judgement of a password, and a load may show why.
            if any(user.tries > 0 for user in self._users.all):
                self.stopped = "the passwords of the first users were refused"
        self.flows.freed.clear()

    def _send_load(self) -> None:
        began = self._now()
        moments = self._moments(began)
        try:
            self._start_all(moments, began)
        finally:  # a connection may be lost, and what it carried until then counts
            self.sending_seconds = self._now() - began

    def _start_all(self, moments: Iterator[float | None], began: float) -> None:
        plan = self._plan
        left = plan.flows if plan.flows is not None else -1
        until = began + plan.seconds if plan.seconds is not None else float("inf")
        upcoming = next(moments, None)
        flows = self.flows
        now = began
        while left and now < until and not self.stopped:
            budget = _MOST_PER_TICK
            while left and budget and upcoming is not None and upcoming <= now:
                if not flows.start(upcoming):
                    break
                left -= 1
                budget -= 1
                upcoming = next(moments, None)
            if upcoming is None and isinstance(plan.load, ClosedLoop):
                upcoming = next(moments, None)
            elif upcoming is None:
                break
            wait = TICK_SECONDS if upcoming is None else min(upcoming - now, _LONGEST_WAIT)
            self._turn(wait=max(wait, 0.0))
            now = self._now()
            self._watch(now)

    def _moments(self, began: float) -> Iterator[float | None]:
        load = self._plan.load
        if isinstance(load, ClosedLoop):
            return self._freed_moments(began, load.concurrency)
        return (began + moment for moment in load.shape.moments())

    def _freed_moments(self, began: float, concurrency: int) -> Iterator[float | None]:
        """First so many at once, then one for each that ends; None when none has ended."""
        for _ in range(concurrency):
            yield began
        freed = self.flows.freed
        while True:
            if not freed:
                yield None
            else:
                ended, freed[:] = freed.copy(), []
                yield from ended

    def _drain(self) -> None:
        flows = self.flows
        while (flows.pending or flows.calls.is_busy) and self.stopped not in {FELL_SILENT, INTERRUPTED}:
            self._turn(wait=TICK_SECONDS)
            self._watch(self._now())

    def _hang_up(self) -> None:
        """Leave no call open that can be ended in a moment."""
        flows = self.flows
        flows.hang_up(self._now())
        until = self._now() + _HANG_UP_SECONDS
        while flows.calls.is_busy and self._now() < until:
            self._turn(wait=TICK_SECONDS)

    def _check_bindings(self) -> None:
        """Ask about users that were told 200, if contacts were registered."""
        lasting = max(mixed.script.binding_seconds for mixed in self._plan.mix)
        since = self._now() - lasting + SAFE_SECONDS
        users = [user for user in self._users.all if user.succeeded > since]
        if self.stopped or not self._plan.checks_bindings or not users or not lasting:
            return
        query = BindingQuery([source for _, source in self._routes], users, self.flows.number + 1)
        port = self._wires.ports[0]
        while (query.left or query.is_busy) and not self.stopped:
            if not query.is_busy:
                query.ask(self._now())
            port.flush(query.source.out)
            self._wires.wait(0.05, query.receive)
            query.tick(self._now())
        query.tell_tries()
        self._bindings = query.check

    def _turn(self, *, wait: float) -> None:
        """Timers, sends, answers, and the answers' own sends."""
        now = self._now()
        self.flows.tick(now)
        self._flush()
        waits_out = len(self.flows.pending) >= self._crowd and self._taken < _BATCH
        if waits_out:
            time.sleep(self._tick)
        self._taken = self._wires.wait(0.0 if waits_out else wait, self.flows.receive, self._hear_at)
        if self._taken and self._longest_tick > TICK_SECONDS and self.flows.tally.latencies:
            wanted = self.flows.tally.latencies[-1] * _PART_OF_LATENCY
            self._tick = min(max(wanted, TICK_SECONDS), self._longest_tick)
        self._flush()
        self._recorder.pass_time(self._now())

    def _flush(self) -> None:
        for port, source in self._routes:
            if source.out:
                began = self._now()
                left = port.flush(source.out)
                if left:
                    self.flows.tally.requests += left
                    self.flows.stamp(source, began, self._now(), is_whole=not source.out)

    def _hear_at(self, place: int) -> None:
        """What comes now came to this port."""
        self.flows.hearing = self._routes[place][1]

    def _watch(self, now: float) -> None:
        """Stop when the target has fallen silent, or when no user may be used any more."""
        flows = self.flows
        if self._silence.has_fallen(now):
            self.stopped = FELL_SILENT
        elif flows.users_out == len(self._users):
            self.stopped = "no user is left whose password may be tried"

    def _tell(self, sample: Sample) -> None:
        self._now.compare()
        self._on_sample(sample)

    def _drops(self) -> int:
        return sum(port.drops for port in self._wires.ports)

    def _refusals(self) -> int:
        return sum(port.refused for port in self._wires.ports)


def _crowd(plan: Plan) -> int:
    """Flows under way from which on a tick is waited out; at a high rate always."""
    load = plan.load
    return _CROWD if isinstance(load, ClosedLoop) or load.shape.highest_rate < _HIGH_RATE else 1


def _interleaved(plan: Plan) -> list[Mixed]:
    """The mix as an even sequence: the one that is most behind its share comes next."""
    whole = sum(mixed.weight for mixed in plan.mix)
    owed = [0.0] * len(plan.mix)
    order: list[Mixed] = []
    for _ in range(whole):
        owed = [have + mixed.weight for have, mixed in zip(owed, plan.mix, strict=True)]
        first = owed.index(max(owed))
        owed[first] -= whole
        order.append(plan.mix[first])
    return order

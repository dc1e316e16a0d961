"""The load that was asked for, and the few short ones after it that explain it; then the verdict.

How a plan is run (`ask`) and how time passes (`rest`) come from outside, so that all of it can be tried in
virtual time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shiftline.storm.examine_bans import FIRST_REST, PATIENCE_SECONDS, REST_GROWTH, BanExaminer
from shiftline.storm.interruption import InterruptedStormError
from shiftline.storm.plan import OpenLoop, Plan
from shiftline.storm.sample import FELL_SILENT, INTERRUPTED, TIMEOUT, Result
from shiftline.storm.trust import own_reasons
from shiftline.storm.verdict.capacity import Processors, compare
from shiftline.storm.verdict.judge import (
    Explained,
    Step,
    explain,
    invalid_verdict,
    judge_capacity,
    judge_rate,
    refused_alone_verdict,
)
from shiftline.storm.verdict.judge_caps import judge_cap
from shiftline.storm.verdict.judge_silence import judge_lateness, stopped_verdict
from shiftline.storm.verdict.look import Look, look_at
from shiftline.storm.verdict.phases import (
    STEP_USERS,
    Known,
    cap_plan,
    lighter_plan,
    single_plan,
    steps_plan,
    watched,
)
from shiftline.storm.verdict.verdict import Verdict

Ask = Callable[[Plan, str], Result]
"""Runs a plan; the words say what for."""
Rest = Callable[[float], None]
"""Lets so many seconds pass."""
_STEPS_PURPOSE = "two sources, users that ask unequally often, two methods: who is counted with whom?"
_LIGHT_SECONDS = 3.0
_LIGHT_SHARE = 0.04
_QUIET_SECONDS, _LONG_QUIET_SECONDS = 2.3, 10.5
"""What a window counted before is forgotten after so long."""
_MOST_LOAD_ROWS = 12_000
_SLOW_SHARE = 0.5
"""Of seconds in which nothing passed: then the window is a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A run with its plan and its purpose."""

    purpose: str
    plan: Plan
    result: Result


@dataclass(slots=True)
class Examination:
    """Everything that was run, and what it says. The first phase is the load that was asked for."""

    phases: list[Phase] = field(default_factory=list)
    verdict: Verdict | None = None

    tries: dict[str, int] = field(default_factory=dict)
    """What is known of every password (`users.User.tries`)."""

    @property
    def result(self) -> Result:
        """Of the load that was asked for."""
        return self.phases[0].result


class Examiner:
    """Runs a plan and finds out what held it back; ``spares`` are source addresses that it may use, too."""

    def __init__(self, plan: Plan, ask: Ask, rest: Rest, *, spares: Sequence[str] = ()) -> None:
        self._plan = plan
        self._ask, self._rest = ask, rest
        self._spares = tuple(spares)
        self.examination = Examination()

    def examine(self, processors: Callable[[], Processors | None] = lambda: None) -> Examination:
        """All of it; ``processors`` tells what the server's processes used during the first load."""
        result = self._run(watched(self._plan), "the load that was asked for")
        used = processors()
        look = look_at(result)
        try:
            self.examination.verdict = self._verdict(result, look, used)
        except InterruptedStormError:
            self.examination.verdict = invalid_verdict([f"{INTERRUPTED} before the load was explained"])
        return self.examination

    def load_only(self) -> Examination:
        """Nothing but the load that was asked for, and no verdict."""
        self._run(self._plan, "the load that was asked for")
        return self.examination

    def _verdict(self, result: Result, look: Look, used: Processors | None) -> Verdict:
        reasons = list(own_reasons(result, self._plan))
        if result.stopped not in {"", FELL_SILENT}:
            reasons.insert(0, f"the run stopped early: {result.stopped}")
        if reasons:
            return invalid_verdict(reasons)
        if look.is_late:
            return judge_lateness(look, result.flows_per_second)
        if look.is_refusing and look.is_shut:
            return self._by_bans(look)
        if result.stopped and look.is_targets_silence:
            waited = self._seconds_until_back(result, look)
            if waited is None:
                return stopped_verdict(look.passes, PATIENCE_SECONDS)
            if not look.is_refusing:
                return stopped_verdict(look.passes, self._plan.silence_seconds + waited, came_back=True)
        if look.is_refusing:
            return self._by_steps(look)
        if look.usual:
            return refused_alone_verdict(look)
        return self._by_lighter_load(result, look, used)

    def _seconds_until_back(self, result: Result, look: Look) -> float | None:
        """When a user who was answered is answered again; None: not before patience ends."""
        known = self._known(look)
        answered = {row.user for row in result.watch.asked if row.answered is not None}
        users = [name for name in known.usable(self._plan.names) if name in answered]
        waited, rest = 0.0, FIRST_REST
        while users and waited <= PATIENCE_SECONDS:
            plan = single_plan(self._plan, self._known(look), source=known.own, user=users[0])
            asked = self._run(plan, "one alone: does it answer again?")
            if any(row.answered is not None for row in asked.watch.asked):
                return waited
            waited += asked.whole.seconds + rest
            self._rest(rest)
            rest *= REST_GROWTH
        return None

    def _by_bans(self, look: Look) -> Verdict:
        examiner = BanExaminer(self._plan, look, lambda: self._known(look), self._run, self._rest)
        return examiner.examine(self.examination.result)

    def _by_lighter_load(self, heavy: Result, look: Look, used: Processors | None) -> Verdict:
        light_plan = lighter_plan(self._plan, self._known(look), _LIGHT_SHARE, _LIGHT_SECONDS)
        light = self._run(light_plan, "a light load, to compare waits")
        reasons = own_reasons(light, light_plan)
        if reasons:
            return invalid_verdict(reasons)
        if not light.ok and light.whole.statuses[TIMEOUT] == light.whole.ended:
            return stopped_verdict(look.passes, light.whole.seconds)
        queueing = compare(light, light_plan, heavy, self._plan, used)
        return judge_capacity(look, queueing, heavy.users_out)

    def _by_steps(self, look: Look) -> Verdict:
        is_slow = _is_slow(self.examination.result, look)
        rates = [look.pass_rate]
        if all(carried for _, carried in look.counted):  # each user's own requests are counted, it seems
            rates.insert(0, look.pass_rate * min(1.0, STEP_USERS / max(1, look.users)))
        for rate in rates:
            known = self._known(look)
            self._rest(_LONG_QUIET_SECONDS if is_slow else _QUIET_SECONDS)
            plan = steps_plan(self._plan, known, rate, is_slow=is_slow)
            step = Step.of(self._run(plan, _STEPS_PURPOSE), look, plan.timeout_seconds)
            if step.is_refusing:
                break
        explained = explain(look, [step, *self._load_as_step(look)], has_spare=bool(known.second))
        return self._by_bursts(explained) or judge_rate(explained)

    def _load_as_step(self, look: Look) -> list[Step]:
        """The load that was asked for, if it came as steadily as the steps do."""
        if not isinstance(self._plan.load, OpenLoop):
            return []
        load = Step.of(self.examination.result, look, self._plan.timeout_seconds)
        return [load] if len(load.rows) <= _MOST_LOAD_ROWS else []

    def _by_bursts(self, explained: Explained) -> Verdict | None:
        """Where a cap on what is under way might explain it: bursts that tell it apart."""
        look, likely = explained.look, explained.likely_caps()
        if not likely:
            return None
        self._rest(_QUIET_SECONDS)
        plan = cap_plan(self._plan, self._known(look), likely[0])
        result = self._run(plan, "bursts: is it what is under way that counts?")
        return judge_cap(explained, likely, Step.of(result, look, plan.timeout_seconds))

    def _known(self, look: Look) -> Known:
        own = min(look.sources) if look.sources else self._plan.sources[0]
        spares = tuple(spare for spare in self._spares if spare not in look.sources)
        others = tuple(sorted(look.sources - {own}))
        return Known(
            own=own, spares=spares, others=others, tries=dict(self.examination.tries),
            request_rate=look.request_rate,
            peak_rate=max(look.request_rate, look.peak_rate), requests=self.examination.result.whole.requests,
        )  # fmt: skip

    def _run(self, plan: Plan, purpose: str) -> Result:
        result = self._ask(plan, purpose)
        self.examination.tries |= {**result.tries, **result.watch.tries}
        if result.stopped == INTERRUPTED and self.examination.phases:
            raise InterruptedStormError
        self.examination.phases.append(Phase(purpose=purpose, plan=plan, result=result))
        return result


def spare_sources(plan: Plan) -> list[str]:
    """On loopback, source addresses that nobody uses; elsewhere the system has one, and it is not known."""
    target = ipaddress.ip_address(plan.target.host)
    if target.version != 4 or not target.is_loopback:
        return []
    taken = {plan.target.host, *plan.sources}
    return [host for n in range(201, 211) if (host := f"127.0.0.{n}") not in taken]


def _is_slow(result: Result, look: Look) -> bool:
    """Whether most seconds of the load let nothing through."""
    whole = result.whole_seconds
    if len(whole) < 4 or look.pass_rate <= 0:
        return False
    empty = sum(
        sum(count for status, count in sample.answers.items() if status in look.usual or status < 300)
        < 0.1 * look.pass_rate
        for sample in whole
    )
    return empty > _SLOW_SHARE * len(whole)

"""Runs the knee search: each attempt is a load of its own, with silence after those that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shiftline.storm.examine import Examination
from shiftline.storm.interruption import InterruptedStormError
from shiftline.storm.knee import Attempt, KneeSearch
from shiftline.storm.manners import HIGHEST_RATE, PUBLIC_RATE, is_private_address
from shiftline.storm.plan import OpenLoop, Plan
from shiftline.storm.sample import INTERRUPTED, Result, percentiles_ms
from shiftline.storm.shapes import constant
from shiftline.storm.trust import own_reasons
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.verdict import Kind

Ask = Callable[[Plan, str], Result]
Rest = Callable[[float], None]
_REST_SECONDS, _LONG_REST_SECONDS = 2.3, 10.5
"""What a window has counted is forgotten after so long."""
_MOST_LATE = 3
"""So often in a row an attempt is repeated that storm itself spoilt: once may be chance."""
_FEWEST_FLOWS = 8.0
_FIRST_RATE = 5.0
_REQUESTS_PER_FLOW = 2.0
"""A registration and its challenge."""
_SHORT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KneeStep:
    """One attempt and what became of it."""

    attempt: Attempt
    flows: int
    failed: int
    p99_ms: float

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "rate": round(self.attempt.rate, 3),
            "seconds": round(self.attempt.seconds, 1),
            "confirmation": self.attempt.is_confirmation,
            "flows": self.flows,
            "failed": self.failed,
            "p99_ms": self.p99_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """The highest rate at which a long run had no failure, in flows per second; None: none was found."""

    rate: float | None
    steps: tuple[KneeStep, ...]
    ended: str = ""
    """Why the search ended without a knee, or below it."""

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.rate is None:
            return f"No knee was found: {self.ended or 'every rate had failures'}."
        last = self.steps[-1]
        more = f"; {self.ended}" if self.ended else ""
        return (
            f"The knee is at {round(self.rate, 1):,.10g} flows/s: {last.flows:,} flows in"
            f" {last.attempt.seconds:,.0f} s had no failure{more}."
        )

    def as_json(self) -> dict[str, Any]:
        """For machines; docs/reference/json.md explains it."""
        return {
            "rate": None if self.rate is None else round(self.rate, 3),
            "ended": self.ended,
            "steps": [step.as_json() for step in self.steps],
        }


def reason_not_to_search(examination: Examination) -> str:
    """Why no search may follow; empty if one may."""
    verdict = examination.verdict
    if examination.phases and examination.result.stopped:
        return f"the load before it ended early: {examination.result.stopped}"
    if verdict is None:
        return ""
    if verdict.kind is Kind.INVALID:
        return "the load before it was invalid"
    if verdict.limit is not None and verdict.limit.ban_seconds is not None:
        return "whoever exceeds this limit is shut out, and a search exceeds it again and again"
    return ""


def first_rate(examination: Examination) -> float:
    """Where a search may begin, in flows per second: at about half of what the verdict says, or low."""
    verdict, result = examination.verdict, examination.result
    if verdict is None or not verdict.rate:
        return _FIRST_RATE
    if verdict.limit is None:
        return verdict.rate / 2.0
    users = len({row.user for row in result.watch.asked}) if verdict.limit.key is Key.USER else 1
    return max(_FIRST_RATE / 10.0, verdict.rate * users / _REQUESTS_PER_FLOW / 2.0)


def highest_rate(plan: Plan) -> float:
    """The cap on any rate towards this target (`manners`)."""
    return HIGHEST_RATE if is_private_address(plan.target.host) else PUBLIC_RATE


def find_knee(
    plan: Plan, ask: Ask, rest: Rest, *, start: float, highest: float, tries: Mapping[str, int] | None = None
) -> Knee:
    """Search from ``start`` to at most ``highest`` flows per second with the flows of ``plan``."""
    search = KneeSearch(start=start, highest=highest)
    steps: list[KneeStep] = []
    try:
        ended = _attempts(plan, ask, rest, search, steps, dict(tries or {}))
    except InterruptedStormError:
        ended = INTERRUPTED
    if search.confirmed == highest and not ended:
        ended = "that is the highest rate that was to be tried"
    return Knee(rate=search.confirmed, steps=tuple(steps), ended=ended)


def _attempts(
    plan: Plan, ask: Ask, rest: Rest, search: KneeSearch, steps: list[KneeStep], tries: dict[str, int]
) -> str:
    """Run attempts until the search is over; why it ended before that. Steps and tries are added to."""
    ended, late = "", 0
    rest(_REST_SECONDS)
    while not ended and (attempt := search.attempt()) is not None:
        asked = _plan_of(plan, attempt, tries)
        purpose = "the knee, confirmed" if attempt.is_confirmation else "the knee, searched"
        result = ask(asked, f"{purpose}: {attempt.rate:,.1f} flows/s")
        tries |= result.tries
        reasons = own_reasons(result, asked)
        late = late + 1 if reasons else 0
        if result.stopped:
            ended = f"at {attempt.rate:,.1f} flows/s {result.stopped}"
        elif late >= _MOST_LATE:
            ended = f"at {attempt.rate:,.1f} flows/s storm itself was at its end ({reasons[0]})"
        elif not late:
            step = _step(attempt, result)
            steps.append(step)
            search.tell(attempt, passed=step.failed == 0 and step.flows > 0, failed_share=result.failed_share)
        if late or result.ok < result.flows:
            rest(_REST_SECONDS if attempt.seconds <= _SHORT_SECONDS else _LONG_REST_SECONDS)
    return ended


def _step(attempt: Attempt, result: Result) -> KneeStep:
    p99 = percentiles_ms(result.whole.latency)["p99"]
    return KneeStep(attempt=attempt, flows=result.flows, failed=result.flows - result.ok, p99_ms=p99)


def _plan_of(plan: Plan, attempt: Attempt, tries: Mapping[str, int] | None) -> Plan:
    return replace(
        plan,
        load=OpenLoop(shape=constant(attempt.rate)),
        seconds=max(attempt.seconds, _FEWEST_FLOWS / attempt.rate),
        flows=None,
        scouts=0,
        checks_bindings=False,
        watch=0,
        tries=tries,
    )

"""Whether a run's figures speak of the server or of ourselves; pure.

The bounds are ours and are printed with each reason. What they guard against: facts, overload-control 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import TIMEOUT, Result, percentiles_ms

LAG_P99_SECONDS = 0.020
"""Open loop: 99 of 100 flows must begin this soon after their moment."""
LAG_SHARE = 0.50
"""Closed loop: of a flow's time, at most this much may be our own delay before it."""
BUSY_SHARE = 0.95
"""Of one processor per engine."""
FEWEST_FLOWS = 100
"""What a 99th percentile needs at least."""


def invalid_reasons(result: Result, plan: Plan) -> Sequence[str]:
    """Every reason not to trust the figures; empty when there is none."""
    return [*own_reasons(result, plan), *_of_outcome(result)]


def own_reasons(result: Result, plan: Plan) -> Sequence[str]:
    """Those that lie with the generator and its machine: the target was not loaded as asked."""
    return [*_of_schedule(result, plan), *_of_machine(result)]


def _of_schedule(result: Result, plan: Plan) -> Iterator[str]:
    lag, response = result.whole.lag, result.whole.response
    if isinstance(plan.load, ClosedLoop):
        own = _own_seconds(result, plan) / response.mean if response.mean else 0.0
        if response.count >= FEWEST_FLOWS and own > LAG_SHARE:
            yield (
                f"storm did not keep {plan.load.concurrency} flows under way: {own:.0%} of their"
                f" time was storm's own delay (bound {LAG_SHARE:.0%}); the load was lower than asked for"
            )
    elif lag.quantile(0.99) > LAG_P99_SECONDS:
        yield (
            f"storm did not keep its schedule: the 99th percentile of its send lag is"
            f" {percentiles_ms(lag)['p99']:.1f} ms (bound {LAG_P99_SECONDS * 1000:.0f} ms)"
        )


def _own_seconds(result: Result, plan: Plan) -> float:
    """What storm itself took of a flow's time, before it and between its requests, in the mean.

    Between them only where every request was answered and no pause is wanted: else that time is not ours.
    """
    whole = result.whole
    has_pauses = any(step.pause_seconds for mixed in plan.mix for step in mixed.script.steps)
    if has_pauses or whole.statuses[TIMEOUT] or not whole.response.count or not whole.latency.count:
        return whole.lag.mean
    answering = whole.latency.mean * whole.latency.count / whole.response.count
    return max(whole.lag.mean, whole.response.mean - answering)


def _of_machine(result: Result) -> Iterator[str]:
    whole = result.whole
    busy = whole.cpu_seconds / (whole.seconds * result.processes) if whole.seconds else 0.0
    if busy > BUSY_SHARE:
        yield f"storm used up its processor: {busy:.0%} of one per engine (bound {BUSY_SHARE:.0%})"
    if whole.our_drops:
        yield f"this machine's kernel dropped {whole.our_drops} answers before storm could read them"
    if whole.refused_datagrams:
        yield f"nothing listened on the target for {whole.refused_datagrams} datagrams (ICMP)"


def _of_outcome(result: Result) -> Iterator[str]:
    if result.flows < FEWEST_FLOWS:
        yield f"only {result.flows} flows ended; percentiles want {FEWEST_FLOWS} at least"
    if result.stopped:
        yield f"the run stopped early: {result.stopped}"
    if result.bindings is not None and result.bindings.missing:
        yield (
            f"the server answered 200 but has no binding for {result.bindings.missing} of"
            f" {result.bindings.asked} users that were asked about afterwards"
        )

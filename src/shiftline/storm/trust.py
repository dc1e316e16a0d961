"""Whether a run's figures speak of the server or of ourselves; pure.

The bounds are ours and are printed with each reason. What they guard against: facts, overload-control 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import TIMEOUT, Result, percentiles_ms

LAG_P99_SECONDS = 0.020
"""Open loop: 99 of 100 flows must begin this soon after their moment."""
OWN_SHARE, OWN_SECONDS = 0.20, 0.005
"""Closed loop: a flow's time may be our own delay up to this share, or for this long.

Of N flows, those that wait for us are not with the server. If it is busy, the others wait for so much less
(Little's law: at a given rate, what is under way and the time of an answer are proportional), so that its
latency looks better than with N by just our delay, and by this share. The rate of a busy server does not
change, and latencies of requests are the kernel's and hold for what was under way. Up to 5 ms nobody is
misled: T1 is 500 ms, and a scheduler alone may take as long.
"""
BUSY_SHARE = 0.95
"""Of one processor per engine."""
LEAST_SECONDS = 1.0
"""What the share of a processor, or a rate, needs at least."""
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
        own = _own_seconds(result, plan)
        share = own_share(result, plan)
        if response.count >= FEWEST_FLOWS and share > OWN_SHARE and own > OWN_SECONDS:
            yield (
                f"storm did not keep {plan.load.concurrency} flows under way: {share:.0%} of their time"
                f" ({own * 1000:.1f} ms) was its own delay (bound {OWN_SHARE:.0%}); a busy server's latency"
                " looks too good by it"
            )
    elif lag.quantile(0.99) > LAG_P99_SECONDS:
        yield (
            f"storm did not keep its schedule: the 99th percentile of its send lag is"
            f" {percentiles_ms(lag)['p99']:.1f} ms (bound {LAG_P99_SECONDS * 1000:.0f} ms)"
        )


def own_share(result: Result, plan: Plan) -> float:
    """Of a flow's time, the part that was our own delay: 0 to 1."""
    mean = result.whole.response.mean
    return min(1.0, _own_seconds(result, plan) / mean) if mean else 0.0


def flows_at_server(result: Result, plan: Plan) -> float | None:
    """Closed loop: how many flows were with the server in the mean, and not with us; else None."""
    if not isinstance(plan.load, ClosedLoop):
        return None
    return plan.load.concurrency * (1.0 - own_share(result, plan))


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
    if busy > BUSY_SHARE and whole.seconds >= LEAST_SECONDS:
        yield f"storm used up its processor: {busy:.0%} of one per engine (bound {BUSY_SHARE:.0%})"
    if whole.our_drops:
        yield f"this machine's kernel dropped {whole.our_drops} answers before storm could read them"
    if whole.held_back:
        yield f"the way to the target was full: up to {whole.held_back:,} requests waited for it to take them"
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
